//! Grey pictures at several sizes, looks at parts of them, and black and white.

use crate::geometry::{ImagePx, PixelRect, Point};
use crate::photo::{Photo, Picture};
use rxing::common::{BitMatrix, HybridBinarizer};
use rxing::{Binarizer as _, Luma8Source};

/// A grey picture, row by row, 0 black to 255 white.
#[derive(Clone, Debug)]
pub(super) struct Grey {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) data: Vec<u8>,
}

impl Grey {
    /// The photo's pixels inside `region`, which lies inside the photo.
    fn of(photo: &Photo, region: PixelRect) -> Self {
        let (x0, width, height) = (region.x as usize, region.w as usize, region.h as usize);
        let full = photo.width() as usize;
        let mut data = Vec::with_capacity(width * height);
        for y in region.y as usize..region.y as usize + height {
            let at = y * full + x0;
            match &photo.picture {
                Picture::Grey(p) => data.extend_from_slice(&p.as_raw()[at..at + width]),
                Picture::Grey16(p) => data.extend(p.as_raw()[at..at + width].iter().map(|v| (v >> 8) as u8)),
                // Rec. 601 lightness in integers.
                Picture::Colour(p) => {
                    data.extend(p.as_raw()[3 * at..3 * (at + width)].chunks_exact(3).map(|c| {
                        ((77 * u32::from(c[0]) + 150 * u32::from(c[1]) + 29 * u32::from(c[2]) + 128) >> 8) as u8
                    }))
                }
            }
        }
        Self { width, height, data }
    }

    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.width..][..self.width]
    }

    /// Half the size: the mean of 2 x 2. A last odd row or column is dropped.
    fn halved(&self) -> Self {
        let (width, height) = ((self.width / 2).max(1), (self.height / 2).max(1));
        let mut data = Vec::with_capacity(width * height);
        for y in 0..height {
            let (a, b) = (self.row(2 * y), self.row((2 * y + 1).min(self.height - 1)));
            for x in 0..width {
                let (l, r) = (2 * x, (2 * x + 1).min(self.width - 1));
                let sum = u16::from(a[l]) + u16::from(a[r]) + u16::from(b[l]) + u16::from(b[r]);
                data.push(((sum + 2) / 4) as u8);
            }
        }
        Self { width, height, data }
    }

    /// Bilinear between pixel centres; beyond the border the border's value goes on.
    fn at(&self, x: f64, y: f64) -> f32 {
        let x = x.clamp(0.0, (self.width - 1) as f64);
        let y = y.clamp(0.0, (self.height - 1) as f64);
        let (x0, y0) = (x as usize, y as usize);
        let (x1, y1) = ((x0 + 1).min(self.width - 1), (y0 + 1).min(self.height - 1));
        let (fx, fy) = ((x - x0 as f64) as f32, (y - y0 as f64) as f32);
        let (top, bottom) = (self.row(y0), self.row(y1));
        let mix = |row: &[u8]| f32::from(row[x0]) + fx * (f32::from(row[x1]) - f32::from(row[x0]));
        mix(top) + fy * (mix(bottom) - mix(top))
    }

    /// White becomes black.
    pub(super) fn inverted(&self) -> Self {
        let data = self.data.iter().map(|v| 255 - v).collect();
        Self { data, ..*self }
    }
}

/// The region of a photo at full size, half, quarter, ... down to 64 px.
#[derive(Debug)]
pub(super) struct Pyramid {
    pub(super) levels: Vec<Grey>,
    /// Where the region begins in the photo.
    corner: (f64, f64),
}

impl Pyramid {
    /// Cost: about 15 ms for 12 megapixels.
    pub(super) fn of(photo: &Photo, region: PixelRect) -> Self {
        let mut levels = vec![Grey::of(photo, region)];
        while let Some(last) = levels.last().filter(|g| g.width.min(g.height) >= 128) {
            let half = last.halved();
            levels.push(half);
        }
        Self { levels, corner: (f64::from(region.x), f64::from(region.y)) }
    }

    pub(super) fn full(&self) -> &Grey {
        &self.levels[0]
    }

    /// The largest level whose longer side is at most `side`, or the smallest there is.
    pub(super) fn at_most(&self, side: usize) -> usize {
        let fits = |g: &Grey| g.width.max(g.height) <= side;
        self.levels.iter().position(fits).unwrap_or(self.levels.len() - 1)
    }

    /// Grey at a place of the full region, averaged over about `step` px.
    pub(super) fn at(&self, x: f64, y: f64, step: f64) -> f32 {
        let level = self.level_for(step);
        let scale = (1_u32 << level) as f64;
        self.levels[level].at((x + 0.5) / scale - 0.5, (y + 0.5) / scale - 0.5)
    }

    fn level_for(&self, step: f64) -> usize {
        let mut level = 0;
        while level + 1 < self.levels.len() && (1_u32 << (level + 1)) as f64 <= step * 1.001 {
            level += 1;
        }
        level
    }

    /// From the full region's pixels to the photo's.
    pub(super) fn in_photo(&self, x: f64, y: f64) -> Point<ImagePx> {
        Point::new(x + self.corner.0, y + self.corner.1)
    }
}

/// A look at a part of the region: a picture of its own, and the way back.
#[derive(Debug)]
pub(super) struct View {
    pub(super) grey: Grey,
    /// Full-size position of the view's pixel (0, 0), and the steps to the next pixel right and down.
    origin: (f64, f64),
    right: (f64, f64),
    down: (f64, f64),
}

