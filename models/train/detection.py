"""Learning and judging boxes: which cells answer for which box, losses, non-maximum suppression, precision and recall."""

import numpy as np
import torch
from torch.nn import functional


def iou(a, b):
    """Intersection over union of (..., 4) corners, broadcast."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    both = np.clip(high - low, 0, None).prod(-1)
    area = lambda v: (v[..., 2:] - v[..., :2]).prod(-1)
    return both / np.maximum(area(a) + area(b) - both, 1e-9)


def overlap(a, b, generalised=False):
    """The same in torch; with the enclosing box's waste taken off (Rezatofighi et al. 2019, doi:10.1109/CVPR.2019.00075)."""
    both = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    area = lambda v: (v[..., 2:] - v[..., :2]).prod(-1)
    union = area(a) + area(b) - both + 1e-6
    if not generalised:
        return both / union
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1) + 1e-6
    return both / union - (hull - union) / hull


def cells(width, height, stride=8):
    """Middles of the cells, px (N, 2)."""
    y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
    return (torch.stack([x, y], -1).reshape(-1, 2).float() + 0.5) * stride


def assign(scores, found, middles, truth, real, most=8):
    """Task-aligned assignment (Feng et al. 2021, doi:10.1109/ICCV48922.2021.00349).

    scores (B, N, C), found (B, N, 4), truth (B, M, 5), real (B, M). Returns targets (B, N, C), the box of each cell (B, N), whether it has one.
    """
    batch, count, classes = scores.shape
    boxes, label = truth[..., 1:], truth[..., 0].long()
    shares = overlap(found[:, None], boxes[:, :, None]).clamp(0, 1)  # B M N
    own = scores.gather(2, label[:, None].expand(-1, count, -1)).transpose(1, 2)
    # Small boxes may lie between the middles of cells, so half a cell is added.
    half = ((boxes[..., 2:] - boxes[..., :2]) / 2).clamp(min=6.0)
    centre = (boxes[..., 2:] + boxes[..., :2]) / 2
    inside = ((middles[None, None] - centre[:, :, None]).abs() < half[:, :, None]).all(-1) & real[..., None]
    fit = (own.sqrt() * shares**4 + 1e-9) * inside
    chosen = fit >= fit.topk(most, -1).values[..., -1:]
    fit = fit * (chosen & inside)
    best, which = fit.max(1)  # B N
    has = best > 0
    mine = functional.one_hot(which, truth.shape[1]).transpose(1, 2) * has[:, None]
    fit = fit * mine
    top_fit = fit.amax(-1, keepdim=True)
    top_share = (shares * mine).amax(-1, keepdim=True)
    quality = (fit / (top_fit + 1e-12) * top_share).amax(1)
    target = functional.one_hot(label.gather(1, which), classes) * (quality * has)[..., None]
    return target, which, has


def loss(logits, sides, middles, truth, real):
    """Cross-entropy of class scores against box quality, and generalised IoU of the boxes that answer."""
    logits, sides = logits.flatten(2).transpose(1, 2), sides.flatten(2).transpose(1, 2) * 8
    found = torch.cat([middles - sides[..., :2], middles + sides[..., 2:]], -1)
    with torch.no_grad():
        target, which, has = assign(logits.sigmoid(), found.detach(), middles, truth, real)
    total = target.sum().clamp(min=1.0)
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="sum") / total
    weight = target.sum(-1)[has]
    wanted = truth[..., 1:].gather(1, which[..., None].expand(-1, -1, 4))[has]
    boxes = ((1 - overlap(found[has], wanted, True)) * weight).sum() / total
    return entropy + 2.5 * boxes


def decode(rows, floor=0.05, limit=0.45, most=300):
    """Rows (4 + C, N) of the exported detector to boxes (n, 6): class, score, x0, y0, x1, y1; the best first."""
    label, score = rows[4:].argmax(0), rows[4:].max(0)
    keep = np.flatnonzero(score >= floor)
    keep = keep[np.argsort(-score[keep], kind="stable")]
    half = rows[2:4, keep] / 2
    boxes = np.concatenate([rows[:2, keep] - half, rows[:2, keep] + half]).T
    label, score = label[keep], score[keep]
    chosen = []
    for i in range(len(keep)):
        if len(chosen) == most:
            break
        rivals = [j for j in chosen if label[j] == label[i]]
        if not rivals or iou(boxes[i], boxes[rivals]).max() <= limit:
            chosen.append(i)
    return np.concatenate([label[chosen, None], score[chosen, None], boxes[chosen]], 1)


def matched(found, truth, least=0.5):
    """For each found box of a picture, best first: whether it meets a box of the truth that no better one met."""
    free, hits = np.ones(len(truth), bool), np.zeros(len(found), bool)
    for i, box in enumerate(found):
        share = iou(box[2:], truth[:, 1:]) * free * (truth[:, 0] == box[0]) if len(truth) else np.zeros(0)
        if len(share) and share.max() >= least:
            free[share.argmax()] = False
            hits[i] = True
    return hits


def average_precision(scores, hits, count):
    """Area under the precision envelope over all recalls."""
    if not count or not len(scores):
        return 0.0
    order = np.argsort(-scores, kind="stable")
    hit = np.cumsum(hits[order])
    recall, precision = hit / count, hit / np.arange(1, len(hit) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0) * envelope))
