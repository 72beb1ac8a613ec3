"""What is looked for: screws, holes, burn marks. Each changes the ground and returns the outline that its box goes round."""

import numpy as np

from .fields import F, blur, linear, noise, smoothstep, wave
from .surfaces import colour

LABELS = ["screw", "hole", "burn"]
RECESSES = ["slot", "cross", "pozi", "hex", "torx", "square", "none"]


class Window:
    """The part of the ground around a point, with polar coordinates about it."""

    def __init__(self, ground, x, y, reach):
        h, w = ground.shape
        self.top, self.left = max(int(y - reach), 0), max(int(x - reach), 0)
        self.bottom, self.right = min(int(y + reach) + 1, h), min(int(x + reach) + 1, w)
        rows, columns = np.mgrid[self.top : self.bottom, self.left : self.right].astype(F)
        self.dx, self.dy = columns - F(x), rows - F(y)
        self.d = np.hypot(self.dx, self.dy)
        self.angle = np.arctan2(self.dy, self.dx)
        self.cut = (slice(self.top, self.bottom), slice(self.left, self.right))


def mix(ground, cut, share, albedo=None, height=None, metal=None, gloss=None):
    """Puts a thing over the ground where `share` is 1."""
    if albedo is not None:
        ground.albedo[cut] = ground.albedo[cut] * (1 - share[..., None]) + albedo * share[..., None]
    for name, value in (("height", height), ("metal", metal), ("gloss", gloss)):
        if value is not None:
            field = getattr(ground, name)
            field[cut] = field[cut] * (1 - share) + F(1) * value * share


def circle(x, y, r):
    t = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    return np.stack([x + r * np.cos(t), y + r * np.sin(t)], 1)


# Screws ---------------------------------------------------------------------------------------------------------------------------


METALS = {
    "steel": ((0.62, 0.62, 0.63), 0.9),
    "zinc": ((0.70, 0.71, 0.73), 0.9),
    "yellow zinc": ((0.74, 0.66, 0.42), 0.85),
    "brass": ((0.80, 0.64, 0.34), 0.85),
    "copper": ((0.75, 0.50, 0.38), 0.85),
    "dull": ((0.42, 0.42, 0.40), 0.6),
    "black": ((0.10, 0.10, 0.105), 0.35),
    "gunmetal": ((0.26, 0.26, 0.27), 0.7),
}
METAL_ODDS = [0.22, 0.22, 0.09, 0.12, 0.03, 0.10, 0.14, 0.08]


def recess_depth(kind, u, v, size, slope):
    """How deep the recess is at (u, v), in head radii below the head's top: 0 outside."""
    if kind == "none":
        return np.zeros_like(u)
    d = np.hypot(u, v)
    bar = lambda a, b, length, half: np.minimum(length - np.abs(a), half - np.abs(b))
    if kind == "slot":
        inside = bar(u, v, 0.98, 0.13 + 0.14 * (size - 0.4))
    elif kind in ("cross", "pozi"):
        half = 0.26 * size
        inside = np.maximum(bar(u, v, size * 1.15, half), bar(v, u, size * 1.15, half))
        inside = np.maximum(inside, 0.42 * size - (np.abs(u) + np.abs(v)) * 0.7)
    elif kind == "square":
        inside = 0.72 * size - np.maximum(np.abs(u), np.abs(v))
    elif kind == "hex":
        corners = [np.abs(u * np.cos(a) + v * np.sin(a)) for a in (0, np.pi / 3, 2 * np.pi / 3)]
        inside = 0.8 * size - np.maximum.reduce(corners)
    else:
        inside = size * (0.75 + 0.13 * np.cos(6 * np.arctan2(v, u))) - d
    return np.clip(inside * slope, 0, 1)


