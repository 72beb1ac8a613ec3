//! Constants and structures of `linux/videodev2.h`, generated once (`generate.sh`) and kept, so that building needs no libclang.
#![allow(clippy::all, missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals, unreachable_pub)]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")))]
compile_error!("these bindings hold for 64-bit little-endian Linux: run generate.sh on this machine for its own");

include!("bindings.rs");
