#!/usr/bin/env bash
# Makes src/bindings.rs again. Needs bindgen (cargo install bindgen-cli@0.65.1), libclang and the kernel's headers; nobody else does.
# The output for x86_64 and aarch64 is the same: every 64-bit little-endian Linux has these layouts.
set -euo pipefail
cd "$(dirname "$0")"
header=$(mktemp --suffix .h)
trap 'rm -f "$header"' EXIT
echo '#include <linux/videodev2.h>' >"$header"
bindgen "$header" --no-layout-tests --no-doc-comments --allowlist-file '.*/linux/(videodev2|v4l2-common|v4l2-controls)\.h' --allowlist-type time_t \
  -o src/bindings.rs
