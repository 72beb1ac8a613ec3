"""Trains the classifier of the demo's parts.

    python train_part_finder.py PARTS SCENES DETECTOR.pt OUT.pt [--start WEIGHTS.pt] [--steps N] [--seed N]

PARTS are rendered by `make-parts`; SCENES, by `make_scenes.py`, are more of what is none of the parts. It starts
from the first layers of the detector of screws, holes and burn marks: from nothing it learned nothing in 400 steps. One thread, so that the same seed gives the same numbers. Figures come from `evaluate.py`, the model folder from `export.py`.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter

from nets import Classifier
from pictures import PAD, letterboxed, manifest, tensor

LABELS = ["visor", "frame", "bracket", "other"]
SIDE = 112
BATCH = 16
SCENES = 700


def load(parts, scenes):
    """[(picture as the model sees it, class)]."""
    files = [(Path(parts) / row["file"], LABELS.index(row["label"])) for row in manifest(parts, "train")]
    files += [(Path(scenes) / row["file"], LABELS.index("other")) for row in manifest(scenes, "train")[:SCENES]]
    return [(letterboxed(Image.open(path), SIDE, SIDE)[0], label) for path, label in files]


def tilted(rng, picture):
    """Nearer, farther, and seen by a camera that does not look straight down."""
    corners = np.array([(0, 0), (0, SIDE), (SIDE, SIDE), (SIDE, 0)], float)
    corners = SIDE / 2 + (corners - SIDE / 2) * rng.uniform(0.85, 1.1) + rng.uniform(-0.06, 0.06, (4, 2)) * SIDE
    return picture.transform((SIDE, SIDE), Image.QUAD, corners.ravel().tolist(), Image.BILINEAR, fillcolor=(PAD, PAD, PAD))


def littered(rng, picture):
    """With strips, discs and blocks of any colour over a small share of it: cables, tools, tape, fingers."""
    picture = picture.copy()
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.integers(1, 4)):
        ink = tuple(int(v) for v in rng.integers(0, 256, 3))
        (x, y), (a, b) = rng.uniform(0, SIDE, 2), rng.uniform(0.01, 0.09, 2) * SIDE
        kind = rng.integers(3)
        if kind == 0:
            t = rng.uniform(0, np.pi)
            pen.line([x, y, x + SIDE * np.cos(t), y + SIDE * np.sin(t)], fill=ink, width=int(rng.integers(1, 4)))
        else:
            (pen.ellipse, pen.rectangle)[kind - 1]([x - a, y - b, x + a, y + b], fill=ink)
    return picture


def sample(rng, picture):
    """A training tensor: another view, other things about, other light, another focus."""
    turn = int(rng.integers(0, 8))
    if turn < 7:
        picture = picture.transpose(turn)
    if rng.random() < 0.5:
        picture = tilted(rng, picture)
    if rng.random() < 0.25:
        picture = littered(rng, picture)
    if rng.random() < 0.2:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 0.9))))
    gain, bend = np.exp(rng.normal(0, 0.2) + rng.normal(0, 0.08, 3)), np.exp(rng.normal(0, 0.15))
    codes = np.arange(256) / 255
    x = tensor(picture.point([round(255 * v) for g in gain for v in np.clip(codes * g, 0, 1) ** bend]))
    if rng.random() < 0.2:
        x += np.float32(rng.uniform(0, 0.03)) * rng.standard_normal(x.shape, np.float32)
    return x


def train(data, detector, start_from, steps, seed, peak=2e-3):
    torch.manual_seed(seed)
    rng = np.random.Generator(np.random.PCG64(seed))
    net = Classifier(len(LABELS)).start_from(detector)
    if start_from:
        net.load_state_dict(torch.load(start_from, weights_only=True))
    net.train()
    mean = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True)
    optimiser = torch.optim.AdamW(net.parameters(), lr=peak, weight_decay=0.01)
    start, recent = time.monotonic(), []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = peak * min(1.0, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * step / steps)))
        chosen = rng.integers(0, len(data), BATCH)
        x = torch.from_numpy(np.stack([sample(rng, data[i][0]) for i in chosen]))
        y = torch.tensor([data[i][1] for i in chosen])
        value = torch.nn.functional.cross_entropy(net(x), y, label_smoothing=0.02)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        mean.update_parameters(net)
        recent.append(value.item())
        if step % 200 == 199:
            print(f"step {step + 1}: loss {np.mean(recent):.4f}, {time.monotonic() - start:.0f} s", flush=True)
            recent = []
    return mean.module


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", type=Path)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("detector", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="go on from these weights")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    net = train(load(asked.parts, asked.scenes), torch.load(asked.detector, weights_only=True), asked.start, asked.steps, asked.seed)
    torch.save(net.state_dict(), asked.out)


if __name__ == "__main__":
    main()
