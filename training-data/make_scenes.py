"""Renders the pictures of screws, holes and burn marks into a folder.

    python make_scenes.py OUT [--jobs N]

OUT gets train/, val/ and test/ with one JPEG for each seed, `boxes.csv` (file, label, x0, y0, x1, y1 in px) and `manifest.csv`
(file, seed, split, sha256, licence).
"""

import argparse
import csv
import hashlib
from multiprocessing import Pool
from pathlib import Path

from scenes.scene import render
from scenes.things import LABELS

# Seeds below 10,000 are never trained on.
SPLITS = {"test": range(0, 400), "val": range(5_000, 5_100), "train": range(10_000, 11_100)}
LICENCE = "MIT OR Apache-2.0"


def write(job):
    folder, split, seed = job
    picture, boxes = render(seed)
    name = f"{split}/{seed:05}.jpg"
    (folder / name).write_bytes(picture)
    row = [name, seed, split, hashlib.sha256(picture).hexdigest(), LICENCE]
    return row, [[name, LABELS[label], *box] for label, *box in boxes]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    for split in SPLITS:
        (asked.out / split).mkdir(parents=True, exist_ok=True)
    jobs = [(asked.out, split, seed) for split, seeds in SPLITS.items() for seed in seeds]
    with Pool(asked.jobs) as pool:
        made = pool.map(write, jobs, chunksize=20)
    tables = {
        "manifest.csv": (["file", "seed", "split", "sha256", "licence"], [row for row, _ in made]),
        "boxes.csv": (["file", "label", "x0", "y0", "x1", "y1"], [box for _, boxes in made for box in boxes]),
    }
    for name, (head, rows) in tables.items():
        with open(asked.out / name, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *rows])
    print(f"{len(made)} pictures, {sum(len(boxes) for _, boxes in made)} boxes in {asked.out}")


if __name__ == "__main__":
    main()
