"""What things lie on: wood, metal, plastic, circuit boards, printed matter, stone and plain ground."""

import numpy as np
from PIL import Image, ImageDraw

from .fields import F, blur, linear, noise, smoothstep, turned


class Ground:
    """Colours (linear), heights (px), how metallic, how glossy: what shading needs to know of every point."""

    def __init__(self, albedo, height, metal=0.0, gloss=0.0):
        shape = height.shape
        self.albedo = np.clip(albedo, 0.002, 0.98).astype(F)
        self.height = height.astype(F)
        self.metal = np.full(shape, metal, F)
        self.gloss = np.full(shape, gloss, F)
        self.burnable = metal

    @property
    def shape(self):
        return self.height.shape


def tint(base, field, strength):
    """A colour made lighter and darker by a field."""
    return linear(base)[None, None] * np.exp(strength * field)[..., None].astype(F)


WOODS = [(0.80, 0.62, 0.42), (0.86, 0.74, 0.56), (0.62, 0.42, 0.26), (0.72, 0.56, 0.38), (0.45, 0.29, 0.19), (0.90, 0.82, 0.68), (0.70, 0.47, 0.30)]


def wood(rng, shape):
    base = np.array(WOODS[rng.integers(len(WOODS))]) * rng.uniform(0.85, 1.1)
    stretch, cell = rng.uniform(8, 40), rng.uniform(3, 14)
    angle = rng.choice([0, np.pi / 2]) + rng.normal(0, 0.15)
    fibres = turned(rng, shape, lambda r, s: noise(r, s, cell, stretch, 3), angle)
    pores = turned(rng, shape, lambda r, s: noise(r, s, 2.2, rng.uniform(4, 18), 1), angle)
    field = fibres * rng.uniform(0.3, 1.0) + 0.5 * noise(rng, shape, 90, 1, 2)
    albedo = tint(base, field, rng.uniform(0.05, 0.16))
    albedo *= (1 - rng.uniform(0.05, 0.35) * smoothstep(pores - 1.0))[..., None]
    ground = Ground(albedo, rng.uniform(0.05, 0.35) * (0.5 * fibres + 0.5 * pores), 0, rng.choice([0.0, 0.0, rng.uniform(0, 0.25)]))
    for _ in range(rng.poisson(0.35)):
        knot(rng, ground)
    return ground


def knot(rng, ground):
    """A branch's place in the wood: brown, round, with a soft border. Neither a hole nor a burn."""
    h, w = ground.shape
    y, x = np.mgrid[0:h, 0:w].astype(F)
    r = rng.uniform(7, 30)
    d = np.hypot(x - rng.uniform(0, w), (y - rng.uniform(0, h)) * rng.uniform(0.6, 1.6)) / r
    d = d + 0.12 * noise(rng, (h, w), 12)
    rings = 0.5 + 0.5 * np.cos(d * rng.uniform(8, 20))
    share = smoothstep(1.3 - d) * (0.55 + 0.25 * rings)
    ground.albedo = ground.albedo * (1 - share[..., None] * np.array([0.45, 0.6, 0.7], F))


def metal(rng, shape):
    kind = rng.choice(["brushed", "rolled", "milled", "cast"])
    base = np.array([0.72, 0.72, 0.72]) * rng.uniform(0.65, 1.15) + rng.normal(0, 0.015, 3)
    if rng.random() < 0.12:
        base = np.array([0.80, 0.66, 0.38])
    height = np.zeros(shape, F)
    if kind == "brushed":
        height = turned(rng, shape, lambda r, s: noise(r, s, 1.6, rng.uniform(20, 80), 1), rng.uniform(0, np.pi)) * rng.uniform(0.02, 0.12)
    elif kind == "milled":
        h, w = shape
        y, x = np.mgrid[0:h, 0:w].astype(F)
        r = np.hypot(x - rng.uniform(-w, 2 * w), y - rng.uniform(-h, 2 * h))
        height = rng.uniform(0.02, 0.12) * np.sin(r / rng.uniform(0.8, 2.5)).astype(F)
    elif kind == "cast":
        height = rng.uniform(0.1, 0.4) * noise(rng, shape, rng.uniform(2, 5), 1, 2)
    height = height + rng.uniform(0, 2.5) * noise(rng, shape, 160, 1, 1)
    albedo = tint(np.clip(base, 0, 1), noise(rng, shape, 60, 1, 3), rng.uniform(0.01, 0.10))
    return Ground(albedo, height, rng.uniform(0.45, 0.95), 0)