impl View {
    /// A whole level.
    pub(super) fn level(pyramid: &Pyramid, level: usize) -> Self {
        let scale = (1_u32 << level) as f64;
        let origin = (0.5 * scale - 0.5, 0.5 * scale - 0.5);
        Self { grey: pyramid.levels[level].clone(), origin, right: (scale, 0.0), down: (0.0, scale) }
    }

    /// `width` x `height` pixels round a centre, turned by the direction `(cos, sin)`, one pixel per `step` px of the full picture.
    pub(super) fn cut(
        pyramid: &Pyramid,
        centre: (f64, f64),
        (cos, sin): (f64, f64),
        (width, height): (usize, usize),
        step: f64,
    ) -> Self {
        let (right, down) = ((cos * step, sin * step), (-sin * step, cos * step));
        let (hx, hy) = (0.5 * (width as f64 - 1.0), 0.5 * (height as f64 - 1.0));
        let origin = (centre.0 - hx * right.0 - hy * down.0, centre.1 - hx * right.1 - hy * down.1);
        let level = pyramid.level_for(step);
        let (source, scale) = (&pyramid.levels[level], (1_u32 << level) as f64);
        let mut data = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let px = origin.0 + x as f64 * right.0 + y as f64 * down.0;
                let py = origin.1 + x as f64 * right.1 + y as f64 * down.1;
                data.push((source.at((px + 0.5) / scale - 0.5, (py + 0.5) / scale - 0.5) + 0.5) as u8);
            }
        }
        Self { grey: Grey { width, height, data }, origin, right, down }
    }

    /// From the view's pixels to the full region's.
    pub(super) fn in_full(&self, x: f64, y: f64) -> (f64, f64) {
        (self.origin.0 + x * self.right.0 + y * self.down.0, self.origin.1 + x * self.right.1 + y * self.down.1)
    }
}

/// How grey becomes black and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threshold {
    /// Blocks of 8 px with their neighbours: uneven light.
    Blocks,
    /// Against the mean of a window of this many px to each side: blur.
    Mean(usize),
    /// One level for all of it (Otsu 1979, doi:10.1109/TSMC.1979.4310076): large flat modules.
    Otsu,
}

/// True is black. `None` for a picture that is too small.
pub(super) fn binary(grey: &Grey, threshold: Threshold) -> Option<BitMatrix> {
    match threshold {
        Threshold::Blocks => {
            let source = Luma8Source::new_with_slice(&grey.data, grey.width as u32, grey.height as u32).ok()?;
            HybridBinarizer::new(source).get_black_matrix().ok().cloned()
        }
        Threshold::Mean(reach) => by_mean(grey, reach),
        Threshold::Otsu => {
            let level = otsu(grey);
            matrix(grey, |_, _, v| v <= level)
        }
    }
}

fn matrix(grey: &Grey, black: impl Fn(usize, usize, u8) -> bool) -> Option<BitMatrix> {
    let mut bits = BitMatrix::new(grey.width as u32, grey.height as u32).ok()?;
    for y in 0..grey.height {
        for (x, v) in grey.row(y).iter().enumerate() {
            if black(x, y, *v) {
                bits.set(x as u32, y as u32);
            }
        }
    }
    Some(bits)
}

/// Black is what is darker than its neighbourhood by 2 codes: flat areas stay white.
fn by_mean(grey: &Grey, reach: usize) -> Option<BitMatrix> {
    let (w, h) = (grey.width, grey.height);
    let mut sums = vec![0_u32; (w + 1) * (h + 1)];
    for y in 0..h {
        let mut line = 0;
        for (x, v) in grey.row(y).iter().enumerate() {
            line += u32::from(*v);
            sums[(y + 1) * (w + 1) + x + 1] = sums[y * (w + 1) + x + 1].wrapping_add(line);
        }
    }
    matrix(grey, |x, y, v| {
        let (x0, x1) = (x.saturating_sub(reach), (x + reach + 1).min(w));
        let (y0, y1) = (y.saturating_sub(reach), (y + reach + 1).min(h));
        let at = |x: usize, y: usize| sums[y * (w + 1) + x];
        let sum = at(x1, y1).wrapping_sub(at(x0, y1)).wrapping_sub(at(x1, y0)).wrapping_add(at(x0, y0));
        let area = ((x1 - x0) * (y1 - y0)) as u32;
        (u32::from(v) + 2) * area < sum
    })
}

fn otsu(grey: &Grey) -> u8 {
    let mut histogram = [0_u64; 256];
    grey.data.iter().for_each(|v| histogram[usize::from(*v)] += 1);
    let count = grey.data.len() as f64;
    let total: f64 = histogram.iter().enumerate().map(|(v, n)| v as f64 * *n as f64).sum();
    let (mut below, mut sum, mut best) = (0.0, 0.0, (0.0, 127_u8));
    for (v, n) in histogram.iter().enumerate() {
        below += *n as f64;
        sum += v as f64 * *n as f64;
        if below > 0.0 && below < count {
            let apart = sum / below - (total - sum) / (count - below);
            let between = below * (count - below) * apart * apart;
            if between > best.0 {
                best = (between, v as u8);
            }
        }
    }
    best.1
}
