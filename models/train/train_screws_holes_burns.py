"""Trains the detector of screws, holes and burn marks.

    python train_screws_holes_burns.py SCENES OUT.pt [--start WEIGHTS.pt] [--steps N] [--seed N] [--peak RATE]

One thread, so that the same seed gives the same numbers. Figures come from `evaluate.py`, the model folder from `export.py`.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter

from detection import cells, loss
from nets import Detector
from pictures import PAD, scenes, tensor

LABELS = ["screw", "hole", "burn"]
SIDE = 192
BATCH = 16


def piece(rng, scene, side):
    """A random piece of a scene, turned and scaled, as (picture, boxes)."""
    _, picture, boxes = scene
    zoom = np.exp(rng.uniform(np.log(0.6), np.log(1.5))) if side == SIDE else np.exp(rng.uniform(np.log(0.45), np.log(0.85)))
    span = side / zoom
    room = np.array(picture.size) - span
    # Where the picture is too small for the piece there is grey, as at the border of a letterboxed photo.
    left, top = (rng.uniform(min(0, r), max(0, r)) if r < 0 or rng.random() < 0.9 else rng.uniform(-0.25 * span, r + 0.25 * span) for r in room)
    cut = picture.transform((side, side), Image.AFFINE, (1 / zoom, 0, left, 0, 1 / zoom, top), Image.BICUBIC, fillcolor=(PAD, PAD, PAD))
    boxes = boxes.copy()
    boxes[:, 1:] = (boxes[:, 1:] - [left, top, left, top]) * zoom
    if zoom < 0.8 and rng.random() < 0.6:
        cut = cut.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 0.6))))
    return turned(rng, cut, visible(boxes, side), side)


def visible(boxes, side):
    inside = boxes.copy()
    inside[:, 1:] = np.clip(boxes[:, 1:], 0, side)
    area = lambda b: (b[:, 3:] - b[:, 1:3]).prod(1)
    keep = (area(inside) > 0.4 * area(boxes)) & ((inside[:, 3:] - inside[:, 1:3]).min(1) >= 5)
    return inside[keep]


def turned(rng, picture, boxes, side):
    """One of the eight turns and mirror images."""
    if rng.random() < 0.5:
        picture = picture.transpose(Image.FLIP_LEFT_RIGHT)
        boxes[:, [1, 3]] = side - boxes[:, [3, 1]]
    if rng.random() < 0.5:
        picture = picture.transpose(Image.FLIP_TOP_BOTTOM)
        boxes[:, [2, 4]] = side - boxes[:, [4, 2]]
    if rng.random() < 0.5:
        picture = picture.transpose(Image.TRANSPOSE)
        boxes = boxes[:, [0, 2, 1, 4, 3]]
    return picture, boxes


def sample(rng, data):
    """A training picture (3, side, side) and its boxes: one piece, or four small ones side by side."""
    if rng.random() < 0.7:
        picture, boxes = piece(rng, data[rng.integers(len(data))], SIDE)
    else:
        picture, half, found = Image.new("RGB", (SIDE, SIDE)), SIDE // 2, []
        for x in (0, half):
            for y in (0, half):
                part, boxes = piece(rng, data[rng.integers(len(data))], half)
                picture.paste(part, (x, y))
                found.append(boxes + np.array([0, x, y, x, y], np.float32))
        boxes = np.concatenate(found)
    return lit(rng, picture), boxes


def lit(rng, picture):
    """As a tensor, in another light: gain per channel, contrast, noise, sometimes grey."""
    if rng.random() < 0.08:
        picture = picture.convert("L").convert("RGB")
    gain, bend = np.exp(rng.normal(0, 0.22) + rng.normal(0, 0.09, 3)), np.exp(rng.normal(0, 0.15))
    codes = np.arange(256) / 255
    x = tensor(picture.point([round(255 * v) for g in gain for v in np.clip(codes * g, 0, 1) ** bend]))
    if rng.random() < 0.4:
        x += np.float32(rng.uniform(0, 0.03)) * rng.standard_normal(x.shape, np.float32)
    return x


def batch(rng, data):
    samples = [sample(rng, data) for _ in range(BATCH)]
    most = max(1, max(len(boxes) for _, boxes in samples))
    truth, real = np.zeros((BATCH, most, 5), np.float32), np.zeros((BATCH, most), bool)
    for i, (_, boxes) in enumerate(samples):
        truth[i, : len(boxes)], real[i, : len(boxes)] = boxes, True
    return torch.from_numpy(np.stack([x for x, _ in samples])), torch.from_numpy(truth), torch.from_numpy(real)


def rate(step, steps, peak):
    """Short warm-up, then half a cosine."""
    return peak * min(1.0, (step + 1) / 60) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * step / steps)))


def train(data, steps, seed, start_from, peak):
    torch.manual_seed(seed)
    rng = np.random.Generator(np.random.PCG64(seed))
    net = Detector(len(LABELS))
    if start_from:
        net.load_state_dict(torch.load(start_from, weights_only=True))
    net = net.to(memory_format=torch.channels_last).train()
    mean = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True)
    decayed = [p for p in net.parameters() if p.ndim > 1]
    plain = [p for p in net.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.03}, {"params": plain, "weight_decay": 0.0}], lr=peak)
    middles, start, recent = cells(SIDE, SIDE), time.monotonic(), []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate(step, steps, peak)
        x, truth, real = batch(rng, data)
        value = loss(*net(x.contiguous(memory_format=torch.channels_last)), middles, truth, real)
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        mean.update_parameters(net)
        recent.append(value.item())
        if step % 50 == 49:
            print(f"step {step + 1}: loss {np.mean(recent):.4f}, {time.monotonic() - start:.0f} s", flush=True)
            recent = []
    return mean.module


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--peak", type=float, default=2.5e-3, help="highest learning rate")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    net = train(scenes(asked.scenes, "train", LABELS), asked.steps, asked.seed, asked.start, asked.peak)
    torch.save(net.state_dict(), asked.out)


if __name__ == "__main__":
    main()