def colour(rng):
    """Any colour, greys and darks more often than bright ones."""
    if rng.random() < 0.5:
        return np.clip(np.full(3, rng.uniform(0.06, 0.95)) + rng.normal(0, 0.03, 3), 0, 1)
    hue, saturation, value = rng.uniform(0, 6), rng.uniform(0.15, 0.95), rng.uniform(0.15, 0.95)
    wheel = np.clip(np.abs((hue + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return value * (1 - saturation + saturation * wheel)


def plastic(rng, shape):
    kind = rng.choice(["smooth", "grain", "layers"])
    height = rng.uniform(0, 1.5) * noise(rng, shape, 140, 1, 1)
    if kind == "grain":
        height = height + rng.uniform(0.05, 0.35) * noise(rng, shape, rng.uniform(1.5, 4), 1, 2)
    elif kind == "layers":
        pitch, angle = rng.uniform(2.5, 8), rng.uniform(0, np.pi)
        h, w = shape
        y, x = np.mgrid[0:h, 0:w].astype(F)
        along = x * np.cos(angle) + y * np.sin(angle) + 0.4 * noise(rng, shape, 40)
        height = height + rng.uniform(0.1, 0.5) * np.abs(np.sin(np.pi * along / pitch)).astype(F)
    return Ground(tint(colour(rng), noise(rng, shape, 70, 1, 3), rng.uniform(0.005, 0.06)), height, 0, rng.uniform(0, 0.5))


def stone(rng, shape):
    base = np.clip(np.full(3, rng.uniform(0.25, 0.85)) + rng.normal(0, 0.04, 3), 0, 1)
    field = noise(rng, shape, rng.uniform(2, 30), 1, 4)
    return Ground(tint(base, field, rng.uniform(0.03, 0.2)), rng.uniform(0.05, 0.6) * field, 0, 0)


def drawing(shape):
    """A canvas of values 0..255 to draw on, and its pen."""
    picture = Image.new("L", (shape[1], shape[0]), 0)
    return picture, ImageDraw.Draw(picture)


def share(picture):
    return np.asarray(picture, F) / 255


def inked(ground, picture, ink, gloss=None, metal=None, height=0.0):
    """Colours the ground where the picture is drawn."""
    s = share(picture)
    ground.albedo = ground.albedo * (1 - s[..., None]) + s[..., None] * linear(ink)[None, None]
    if metal is not None:
        ground.metal = ground.metal * (1 - s) + s * F(metal)
    if gloss is not None:
        ground.gloss = ground.gloss * (1 - s) + s * F(gloss)
    if height:
        ground.height = ground.height + F(height) * blur(s, 0.7)


BOARDS = [(0.08, 0.35, 0.16), (0.06, 0.28, 0.14), (0.07, 0.16, 0.40), (0.09, 0.09, 0.10), (0.50, 0.08, 0.08), (0.88, 0.88, 0.85), (0.66, 0.50, 0.25)]


def board(rng, shape):
    """A circuit board: traces, pads, print, parts."""
    h, w = shape
    base = np.array(BOARDS[rng.integers(len(BOARDS))]) * rng.uniform(0.8, 1.25)
    ground = Ground(tint(np.clip(base, 0, 1), noise(rng, shape, 80, 1, 2), 0.03), 0.3 * noise(rng, shape, 90, 1, 1), 0, rng.uniform(0.1, 0.5))
    traces, pen = drawing(shape)
    for _ in range(rng.integers(5, 40)):
        x, y, wide = rng.uniform(0, w), rng.uniform(0, h), int(rng.integers(1, 6))
        turn = rng.integers(8)
        for _ in range(rng.integers(1, 5)):
            turn = (turn + rng.integers(-1, 2)) % 8
            length = rng.uniform(15, 130)
            x2, y2 = x + length * np.cos(turn * np.pi / 4), y + length * np.sin(turn * np.pi / 4)
            pen.line([x, y, x2, y2], fill=int(rng.uniform(60, 150)), width=wide)
            x, y = x2, y2
    inked(ground, traces, np.clip(base * 1.5 + 0.05, 0, 1), height=0.3)
    pads, pen = drawing(shape)
    for _ in range(rng.integers(0, 16)):
        x, y, n = rng.uniform(0, w), rng.uniform(0, h), int(rng.integers(2, 12))
        pitch, a, b = rng.uniform(5, 18), rng.uniform(1.5, 7), rng.uniform(1.5, 7)
        dx, dy = (pitch, 0) if rng.random() < 0.5 else (0, pitch)
        shape_of = pen.ellipse if rng.random() < 0.35 else pen.rectangle
        for k in range(n):
            shape_of([x + k * dx - a, y + k * dy - b, x + k * dx + a, y + k * dy + b], fill=255)
    inked(ground, pads, (0.80, 0.78, 0.72) if rng.random() < 0.6 else (0.85, 0.70, 0.35), metal=0.8, height=0.4)
    chips, pen = drawing(shape)
    for _ in range(rng.integers(0, 7)):
        x, y, a, b = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(5, 45), rng.uniform(5, 45)
        pen.rectangle([x - a, y - b, x + a, y + b], fill=255)
    inked(ground, chips, np.full(3, rng.uniform(0.08, 0.2)), gloss=0.2, height=4)
    printed_words(rng, ground, rng.integers(0, 6), np.full(3, rng.uniform(0.75, 0.95)))
    return ground


def paper(rng, shape):
    """Printed matter: words, bars, pictures of plain shapes."""
    base = np.clip(np.array([0.93, 0.92, 0.89]) * rng.uniform(0.7, 1.05), 0, 1) if rng.random() < 0.7 else colour(rng)
    ground = Ground(tint(base, noise(rng, shape, 3, 1, 2), 0.01), 0.05 * noise(rng, shape, 2, 1, 1), 0, rng.choice([0, 0.3]))
    for _ in range(rng.integers(0, 5)):
        flat_shape(rng, ground, colour(rng))
    printed_words(rng, ground, rng.integers(2, 14), colour(rng) * 0.4)
    return ground


def flat_shape(rng, ground, ink):
    """A printed or painted shape: block, disc, ring, stroke. It has no height."""
    h, w = ground.shape
    picture, pen = drawing(ground.shape)
    x, y, a, b = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(4, 90), rng.uniform(4, 90)
    kind = rng.integers(4)
    if kind == 0:
        pen.rectangle([x - a, y - b, x + a, y + b], fill=255)
    elif kind == 1:
        r = rng.uniform(4, 40)
        pen.ellipse([x - r, y - r, x + r, y + r], fill=255)
    elif kind == 2:
        r = rng.uniform(8, 50)
        pen.ellipse([x - r, y - r, x + r, y + r], outline=255, width=int(rng.integers(1, 6)))
    else:
        pen.line([x - a, y - b, x + a, y + b], fill=255, width=int(rng.integers(1, 9)))
    inked(ground, picture, ink)


def printed_words(rng, ground, lines, ink):
    """Lines of strokes that look like words from afar."""
    h, w = ground.shape
    picture, pen = drawing(ground.shape)
    for _ in range(lines):
        x, y, size = rng.uniform(-40, w), rng.uniform(0, h), rng.uniform(4, 22)
        for _ in range(rng.integers(2, 18)):
            wide = size * rng.uniform(0.4, 0.8)
            for _ in range(rng.integers(1, 4)):
                p = [x + rng.uniform(0, wide), y + rng.uniform(0, size), x + rng.uniform(0, wide), y + rng.uniform(0, size)]
                pen.line(p, fill=255, width=max(1, int(size / 8)))
            x += wide * (1.3 if rng.random() < 0.85 else 2.2)
    inked(ground, picture, np.clip(ink, 0, 1))


KINDS = {"wood": wood, "metal": metal, "plastic": plastic, "board": board, "paper": paper, "stone": stone}
ODDS = [0.30, 0.20, 0.20, 0.14, 0.09, 0.07]


def surface(rng, shape):
    """A ground of any kind, and its name."""
    kind = str(rng.choice(list(KINDS), p=ODDS))
    return KINDS[kind](rng, shape), kind


def panel(rng, below):
    """A piece of another material on the ground, its edge somewhere in the picture. Returns the ground."""
    over, kind = surface(rng, below.shape)
    h, w = below.shape
    picture, pen = drawing(below.shape)
    x0, y0, x1, y1 = rng.uniform(-0.3, 0.3) * w, rng.uniform(-0.3, 0.3) * h, rng.uniform(0.7, 1.3) * w, rng.uniform(0.7, 1.3) * h
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    turn = rng.normal(0, 0.15)
    c, s = np.cos(turn), np.sin(turn)
    corners = [(w / 2 + c * (x - w / 2) - s * (y - h / 2), h / 2 + s * (x - w / 2) + c * (y - h / 2)) for x, y in corners]
    pen.polygon(corners, fill=255)
    s = share(picture)
    below.albedo = below.albedo * (1 - s[..., None]) + over.albedo * s[..., None]
    below.height = below.height * (1 - s) + over.height * s + rng.uniform(2, 14) * blur(s, 0.8)
    below.metal = below.metal * (1 - s) + over.metal * s
    below.gloss = below.gloss * (1 - s) + over.gloss * s
    return below, kind
