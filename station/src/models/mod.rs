//! Runs models: ONNX Runtime when a library is found that can be trusted, else tract, which is in the program; one binary for both.
//!
//! ```text
//! recipe -> ModelRuntime (chosen once) -> one supervised worker process per graph -> ort -> ONNX Runtime | tract
//! ```
//!
//! A model is foreign code on foreign data. It runs in a child process of the same program: when it hangs it is killed, when it takes too
//! much memory or crashes it dies alone, and the check that asked for it is "not measured". Pictures and answers go through memory that
//! both processes have open, so that this costs little.

mod backend;
mod config;
mod fetch;
mod graph;
mod library;
mod process;
mod protocol;
mod runtime;
mod supervised;
mod tensors;
mod worker;

pub use config::{ModelsConfig, Preference};
pub use fetch::{fetch, install};
pub use library::{Library, LibraryError, fetched_folder, trusted};
pub(crate) use process::COMMAND;
pub use runtime::{Choice, ModelRuntime};
pub use worker::worker_main;
