"""The work of benches/gauge.rs with OpenCV: Otsu, contours, sub-pixel edges along the normals, least-squares circles, distances to the
drawing by a KD-tree, on two threads. Best effort: everything is vectorised, nothing is done twice.

    ASSAY_BENCH_PHOTO=plate cargo bench -p benches --bench gauge && python3 benches/opencv.py plate
"""

import sys
import time

import cv2
import numpy as np
from scipy.spatial import cKDTree

REACH = 5  # px to either side of a contour


def subpixel(grey, contour, dark, bright):
    """Moves the points of a contour along their normals to half of the light."""
    p = contour[:, 0, :].astype(np.float32)
    tangent = np.roll(p, -3, axis=0) - np.roll(p, 3, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    d = np.arange(-REACH, REACH + 0.5, 0.5, dtype=np.float32)
    at = p[:, None, :] + normal[:, None, :] * d[None, :, None]
    light = cv2.remap(grey, at[..., 0], at[..., 1], cv2.INTER_LINEAR).astype(np.float32)
    share = (linear(light) - dark) / (bright - dark)
    # Where light crosses one half: the area above one half says where the step is, and averages noise.
    sign = np.where(share[:, -1:] > share[:, :1], 1.0, -1.0)
    shift = -sign[:, 0] * (share - 0.5).sum(axis=1) * 0.5
    return p + normal * shift[:, None]


def linear(code):
    v = code / 255.0
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def circle(points):
    """Algebraic least squares (Kasa), about the middle of the points."""
    middle = points.mean(axis=0, dtype=np.float64)
    points = points - middle
    a = np.column_stack([2.0 * points, np.ones(len(points))])
    x, y, c = np.linalg.lstsq(a, (points**2).sum(axis=1), rcond=None)[0]
    return middle[0] + x, middle[1] + y, np.sqrt(c + x * x + y * y)


def outline(width, height, radius, step=0.05):
    """Points along a rounded rectangle about the origin."""
    points = []
    for k, (cx, cy) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        angle = np.linspace(k, k + 1, int(radius * 1.6 / step)) * np.pi / 2
        points.append(np.column_stack([cx * (width / 2 - radius) + radius * np.cos(angle), cy * (height / 2 - radius) + radius * np.sin(angle)]))
    corners = np.vstack(points + [points[0][:1]])
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    s = np.arange(0, lengths[-1], step)
    return np.column_stack([np.interp(s, lengths, corners[:, i]) for i in (0, 1)])


def rigid(a, b):
    """Rotation and shift that lay a on b."""
    ma, mb = a.mean(axis=0), b.mean(axis=0)
    u, _, vt = np.linalg.svd((a - ma).T @ (b - mb))
    r = (u @ np.diag([1, np.sign(np.linalg.det(u @ vt))]) @ vt).T
    return r, mb - r @ ma


def measure(grey, scale, tree, drawn, holes):
    _, binary = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    contours, tree_of = cv2.findContours(binary, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    areas = [cv2.contourArea(c) for c in contours]
    outer = int(np.argmax(areas))
    inner = [i for i in range(len(contours)) if tree_of[0][i][3] == outer and areas[i] > 200]
    dark = linear(cv2.mean(grey, binary)[0])
    bright = linear(cv2.mean(grey, 255 - binary)[0])
    points = subpixel(grey, contours[outer], dark, bright)[::2] * scale * [1, -1]
    found = []
    for i in inner:
        x, y, r = circle(subpixel(grey, contours[i], dark, bright) * scale * [1, -1])
        found.append((x, y, 2 * r))
    found = np.array(found)
    # Start with the box of least area, then nearest points.
    (cx, cy), _, _ = cv2.minAreaRect(points.astype(np.float32))
    axis = cv2.fitEllipse(points[::20].astype(np.float32))[2]
    best = None
    for turn in (axis - 90, axis + 90):
        t = np.deg2rad(turn)
        r = np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]])
        s = -r @ [cx, cy]
        for _ in range(8):
            moved = points[::10] @ r.T + s
            _, near = tree.query(moved)
            r, s = rigid(points[::10], drawn[near])
        centres = found[:, :2] @ r.T + s
        gap, which = cKDTree(holes[:, :2]).query(centres)
        off = found[:, 2] - holes[which, 2]
        # The places alone do not tell this plate from itself turned by half.
        cost = gap.sum() + np.abs(off).sum()
        if best is None or cost < best[0]:
            best = (cost, r, s, gap, off)
    _, r, s, gap, off = best
    distance, _ = tree.query(points @ r.T + s)
    return 2 * distance.max(), off, gap


def main():
    name = sys.argv[1]
    cv2.setNumThreads(2)
    grey = cv2.imread(name + ".png", cv2.IMREAD_GRAYSCALE)
    with open(name + ".txt") as file:
        scale, width, height, radius = map(float, file.readline().split())
        holes = np.loadtxt(file)
    drawn = outline(width, height, radius)
    tree = cKDTree(drawn)
    times = []
    for _ in range(21):
        start = time.perf_counter()
        profile, off, gap = measure(grey, scale, tree, drawn, holes)
        times.append(1000 * (time.perf_counter() - start))
    times = sorted(times[1:])
    print(f"OpenCV {cv2.__version__}: median {times[10]:.1f} ms, fastest {times[0]:.1f} ms; profile {profile:.3f} mm")
    print(f"{len(off)} diameters, rms error {1000 * np.sqrt((off**2).mean()):.2f} um; positions off by at most {1000 * gap.max():.1f} um")


if __name__ == "__main__":
    main()
