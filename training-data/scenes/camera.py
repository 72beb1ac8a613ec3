"""Light and camera: a ground of heights and colours becomes a photo."""

import numpy as np
from PIL import Image

from .fields import F, blur, noise, smoothstep, srgb


def sky(rng):
    """What a mirror would see above: lamps and windows over a soft gradient. 65 x 65, by the normal's slope."""
    y, x = np.mgrid[-1:1:65j, -1:1:65j].astype(F)
    light = F(rng.uniform(0.05, 0.6)) + F(rng.uniform(0, 0.7)) * (x * np.cos(t := rng.uniform(0, 2 * np.pi)) + y * np.sin(t))
    for _ in range(rng.integers(1, 5)):
        wide, long = rng.uniform(0.06, 0.5, 2)
        dx, dy = x - rng.normal(0, 0.5), y - rng.normal(0, 0.5)
        light = light + F(rng.uniform(0.4, 3.0)) * np.exp(-((dx / wide) ** 2) - (dy / long) ** 2)
    return np.clip(light, 0.02, 4.0)


def shade(rng, ground):
    """Linear light that leaves every point."""
    height = ground.height
    gy, gx = np.gradient(height)
    up = 1 / np.sqrt(1 + gx * gx + gy * gy)
    nx, ny = -gx * up, -gy * up
    azimuth, rise = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 1.4)
    lx, ly, lz = np.cos(azimuth) * np.cos(rise), np.sin(azimuth) * np.cos(rise), np.sin(rise)
    hard = rng.uniform(0.15, 0.8)
    sun = np.clip(nx * F(lx) + ny * F(ly) + up * F(lz), 0, 1) / F(max(lz, 0.3))
    lit = cast(height, -lx, -ly, lz / max(np.hypot(lx, ly), 1e-3), rng.uniform(0.4, 2.5))
    hollow = blur(height, 5) - height
    open_sky = np.exp(-np.clip(hollow, 0, 40) * F(rng.uniform(0.05, 0.2)))
    ambient = (1 - hard) * open_sky * (0.75 + 0.25 * up)
    diffuse = ambient + hard * sun * lit
    mirror = sky(rng)
    reach = F(32 * rng.uniform(0.7, 1.3))
    column = np.clip(32.5 + reach * nx * 1.4, 0, 64).astype(np.int32)
    row = np.clip(32.5 + reach * ny * 1.4, 0, 64).astype(np.int32)
    seen = mirror[row, column] * open_sky * (1 - F(0.6 * hard) * (1 - lit))
    hx, hy, hz = lx, ly, lz + 1
    norm = np.sqrt(hx * hx + hy * hy + hz * hz)
    gloss = np.clip((nx * F(hx) + ny * F(hy) + up * F(hz)) / F(norm), 0, 1) ** 40 * lit * ground.gloss
    return ground.albedo * (diffuse * (1 - ground.metal) + seen * ground.metal)[..., None] + (1.5 * hard * gloss)[..., None]


def cast(height, dx, dy, slope, soft):
    """1 in the light, 0 in the shadow of something higher towards the lamp."""
    shadow = np.zeros_like(height)
    low = height.min()
    longest = min((height.max() - low) / max(slope, 0.05), 40.0)
    step = 1.0
    while step < longest:
        sx, sy = int(round(-dx * step)), int(round(-dy * step))
        shifted = np.roll(height, (-sy, -sx), (0, 1))
        shadow = np.maximum(shadow, np.clip(shifted - height - F(step * slope), 0, 1))
        step *= 1.25 if step > 4 else 1.6
    return 1 - blur(shadow, soft)


def view(rng, shape, out):
    """A homography from the ground to a photo of `out` = (height, width), and its inverse as Pillow wants it."""
    h, w = shape
    oh, ow = out
    margin = 0.09
    jitter = lambda: rng.uniform(-margin, margin, 2) * rng.choice([0.2, 1.0])
    inner = [(margin * w, margin * h), ((1 - margin) * w, margin * h), ((1 - margin) * w, (1 - margin) * h), (margin * w, (1 - margin) * h)]
    source = [np.array(p) + jitter() * np.array([w, h]) for p in inner]
    target = [(0, 0), (ow, 0), (ow, oh), (0, oh)]
    back = homography(target, source)
    return np.linalg.inv(back), (back / back[2, 2]).ravel()[:8]


def homography(source, target):
    rows, right = [], []
    for (x, y), (u, v) in zip(source, target):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return np.append(np.linalg.solve(np.array(rows, float), np.array(right, float)), 1).reshape(3, 3)


def project(matrix, points):
    p = np.concatenate([points, np.ones((len(points), 1))], 1) @ matrix.T
    return p[:, :2] / p[:, 2:]


def seen_through(light, coefficients, out):
    size = (out[1], out[0])
    planes = [Image.fromarray(np.ascontiguousarray(light[..., c], F)).transform(size, Image.PERSPECTIVE, tuple(coefficients), Image.BICUBIC) for c in range(3)]
    return np.clip(np.stack([np.asarray(p, F) for p in planes], -1), 0, None)


def room_light(rng, shape):
    """Uneven light: slope, fall-off, the shadow of a hand or a machine, a lamp's reflection."""
    h, w = shape
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(F)
    t, light = rng.uniform(0, 2 * np.pi), np.ones(shape, F)
    light += F(rng.uniform(0, 0.4)) * (x * np.cos(t) + y * np.sin(t)) - F(rng.uniform(0, 0.25)) * (x * x + y * y)
    if rng.random() < 0.35:
        edge = noise(rng, shape, rng.uniform(120, 400), 1, 1) + rng.normal(0, 0.7)
        light *= 1 - F(rng.uniform(0.2, 0.75)) * smoothstep(edge / np.exp(rng.uniform(-2.5, 0.7)))
    veil = np.zeros(shape, F)
    if rng.random() < 0.25:
        cx, cy, a, b = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(0.1, 0.8), rng.uniform(0.1, 0.8)
        veil = F(rng.uniform(0.05, 0.5)) * np.exp(-(((x - cx) / a) ** 2) - ((y - cy) / b) ** 2)
    return np.clip(light, 0.08, None), veil


def photograph(rng, light):
    """Room light, lens, exposure, white balance, noise, tone: 8 bits."""
    even, veil = room_light(rng, light.shape[:2])
    light = light * even[..., None] + veil[..., None]
    sigma = rng.choice([rng.uniform(0.4, 0.9), rng.uniform(0.6, 2.0)], p=[0.7, 0.3])
    light = np.stack([blur(light[..., c], sigma) for c in range(3)], -1)
    light = light * (rng.uniform(0.25, 0.75) / max(np.percentile(light, rng.uniform(80, 97)), 1e-3))
    warm = rng.normal(0, 0.16)
    light = light * np.exp(np.array([warm, rng.normal(0, 0.04), -warm])).astype(F)
    grey = light.mean(-1, keepdims=True)
    light = np.clip(grey + (light - grey) * rng.uniform(0.5, 1.3), 0, None) if rng.random() < 0.93 else np.repeat(grey, 3, -1)
    read, shot = rng.uniform(0.001, 0.012), rng.uniform(2e-5, 8e-4)
    light = light + rng.standard_normal(light.shape, F) * np.sqrt(read * read + shot * light)
    tone = srgb(light)
    if rng.random() < 0.5:  # a phone's contrast
        tone = tone + F(rng.uniform(-0.25, 0.35)) * (smoothstep(tone) - tone)
    return Image.fromarray((np.clip(tone, 0, 1) * 255 + 0.5).astype(np.uint8))
