"""Figures of the two models, with ONNX Runtime: counts and 95 % intervals.

    python evaluate.py parts PARTS model.onnx
    python evaluate.py scenes SCENES model.onnx
    python evaluate.py screws FOLDER model.onnx        # photos with four screw positions: images/ and labels.csv
    python evaluate.py other FOLDER... model.onnx      # photos that show none of the demo's parts
    python evaluate.py prints FOLDER model.onnx        # failed 3D prints with boxes: images/ and labels/
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

import train_part_finder as part_finder
import train_screws_holes_burns as screws
from detection import average_precision, decode, iou, matched
from pictures import letterboxed, manifest, rows, scenes, tensor

THRESHOLD = 0.3
PHOTOS = {".jpg", ".jpeg", ".png", ".bmp"}


class Model:
    """A graph, one thread."""

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.height, self.width = self.session.get_inputs()[0].shape[2:]

    def run(self, picture):
        """The output, and what takes photo pixels to input pixels."""
        placed, how = letterboxed(picture, self.width, self.height)
        return self.session.run(None, {"images": tensor(placed)[None]})[0][0], how

    def label(self, picture):
        """Probabilities of the labels."""
        logits = self.run(picture)[0]
        e = np.exp(logits - logits.max())
        return e / e.sum()

    def boxes(self, picture, floor=0.05):
        """(n, 6): class, score, x0, y0, x1, y1 in photo pixels."""
        output, (sx, sy, left, top) = self.run(picture)
        found = decode(output, floor)
        found[:, [2, 4]] = (found[:, [2, 4]] - left) / sx
        found[:, [3, 5]] = (found[:, [3, 5]] - top) / sy
        return found


def share(hits, count):
    """'hits of count = p (95 %: low to high)', Wilson's interval."""
    if not count:
        return "0 of 0"
    z, p = 1.96, hits / count
    middle, half = (p + z * z / (2 * count)) / (1 + z * z / count), z * (p * (1 - p) / count + z * z / (4 * count * count)) ** 0.5 / (1 + z * z / count)
    return f"{hits} of {count} = {p:.3f} (95 %: {max(0, middle - half):.3f} to {min(1, middle + half):.3f})"


def parts(folder, model):
    labels = part_finder.LABELS
    for split in ("test", "demo"):
        table = np.zeros((len(labels), len(labels)), int)
        faulty, sure, sure_wrong = [0, 0], 0, 0
        for row in manifest(folder, split):
            p = model.label(Image.open(Path(folder) / row["file"]))
            truth, found = labels.index(row["label"]), int(p.argmax())
            table[truth, found] += 1
            if row["fault"] and row["fault"] != "WrongPart":
                faulty[0] += truth == found
                faulty[1] += 1
            sure += p.max() >= 0.8
            sure_wrong += p.max() >= 0.8 and truth != found
        print(f"{split}: accuracy {share(int(table.trace()), int(table.sum()))}")
        print(f"  faulty parts known: {share(*map(int, faulty))}; score >= 0.8: {share(int(sure), int(table.sum()))}, of them wrong {sure_wrong}")
        print("  rows are the truth:", *labels)
        for i, label in enumerate(labels):
            print(f"  {label:8}", *table[i], f"  recall {share(int(table[i, i]), int(table[i].sum()))}; precision {share(int(table[i, i]), int(table[:, i].sum()))}")


def other(folders, model):
    paths = sorted(p for folder in folders for p in Path(folder).rglob("*") if p.suffix.lower() in PHOTOS and "ground_truth" not in p.parts)
    found = [part_finder.LABELS[int(model.label(Image.open(p)).argmax())] for p in paths]
    print(f"called other: {share(found.count('other'), len(found))};", {label: found.count(label) for label in part_finder.LABELS})


def scores_of(pictures):
    """[(class, scores, hits, number of boxes of the truth)] over pictures of (found, truth)."""
    for c in range(len(screws.LABELS)):
        scores, hits, count = [], [], 0
        for found, truth in pictures:
            found, truth = found[found[:, 0] == c], truth[truth[:, 0] == c]
            scores.append(found[:, 1])
            hits.append(matched(found, truth))
            count += len(truth)
        yield c, np.concatenate(scores), np.concatenate(hits), count


def mean_precision(pictures):
    return float(np.mean([average_precision(s, h, n) for _, s, h, n in scores_of(pictures)]))