def head_profile(rng, kind, rho):
    """Height of the head over its rim, in radii, at `rho` radii from its middle."""
    if kind == "flat":
        bevel = rng.uniform(0.02, 0.15)
        return bevel * np.clip((1 - rho) / rng.uniform(0.04, 0.2), 0, 1)
    if kind == "pan":
        high = rng.uniform(0.2, 0.5)
        return high * np.sqrt(np.clip(1 - (0.92 * rho) ** rng.uniform(2, 5), 0, 1))
    if kind == "dome":
        return rng.uniform(0.25, 0.6) * np.sqrt(np.clip(1 - 0.95 * rho**2, 0, 1))
    return rng.uniform(0.4, 1.0) * np.clip((1 - rho) / rng.uniform(0.05, 0.14), 0, 1)


def screw_kind(rng):
    """Head, recess, metal, recess size: what the screws of one product share."""
    head = str(rng.choice(["flat", "pan", "dome", "cheese", "hexagon"], p=[0.36, 0.26, 0.12, 0.16, 0.10]))
    recess = str(rng.choice(RECESSES, p=[0.19, 0.26, 0.10, 0.16, 0.14, 0.13, 0.02]))
    if head == "hexagon" and rng.random() < 0.8:
        recess = "none"
    return head, recess, str(rng.choice(list(METALS), p=METAL_ODDS)), rng.uniform(0.36, 0.66)


def screw(rng, ground, x, y, r, kind):
    head, recess, name, size = kind
    w = Window(ground, x, y, 2.3 * r + 3)
    turn = rng.uniform(0, 2 * np.pi)
    u = (w.dx * np.cos(turn) + w.dy * np.sin(turn)) / F(r)
    v = (w.dy * np.cos(turn) - w.dx * np.sin(turn)) / F(r)
    rho, outline = w.d / F(r), circle(x, y, r)
    if head == "hexagon":
        rho = np.maximum.reduce([np.abs(u * np.cos(a) + v * np.sin(a)) for a in (0, np.pi / 3, 2 * np.pi / 3)])
        t = turn + np.arange(6) * np.pi / 3 + np.pi / 6
        outline = np.stack([x + r / np.cos(np.pi / 6) * np.cos(t), y + r / np.cos(np.pi / 6) * np.sin(t)], 1)
    if rng.random() < 0.16:
        washer(rng, ground, w, r)
    elif rng.random() < 0.4:
        seat(rng, ground, w, r)
    base = np.median(ground.height[w.cut])
    rgb, metal = METALS[name]
    albedo, metal = np.array(rgb) * rng.uniform(0.75, 1.2), metal * rng.uniform(0.7, 1.05)
    if rng.random() < 0.05:  # painted over
        albedo, metal = colour(rng), 0.05
    share = np.clip((1 - rho) * r + 0.5, 0, 1)
    field = head_finish(rng, w, rho, r)
    skin = linear(np.clip(albedo, 0.02, 1))[None, None] * np.exp(field)[..., None]
    sink = rng.uniform(-0.12, 0.12) if head == "flat" else rng.uniform(0, 0.15)
    slope, deep = rng.choice([rng.uniform(1.5, 4), rng.uniform(4, 14)]), rng.uniform(0.2, 0.9)
    depth = recess_depth(recess, u, v, size, slope)
    if recess == "pozi":
        marks = np.minimum(np.abs(u - v), np.abs(u + v)) < 0.05
        depth = np.maximum(depth, 0.25 * marks * (w.d < 0.8 * r) * (w.d > 0.2 * r))
    height = base + r * (sink + head_profile(rng, head, rho) - deep * depth)
    dark = rng.uniform(0.15, 0.95)
    skin = skin * (1 - (1 - dark) * depth)[..., None]
    mix(ground, w.cut, share.astype(F), skin.astype(F), height, min(metal, 1.0), 0.15)
    return outline


