#!/bin/sh
# Makes everything again in FOLDER: pictures, both models, their folders and their figures. Compare with what is committed.
#
#   sh models/make.sh FOLDER
#
# Needs Python 3.11, the Rust toolchain and 7 GB for the Python packages. Training is seeded and runs on one thread, with torch's deterministic algorithms;
# the last 1,400 steps of part-finder gave the committed model again, bit for bit; the stages before it have not been run twice as a whole.
set -eu
out=${1:?usage: sh models/make.sh FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
python3 -m venv "$out/venv"
"$out/venv/bin/pip" install --quiet -r "$here/requirements.txt"
py="$out/venv/bin/python"

cargo run --release --manifest-path "$here/../Cargo.toml" -p training-data --bin make-parts -- "$out/parts"
"$py" "$here/../training-data/make_scenes.py" "$out/scenes" --jobs 2

cd "$here/train"
"$py" train_screws_holes_burns.py "$out/scenes" "$out/first.pt" --steps 1000 --seed 1
"$py" train_screws_holes_burns.py "$out/scenes" "$out/screws-holes-burns.pt" --start "$out/first.pt" --steps 600 --seed 2 --peak 2e-3
"$py" export.py screws-holes-burns "$out/screws-holes-burns.pt" "$out/models/screws-holes-burns" "$here"/screws-holes-burns/parity/*/input.jpg
"$py" train_part_finder.py "$out/parts" "$out/scenes" "$out/first.pt" "$out/parts-first.pt" --steps 1600 --seed 1
"$py" train_part_finder.py "$out/parts" "$out/scenes" "$out/first.pt" "$out/part-finder.pt" --start "$out/parts-first.pt" --steps 1400 --seed 2
"$py" export.py part-finder "$out/part-finder.pt" "$out/models/part-finder" "$here"/part-finder/parity/*/input.jpg

"$py" evaluate.py parts "$out/parts" "$out/models/part-finder/model.onnx"
"$py" evaluate.py scenes "$out/scenes" "$out/models/screws-holes-burns/model.onnx"
sha256sum "$out"/models/*/model.onnx "$here"/*/model.onnx
