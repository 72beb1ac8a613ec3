#!/usr/bin/env bash
# The camera on real kernel drivers: a throw-away Linux guest (emulated, so no rights are needed) with a simulated USB webcam behind
# `uvcvideo`, and with `vivid`. Skips with a word where the guest cannot be had.
#   tests/camera-guest/run.sh                 all scenarios, a few minutes
#   tests/camera-guest/run.sh one             one group: one, two, odd, serve
#   tests/camera-guest/run.sh --soak MINUTES  memory and handles over time
# ASSAY_CAMERA_GUEST=DIR uses a copy of the harness that is set up already; otherwise one is made in the temporary folder, and kept.
# ASSAY_BIN_DIR=DIR uses programs that are built already.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() { printf 'SKIPPED camera guest: %s\n' "$*"; exit 0; }

groups=(one two odd serve) soak=
case "${1:-}" in
  --soak) soak=${2:?minutes} ;;
  '') ;;
  *) groups=("$@") ;;
esac

harness=${ASSAY_CAMERA_GUEST:-}
if [ -z "$harness" ]; then
  origin=../shared/tools/camera-guest
  [ -x "$origin/setup.sh" ] || skip "no harness at $origin"
  [ "$(uname -m)" = x86_64 ] || skip "the harness is for x86_64"
  command -v gcc >/dev/null || skip "no gcc"
  command -v apt-get >/dev/null || skip "no apt-get to fetch the guest's kernel with"
  harness=${TMPDIR:-/tmp}/assay-camera-guest-$(id -u)
  if [ ! -e "$harness/base.cpio" ]; then
    rm -rf "$harness"
    mkdir -m 700 "$harness"
    (cd "$origin" && cp -r setup.sh v4l2-guest.sh guest tools img "$harness/")
    (cd "$harness" && chmod -R u+w . && ./setup.sh >setup.log 2>&1) || {
      tail -5 "$harness/setup.log"
      rm -f "$harness/base.cpio"
      skip "its set-up failed (no network for its packages, or no libjpeg headers)"
    }
  fi
fi

bin=${ASSAY_BIN_DIR:-}
if [ -z "$bin" ]; then
  cargo build --release --quiet --locked --workspace --bins
  bin=${CARGO_TARGET_DIR:-target}/release
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$bin/camera-probe" pictures "$work/parts"

one='cam_uvcsim /app/parts/part-0.jpg'
two='cam_uvcsim -i LEFT01 /app/parts/part-0.jpg; sleep 1; uvcsim -p 1 -i RIGHT02 -c /tmp/uvc2.ctl /app/parts/part-3.jpg & wait_dev /dev/video2'
guest() { # seconds, command
  local try code=0
  for try in 1 2 3 4; do
    "$harness/v4l2-guest.sh" -C cam_none -f "$bin/assay" -f "$work/parts" -t "$1" -c ". /lib/cam.sh; $2" "$bin/camera-probe" && return
    code=$?
    [ $code = 75 ] || return $code # 75: the guest's clock runs at another rate than ours; started anew it mostly does not
  done
  return $code
}

if [ -n "$soak" ]; then
  guest $((soak * 60 + 180)) "$one; camera-probe soak /app/parts $soak"
  exit
fi

failed=0
for group in "${groups[@]}"; do
  printf '\n== camera guest: %s\n' "$group"
  case $group in
    one) guest 240 "$one; camera-probe one /app/parts" ;;
    two) guest 120 "$two; sleep 1; assay camera list; camera-probe two /app/parts" ;;
    serve) guest 600 "$one; camera-probe serve /app/parts" ;;
    odd) guest 90 "cam_vivid; camera-probe odd" ;;
    *) echo "unknown group $group"; exit 2 ;;
  esac || { echo "FAILED: $group"; failed=1; }
done
exit $failed
