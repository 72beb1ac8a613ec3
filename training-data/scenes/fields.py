"""Small fields of numbers: noise, blur, sampling. All are float32 of shape (height, width)."""

import numpy as np
from PIL import Image

F = np.float32


def resize(field, height, width, how=Image.BICUBIC):
    """The field at another size."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(field, F)).resize((width, height), how), F)


def noise(rng, shape, cell, stretch=1.0, octaves=3):
    """Smooth noise of about unit variance; `cell` is the size of its spots in px, `stretch` how much longer they are across the rows."""
    height, width = shape
    total, weight, power = np.zeros(shape, F), 1.0, 0.0
    for octave in range(octaves):
        size = cell / 2**octave
        if size < 1.0:
            break
        rows, columns = int(height / size) + 3, int(width / (size * stretch)) + 3
        total += F(weight) * resize(rng.standard_normal((rows, columns)), height, width)
        power += weight * weight
        weight *= 0.6
    return total / F(max(0.75 * power, 1e-6) ** 0.5)


def turned(rng, shape, make, angle):
    """What `make` draws on a larger field, turned by `angle` (radians): grain and brush marks in any direction."""
    height, width = shape
    side = int(1.45 * max(shape)) + 2
    field = Image.fromarray(np.ascontiguousarray(make(rng, (side, side)), F))
    field = field.rotate(np.degrees(angle), Image.BILINEAR)
    top, left = (side - height) // 2, (side - width) // 2
    return np.asarray(field, F)[top : top + height, left : left + width]


def blur(field, sigma):
    """Gaussian blur. Wide ones work on a smaller copy."""
    if sigma < 0.2:
        return field
    height, width = field.shape
    shrink = int(sigma / 2.5)
    if shrink >= 2:
        small = resize(field, max(height // shrink, 4), max(width // shrink, 4), Image.BOX)
        return resize(blur(small, sigma / shrink), height, width, Image.BILINEAR)
    reach = max(int(3 * sigma + 0.5), 1)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).astype(F)
    for axis in (0, 1):
        padded = np.pad(field, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        n = field.shape[axis]
        field = sum(t * (padded[i : i + n] if axis == 0 else padded[:, i : i + n]) for i, t in enumerate(taps))
    return field.astype(F)


def wave(rng, angles, roughness):
    """A closed outline's deviation over the angle: harmonics 2 to 9, standard deviation about `roughness`."""
    total = np.zeros_like(angles)
    for k in range(2, 10):
        total += rng.normal() / k**0.7 * np.cos(k * angles + rng.uniform(0, 2 * np.pi))
    return F(roughness) * total


def smoothstep(x):
    """0 below 0, 1 above 1, smooth between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def linear(rgb):
    """sRGB in [0, 1] to linear light."""
    rgb = np.asarray(rgb, F)
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4).astype(F)


def srgb(light):
    """Linear light to sRGB in [0, 1]."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055).astype(F)