def head_finish(rng, w, rho, r):
    """Logarithm of how much lighter or darker the head is: turning marks that flash, wear, dirt."""
    flash = rng.uniform(0, 0.8) * np.cos(2 * (w.angle - rng.uniform(0, np.pi)))
    marks = rng.uniform(0, 0.12) * np.sin(rho * r * rng.uniform(0.8, 2.5) + rng.uniform(0, 6))
    wear = rng.uniform(0.02, 0.35) * noise(rng, w.d.shape, max(r / 2, 2.5), 1, 3)
    return flash + marks + wear


def washer(rng, ground, w, r):
    outer = r * rng.uniform(1.25, 1.9)
    share = np.clip(outer - w.d + 0.5, 0, 1)
    base = np.median(ground.height[w.cut]) + r * rng.uniform(0.05, 0.2)
    skin = linear(np.full(3, rng.uniform(0.4, 0.75)))[None, None] * np.exp(0.1 * noise(rng, w.d.shape, 5))[..., None]
    mix(ground, w.cut, share, skin, base, rng.uniform(0.5, 0.95), 0)


def seat(rng, ground, w, r):
    """A dark gap or a countersink around the head."""
    outer = r * rng.uniform(1.03, 1.3)
    share = np.clip((outer - w.d) / max(0.12 * r, 1), 0, 1)
    ground.height[w.cut] -= share * F(r * rng.uniform(0.05, 0.3))
    ground.albedo[w.cut] *= (1 - share * F(rng.uniform(0, 0.6)))[..., None]


# Holes ----------------------------------------------------------------------------------------------------------------------------


def hole(rng, ground, x, y, r, kind):
    """A bore of radius `r`: clean, countersunk, torn, threaded or oblong. `kind` names the ground."""
    style = str(rng.choice(["plain", "countersunk", "torn", "threaded", "plated", "oblong"], p=[0.34, 0.22, 0.22, 0.08, 0.08, 0.06]))
    if kind == "wood" and style in ("threaded", "plated"):
        style = "torn"
    bore = r
    if style in ("countersunk", "torn", "plated"):
        bore = r * rng.uniform(0.35, 0.75)
    w = Window(ground, x, y, 2.2 * r + 4)
    rough = {"torn": rng.uniform(0.05, 0.14), "plain": rng.uniform(0, 0.03)}.get(style, 0.01)
    edge = wave(rng, w.angle, rough)
    d, outline = w.d, circle(x, y, r)
    if style == "oblong":
        t, long = rng.uniform(0, np.pi), r * rng.uniform(0.6, 2.0)
        a, b = w.dx * np.cos(t) + w.dy * np.sin(t), w.dy * np.cos(t) - w.dx * np.sin(t)
        d = np.hypot(np.maximum(np.abs(a) - long, 0), b)
        ends = [circle(x + s * long * np.cos(t), y + s * long * np.sin(t), r) for s in (-1, 1)]
        outline = np.concatenate(ends)
    base = np.median(ground.height[w.cut])
    if style == "torn":
        splinters(rng, ground, w, r)
    if bore < r:
        collar(rng, ground, w, d, edge, r, bore, style)
    elif rng.random() < 0.35:  # burr or wear along the edge
        lip = np.exp(-(((d - r * 1.04) / max(0.06 * r, 0.7)) ** 2))
        ground.height[w.cut] += F(rng.uniform(0.2, 1.0)) * lip
        ground.albedo[w.cut] *= (1 + rng.uniform(-0.4, 0.5) * lip)[..., None]
    drill(rng, ground, w, d, edge, bore, base, style)
    return outline


