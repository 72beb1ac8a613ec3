"""Pictures into tensors, as the station prepares them: whole, proportions kept, the rest grey (114); PIL's bilinear; 0 to 1."""

import csv
import hashlib
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

PAD = 114


def letterboxed(picture, width, height):
    """The picture in the input, and (scale x, scale y, left, top) that take photo pixels to input pixels."""
    scale = min(width / picture.width, height / picture.height)
    w, h = (max(1, round(side * scale)) for side in picture.size)
    left, top = (width - w) // 2, (height - h) // 2
    canvas = Image.new("RGB", (width, height), (PAD, PAD, PAD))
    canvas.paste(picture.convert("RGB").resize((w, h), Image.BILINEAR), (left, top))
    return canvas, (w / picture.width, h / picture.height, left, top)


def tensor(picture):
    """(3, height, width), 0 to 1."""
    return np.ascontiguousarray(np.asarray(picture, np.float32).transpose(2, 0, 1) / np.float32(255))


def rows(path):
    """A table's rows as dictionaries."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def manifest(folder, split):
    """Files of a split, in order; every one is read and compared with its digest."""
    files = [row for row in rows(Path(folder) / "manifest.csv") if row["split"] == split]
    for row in files:
        found = hashlib.sha256((Path(folder) / row["file"]).read_bytes()).hexdigest()
        if found != row["sha256"]:
            raise SystemExit(f"expected sha256 {row['sha256']}, found {found}: {Path(folder) / row['file']}")
    return files


def scenes(folder, split, labels):
    """[(name, picture, boxes (n, 5): class, x0, y0, x1, y1 in px)]."""
    boxes = defaultdict(list)
    for row in rows(Path(folder) / "boxes.csv"):
        boxes[row["file"]].append([labels.index(row["label"]), *(float(row[k]) for k in ("x0", "y0", "x1", "y1"))])
    return [
        (row["file"], Image.open(Path(folder) / row["file"]).convert("RGB"), np.array(boxes[row["file"]], np.float32).reshape(-1, 5))
        for row in manifest(folder, split)
    ]
