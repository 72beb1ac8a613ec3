//! A small version of the photo, to look for tags in.

use crate::calibration::Plane;
use crate::geometry::{ImagePx, Point};
use rayon::prelude::*;
use std::sync::LazyLock;

/// Longest side of the small version, px.
const LONGEST: u32 = 2048;

/// Roots of light, 8 bits: even steps look alike in light and shadow.
pub(super) struct Small {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Pixels of the photo along one of these.
    pub(super) factor: usize,
    pub(super) values: Vec<u8>,
}

static ROOTS: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..=u16::MAX).map(|v| (f64::from(v) / 65535.0).sqrt().mul_add(255.0, 0.5) as u8).collect());

impl Small {
    /// Means over squares of pixels.
    pub(super) fn of(light: &Plane) -> Self {
        let factor = light.width().max(light.height()).div_ceil(LONGEST).max(1) as usize;
        let (full, width, height) =
            (light.width() as usize, light.width() as usize / factor, light.height() as usize / factor);
        let mut values = vec![0; width * height];
        let samples = light.as_raw();
        let n = (factor * factor) as u32;
        values.par_chunks_mut(width.max(1) * 16).enumerate().for_each(|(band, out)| {
            let mut sums = vec![0_u32; width];
            for (line, out) in out.chunks_mut(width).enumerate() {
                sums.fill(0);
                for row in 0..factor {
                    let y = (band * 16 + line) * factor + row;
                    let samples = &samples[y * full..y * full + width * factor];
                    match factor {
                        1 => sums.iter_mut().zip(samples).for_each(|(s, v)| *s += u32::from(*v)),
                        2 => add::<2>(&mut sums, samples),
                        3 => add::<3>(&mut sums, samples),
                        _ => sums
                            .iter_mut()
                            .zip(samples.chunks_exact(factor))
                            .for_each(|(s, v)| *s += v.iter().map(|v| u32::from(*v)).sum::<u32>()),
                    }
                }
                out.iter_mut().zip(&sums).for_each(|(o, s)| *o = ROOTS[(s / n) as usize]);
            }
        });
        Self { width, height, factor, values }
    }

    /// Where a place of the small version lies in the photo.
    pub(super) fn in_photo(&self, p: Point<ImagePx>) -> Point<ImagePx> {
        let f = self.factor as f64;
        Point::new((p.x + 0.5) * f - 0.5, (p.y + 0.5) * f - 0.5)
    }
}

fn add<const N: usize>(sums: &mut [u32], samples: &[u16]) {
    for (s, v) in sums.iter_mut().zip(samples.as_chunks::<N>().0) {
        *s += v.iter().map(|v| u32::from(*v)).sum::<u32>();
    }
}