def collar(rng, ground, w, d, edge, r, bore, style):
    """What lies between the bore and the outer edge: a cone, torn fibres, plating."""
    outer = r * (1 + edge)
    share = np.clip(outer - d + 0.5, 0, 1)
    cone = np.clip((outer - d) / max(r - bore, 1), 0, 1)
    if style == "plated":
        skin = linear((0.82, 0.78, 0.66) if rng.random() < 0.5 else (0.75, 0.75, 0.74))
        mix(ground, w.cut, share, skin[None, None], metal=0.85)
        ground.height[w.cut] += F(0.5) * share
        return
    ground.height[w.cut] -= F(r * rng.uniform(0.15, 0.6)) * cone.astype(F)
    fresh = 0.3 * noise(rng, d.shape, max(r / 4, 2), 1, 2) if style == "torn" else 0.08 * noise(rng, d.shape, 4, 1, 2)
    ground.albedo[w.cut] *= np.exp(share * (F(rng.uniform(-0.6, 0.45)) + fresh))[..., None]
    ground.height[w.cut] += share * F(0.6 if style == "torn" else 0.1) * noise(rng, d.shape, 3, 1, 2)


def splinters(rng, ground, w, r):
    """Chips and fibres that stand up around a torn hole."""
    for _ in range(rng.integers(2, 12)):
        at, lean = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.6)
        far, long, wide = r * rng.uniform(0.85, 1.15), r * rng.uniform(0.15, 0.5), max(r * rng.uniform(0.02, 0.07), 0.6)
        a, b = w.dx - F(far * np.cos(at)), w.dy - F(far * np.sin(at))
        c, s = np.cos(at + lean), np.sin(at + lean)
        share = np.clip(wide - np.abs(b * c - a * s) + 0.5, 0, 1) * np.clip(long - np.abs(a * c + b * s), 0, 1)
        ground.albedo[w.cut] *= np.exp(share * F(rng.uniform(-0.3, 0.9)))[..., None]
        ground.height[w.cut] += share.astype(F) * F(rng.uniform(0.5, 2.5))


def drill(rng, ground, w, d, edge, bore, base, style):
    """The bore itself: its wall, seen on one side, and what is at its bottom."""
    tilt, lean = rng.uniform(0, 2 * np.pi), bore * rng.choice([0.0, rng.uniform(0, 0.45)])
    inside = np.clip(bore * (1 + edge) - d + 0.5, 0, 1)
    bottom_d = np.hypot(w.dx - F(lean * np.cos(tilt)), w.dy - F(lean * np.sin(tilt))) if style != "oblong" else d
    bottom = np.clip(bore * 0.96 - bottom_d + 0.5, 0, 1) * inside
    through = rng.random() < 0.14
    wall = ground.albedo[w.cut].mean((0, 1)) * rng.uniform(0.08, 0.6)
    if style == "threaded":
        wall = wall[None, None] * (1 + 0.7 * np.sin(d * rng.uniform(1.2, 2.5)))[..., None]
    else:
        wall = np.broadcast_to(wall, d.shape + (3,))
    deep = linear(colour(rng)) * rng.uniform(0.3, 0.9) if through else np.full(3, rng.uniform(0.002, 0.02), F)
    skin = wall * (1 - bottom[..., None]) + deep * bottom[..., None]
    mix(ground, w.cut, inside, skin.astype(F), base - bore * rng.uniform(1.0, 2.5), rng.uniform(0, 0.3), 0)


# Burn marks -----------------------------------------------------------------------------------------------------------------------


def burn(rng, ground, x, y, r, kind):
    """Scorch, laser browning or heat tint. `None` where the ground is so dark, or so bare, that nobody would see it."""
    w = Window(ground, x, y, 2.2 * r + 4)
    if ground.albedo[w.cut].mean() < 0.09:
        return None
    if kind == "metal":
        return heat_tint(rng, ground, w, r)
    return (laser_line if rng.random() < 0.35 else scorch)(rng, ground, w, r)


def browned(ground, cut, dose):
    """Darkens by dose: straw, brown, black. Light takes the blue away first."""
    absorb = np.array([0.75, 1.25, 1.75], F)
    ground.albedo[cut] = ground.albedo[cut] * np.exp(-dose[..., None] * absorb) + 0.004
    ground.gloss[cut] *= np.exp(-dose)


