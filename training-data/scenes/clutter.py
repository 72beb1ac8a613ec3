"""What is not looked for but lies about: scratches, dirt, ink, knots of cable, discs, drops, blocks."""

import numpy as np

from .fields import F, linear, noise, smoothstep
from .surfaces import colour, drawing, flat_shape, inked, printed_words, share
from .things import Window, mix


def scratches(rng, ground):
    picture, pen = drawing(ground.shape)
    h, w = ground.shape
    lean = rng.uniform(0, np.pi)
    for _ in range(rng.integers(1, 14)):
        x, y, t, long = rng.uniform(0, w), rng.uniform(0, h), lean + rng.normal(0, 0.5), rng.uniform(10, 220)
        bend = rng.normal(0, 0.06)
        points = [(x + long * k / 6 * np.cos(t + bend * k), y + long * k / 6 * np.sin(t + bend * k)) for k in range(7)]
        pen.line(points, fill=int(rng.uniform(40, 200)), width=int(rng.choice([1, 1, 2])))
    s = share(picture)
    ground.albedo = ground.albedo * np.exp(s * F(rng.uniform(-0.6, 0.9)))[..., None]
    ground.height = ground.height - F(rng.uniform(0, 0.8)) * s


def stain(rng, ground):
    """Grime, water, pencil, ink: grey or coloured, weak, without the brown border of a burn."""
    h, w = ground.shape
    r = rng.uniform(10, 90)
    win = Window(ground, rng.uniform(0, w), rng.uniform(0, h), 2 * r)
    rho = win.d / F(r) + 0.5 * noise(rng, win.d.shape, max(r / 2, 4), 1, 4)
    patch = smoothstep((1 - rho) / 0.8) * (0.5 + 0.5 * smoothstep(noise(rng, win.d.shape, 4, rng.uniform(1, 6), 2) + 0.5))
    ink = np.clip(0.5 + rng.normal(0, 0.08, 3), 0.3, 0.75) if rng.random() < 0.75 else np.clip(colour(rng), 0.2, 1)
    ground.albedo[win.cut] *= np.exp(F(rng.uniform(0.2, 0.9)) * patch[..., None] * np.log(ink).astype(F))


def disc(rng, ground):
    """A coin, a sticker, a button, a drop: round, no recess, no depth."""
    h, w = ground.shape
    r = rng.uniform(6, 45)
    win = Window(ground, rng.uniform(0, w), rng.uniform(0, h), 1.2 * r + 2)
    s = np.clip(r - win.d + 0.5, 0, 1)
    base = np.median(ground.height[win.cut])
    kind = rng.integers(3)
    if kind == 0:  # sticker
        mix(ground, win.cut, s, linear(colour(rng))[None, None], base + 0.5, 0, rng.uniform(0, 0.4))
    elif kind == 1:  # drop or rubber foot
        dome = base + r * rng.uniform(0.2, 0.7) * np.sqrt(np.clip(1 - (win.d / r) ** 2, 0, 1))
        mix(ground, win.cut, s, linear(colour(rng))[None, None], dome, 0, rng.uniform(0.2, 0.7))
    else:  # coin: relief
        relief = base + 2 + 0.6 * noise(rng, win.d.shape, max(r / 5, 2), 1, 3) + 1.2 * np.exp(-(((win.d - 0.92 * r) / 1.5) ** 2))
        rgb = np.array([(0.72, 0.72, 0.72), (0.78, 0.64, 0.38), (0.62, 0.42, 0.3)][rng.integers(3)])
        mix(ground, win.cut, s, linear(rgb)[None, None], relief, 0.85, 0)


def cable(rng, ground):
    """A round strand: thread, wire, hose."""
    h, w = ground.shape
    thick = rng.uniform(1.2, 12)
    t = np.linspace(0, 1, 50)
    p = rng.uniform(-0.2, 1.2, (4, 2)) * np.array([w, h])
    curve = ((1 - t) ** 3)[:, None] * p[0] + (3 * t * (1 - t) ** 2)[:, None] * p[1] + (3 * t * t * (1 - t))[:, None] * p[2] + (t**3)[:, None] * p[3]
    picture, pen = drawing(ground.shape)
    points = [tuple(q) for q in curve]
    for k in (1.0, 0.75, 0.5, 0.25):
        pen.line(points, fill=int(255 * (1 - k * k) ** 0.5) if k < 1 else 60, width=max(1, int(2 * thick * k)), joint="curve")
    s = share(picture)
    on = (s > 0.1).astype(F)
    ink = linear(colour(rng))
    ground.albedo = ground.albedo * (1 - on[..., None]) + on[..., None] * ink
    ground.height = ground.height + F(thick) * s
    ground.metal = ground.metal * (1 - on) + on * F(rng.choice([0, 0, 0.8]))
    ground.gloss = ground.gloss * (1 - on) + on * F(rng.uniform(0, 0.5))


def block(rng, ground):
    """A box, a bar, a lump of something else."""
    h, w = ground.shape
    x, y, t = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0, np.pi)
    a, b = rng.uniform(6, 70), rng.uniform(6, 70)
    n = rng.choice([4, 4, 4, 3, 5, 7])
    if n == 4:
        corners = [(a, b), (-a, b), (-a, -b), (a, -b)]
    else:
        corners = [(a * rng.uniform(0.5, 1.2) * np.cos(k), a * rng.uniform(0.5, 1.2) * np.sin(k)) for k in np.arange(n) * 2 * np.pi / n]
    picture, pen = drawing(ground.shape)
    pen.polygon([(x + p * np.cos(t) - q * np.sin(t), y + p * np.sin(t) + q * np.cos(t)) for p, q in corners], fill=255)
    inked(ground, picture, colour(rng), rng.uniform(0, 0.5), rng.choice([0, 0, 0.8]), rng.uniform(0.5, 14))


def speckle(rng, ground):
    """Dust, crumbs, small drops."""
    h, w = ground.shape
    for _ in range(rng.integers(3, 40)):
        r = rng.uniform(0.7, 2.6)
        win = Window(ground, rng.uniform(0, w), rng.uniform(0, h), r + 2)
        s = np.clip(r - win.d + 0.5, 0, 1)
        ground.albedo[win.cut] *= np.exp(s * F(rng.normal(0, 0.8)))[..., None]
        ground.height[win.cut] += s * F(rng.uniform(0, 1.5))


def lay_out(rng, ground):
    """A few of these, at random."""
    for what, mean in ((scratches, 0.45), (stain, 0.5), (speckle, 0.25), (disc, 0.45), (block, 0.5), (cable, 0.35)):
        for _ in range(rng.poisson(mean)):
            what(rng, ground)
    if rng.random() < 0.12:
        printed_words(rng, ground, rng.integers(1, 5), colour(rng))
    if rng.random() < 0.2:
        for _ in range(rng.integers(1, 4)):
            flat_shape(rng, ground, colour(rng))