def scene_figures(folder, model, split="test"):
    pictures = [(model.boxes(picture, 0.01), truth) for _, picture, truth in scenes(folder, split, screws.LABELS)]
    rng = np.random.default_rng(0)
    again = [mean_precision([pictures[i] for i in rng.integers(0, len(pictures), len(pictures))]) for _ in range(200)]
    low, high = np.percentile(again, [2.5, 97.5])
    print(f"{split}: {len(pictures)} pictures, mAP@0.5 {mean_precision(pictures):.3f} (95 %, bootstrap over pictures: {low:.3f} to {high:.3f})")
    for c, scores, hits, count in scores_of(pictures):
        sure = scores >= THRESHOLD
        print(f"  {screws.LABELS[c]:6} AP {average_precision(scores, hits, count):.3f}; at score {THRESHOLD}: "
              f"recall {share(int(hits[sure].sum()), count)}; precision {share(int(hits[sure].sum()), int(sure.sum()))}")  # fmt: skip


# Where the photos' four positions are, px: upper left, upper right, lower left, lower right (from the data set's own description).
POSITIONS = np.array([(5, 69, 261, 326), (305, 69, 561, 326), (5, 429, 261, 686), (325, 429, 581, 686)], float)


def positions(folder, model):
    screw, hole = screws.LABELS.index("screw"), screws.LABELS.index("hole")
    table, extra, whole, photos = np.zeros((2, 4), int), [0, 0, 0], 0, 0
    for row in rows(Path(folder) / "labels.csv"):
        path = Path(folder) / "images" / row["file"]
        if not path.exists():  # the table has photos of other folders too
            continue
        found = model.boxes(Image.open(path), THRESHOLD)
        middle, right = (found[:, 2:4] + found[:, 4:]) / 2, True
        for box, present in zip(POSITIONS, row["TL_TR_BL_BR_screw_present"]):
            here = found[((middle > box[:2]) & (middle < box[2:])).all(1)]
            best = {c: here[here[:, 0] == c][:, 1].max(initial=0) for c in (screw, hole)}
            said = 3 if max(best.values()) == 0 else (0 if best[screw] >= best[hole] else 1)
            table[0 if present == "1" else 1, said] += 1
            right &= said == (0 if present == "1" else 1)
        outside = found[[not any(((m > b[:2]) & (m < b[2:])).all() for b in POSITIONS) for m in middle]]
        for c in range(3):
            extra[c] += int((outside[:, 0] == c).sum())
        whole, photos = whole + right, photos + 1
    right = int(table[0, 0] + table[1, 1])
    print(f"positions told apart at score {THRESHOLD}: {share(right, int(table.sum()))}; photos with all four right: {share(whole, photos)}")
    for i, truth in enumerate(("screw present", "screw missing")):
        print(f"  {truth}: screw {table[i, 0]}, hole {table[i, 1]}, nothing {table[i, 3]}")
    print("  boxes away from the four positions:", dict(zip(screws.LABELS, extra)))


def prints(folder, model):
    met, count, kinds = 0, 0, [0, 0, 0]
    for path in sorted((Path(folder) / "images").iterdir()):
        picture = Image.open(path)
        found = model.boxes(picture, THRESHOLD)
        for c in found[:, 0]:
            kinds[int(c)] += 1
        label = Path(folder) / "labels" / (path.stem + ".txt")
        for line in label.read_text().splitlines():
            _, x, y, w, h = map(float, line.split())
            truth = np.array([(x - w / 2), (y - h / 2), (x + w / 2), (y + h / 2)]) * np.tile(picture.size, 2)
            met += bool(len(found)) and iou(truth, found[:, 2:]).max() >= 0.5
            count += 1
    print(f"boxes of failed prints met by a box of any label: {share(int(met), count)}; boxes found:", dict(zip(screws.LABELS, kinds)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["parts", "scenes", "screws", "other", "prints"])
    parser.add_argument("folder", nargs="+")
    parser.add_argument("model", type=Path)
    asked = parser.parse_args()
    model = Model(asked.model)
    if asked.what == "other":
        other(asked.folder, model)
    else:
        {"parts": parts, "scenes": scene_figures, "screws": positions, "prints": prints}[asked.what](asked.folder[0], model)


if __name__ == "__main__":
    main()