def seen(w, dose, least=0.35):
    """The outline of what is plainly darkened."""
    rows, columns = np.nonzero(dose > least)
    if len(rows) < 12:
        return None
    x, y = columns + w.left, rows + w.top
    return np.array([[x.min(), y.min()], [x.max() + 1, y.min()], [x.max() + 1, y.max() + 1], [x.min(), y.max() + 1]], float)


def scorch(rng, ground, w, r):
    t, squash = rng.uniform(0, np.pi), rng.uniform(0.5, 1.0)
    a = w.dx * np.cos(t) + w.dy * np.sin(t)
    b = (w.dy * np.cos(t) - w.dx * np.sin(t)) / squash
    rho = np.hypot(a, b) / F(r) * (1 + wave(rng, np.arctan2(b, a), rng.uniform(0.02, 0.12)))
    rho = rho + F(rng.uniform(0.0, 0.12)) * noise(rng, rho.shape, max(r / 2, 3), 1, 2)
    core, soft = rng.uniform(0.2, 0.75), rng.uniform(0.25, 0.9)
    halo = rng.uniform(0.5, 1.3) * smoothstep((1.15 - rho) / soft)
    black = rng.uniform(0.4, 3.0) * smoothstep((core - rho) / rng.uniform(0.1, 0.4))
    dose = (halo + black) * np.exp(rng.uniform(0, 0.3) * noise(rng, rho.shape, 4, 1, 2))
    if rng.random() < 0.3:  # smoke drawn to one side
        side = (w.dx * np.cos(t) + w.dy * np.sin(t)) / F(r)
        dose = dose * (1 + 0.8 * np.clip(side, -0.9, 1.2))
    browned(ground, w.cut, dose.astype(F))
    ground.height[w.cut] += F(rng.uniform(-1.5, 0.3)) * smoothstep(dose - 0.6) * (1 + 0.5 * noise(rng, rho.shape, 3))
    return seen(w, dose)


def laser_line(rng, ground, w, r):
    """A cut or engraved line with browned edges, or the spot where the beam stood."""
    t, half = rng.uniform(0, np.pi), r * rng.uniform(0.3, 1.0)
    a, b = w.dx * np.cos(t) + w.dy * np.sin(t), w.dy * np.cos(t) - w.dx * np.sin(t)
    d = np.hypot(np.maximum(np.abs(a) - half, 0), b)
    wide = r * rng.uniform(0.12, 0.35)
    wobble = np.exp(0.5 * noise(rng, d.shape, max(r / 4, 3), 1, 2))
    dose = rng.uniform(0.7, 1.8) * np.exp(-((d / (wide * wobble)) ** rng.uniform(1, 2)))
    dose = dose + rng.uniform(1, 3) * np.clip(max(0.03 * r, 0.8) - d + 0.5, 0, 1)
    browned(ground, w.cut, dose.astype(F))
    return seen(w, dose)


def heat_tint(rng, ground, w, r):
    """Temper colours of steel, straw to blue, often with soot in the middle."""
    rho = w.d / F(r) * (1 + wave(rng, w.angle, 0.07)) + 0.08 * noise(rng, w.d.shape, max(r / 3, 3))
    heat = 2.3 * smoothstep((1.1 - rho) / rng.uniform(0.6, 1.0))
    straw, blue = np.exp(-((heat - 0.9) ** 2) / 0.18), np.exp(-((heat - 1.7) ** 2) / 0.2)
    absorb = straw[..., None] * np.array([0.35, 0.8, 1.6]) + blue[..., None] * np.array([1.5, 1.0, 0.5])
    soot = rng.uniform(0, 2.5) * smoothstep((rng.uniform(0.2, 0.7) - rho) / 0.4)
    strength = rng.uniform(0.6, 1.1)
    ground.albedo[w.cut] *= np.exp(-strength * absorb - soot[..., None]).astype(F)
    ground.metal[w.cut] *= np.exp(-0.7 * soot)
    return seen(w, strength * (straw + blue) + soot)
