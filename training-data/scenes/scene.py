"""One picture from one seed."""

import io

import numpy as np

from . import clutter
from .camera import photograph, project, seen_through, shade, view
from .surfaces import panel, surface
from .things import burn, hole, screw, screw_kind

SIDE = 352


def places(rng, shape, wanted):
    """Places that do not overlap: (x, y, r, label). Half of the pictures line them up, as products do."""
    h, w = shape
    usual = np.exp(rng.uniform(np.log(8), np.log(62)))
    found = []
    grid = rng.random() < 0.5
    pitch, turn = usual * rng.uniform(3, 9), rng.normal(0, 0.3)
    origin = rng.uniform(0.15, 0.85, 2) * np.array([w, h])
    for _ in range(wanted * 12):
        if len(found) == wanted:
            break
        label = int(rng.choice(3, p=[0.42, 0.36, 0.22]))
        r = usual * np.exp(rng.normal(0, 0.12 if grid else 0.35)) * (rng.uniform(1.0, 1.8) if label == 2 else 1.0)
        r = float(np.clip(r, 7, 85))
        x, y = rng.uniform(0.02, 0.98) * w, rng.uniform(0.02, 0.98) * h
        if grid and label != 2:
            i, j = rng.integers(-3, 4, 2) * pitch
            x, y = origin[0] + i * np.cos(turn) - j * np.sin(turn), origin[1] + i * np.sin(turn) + j * np.cos(turn)
            if not (0 < x < w and 0 < y < h):
                continue
        if all(np.hypot(x - a, y - b) > 1.25 * (r + c) + 3 for a, b, c, _ in found):
            found.append((x, y, r, label))
    return found


def render(seed):
    """A photo of 352 x 352 px as JPEG bytes, and its boxes [label, x0, y0, x1, y1] in px."""
    rng = np.random.Generator(np.random.PCG64(seed))
    ground, outlines = composed(rng)
    forth, back = view(rng, ground.shape, (SIDE, SIDE))
    boxes = [box for label, outline in outlines if (box := visible(label, project(forth, outline)))]
    photo = photograph(rng, seen_through(shade(rng, ground), back, (SIDE, SIDE)))
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=int(rng.integers(55, 97)))
    return file.getvalue(), boxes


def composed(rng):
    """A ground with everything on it, and the outlines of what is looked for, by label."""
    ground, kind = surface(rng, (420, 420))
    if rng.random() < 0.3:
        ground, kind = panel(rng, ground)
    clutter.lay_out(rng, ground)
    wanted = 0 if rng.random() < 0.08 else int(1 + rng.poisson(6))
    outlines, family = [], None
    for x, y, r, label in places(rng, ground.shape, wanted):
        if label == 0:
            family = screw_kind(rng) if family is None or rng.random() < 0.25 else family
            outline = screw(rng, ground, x, y, r, family)
        else:
            outline = (hole, burn)[label - 1](rng, ground, x, y, r, kind)
        if outline is not None:
            outlines.append((label, outline))
    if rng.random() < 0.25:
        clutter.scratches(rng, ground)
    return ground, outlines


def visible(label, points):
    """The box of what is in the picture; nothing when less than 40 % of it is."""
    (x0, y0), (x1, y1) = points.min(0), points.max(0)
    a0, b0, a1, b1 = np.clip([x0, y0, x1, y1], 0, SIDE)
    if (a1 - a0) * (b1 - b0) < 0.4 * (x1 - x0) * (y1 - y0) or min(a1 - a0, b1 - b0) < 5:
        return None
    return [label, *(round(float(v), 1) for v in (a0, b0, a1, b1))]

