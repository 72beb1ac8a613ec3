//! What falls on the sensor: the light of every surface through lens and pixel, row by row.

use super::prism::SeenPrism;
use super::{Outlines, Sheet};
use crate::geometry::{PixelRect, Point};
use crate::synth::Paint;
use crate::synth::optics::{Canvas, Kernel};
use crate::synth::scene::mottle;
use crate::synth::seeded::scramble;
use rayon::prelude::*;

/// The picture of sheet and parts through one point spread.
pub(super) struct Plate {
    table: [f64; 3],
    paper: Paint,
    sheet: Colours,
    parts: Vec<PartPlate>,
}

struct PartPlate {
    hides: Canvas,
    shines: Colours,
    texture: Paint,
}

/// Sums of coverages with coloured weights. Most surfaces are grey, so red and blue are kept as what they differ from green.
struct Colours {
    green: Canvas,
    others: Option<[Canvas; 2]>,
}

/// Buffers of one row.
pub(super) struct Row {
    surface: Vec<f32>,
    hidden: Vec<f32>,
}

impl Row {
    pub(super) fn new(width: usize) -> Self {
        Self { surface: vec![0.0; width], hidden: vec![0.0; width] }
    }
}

/// Coverages with coloured weights.
pub(super) type Weighted = (Outlines, [f64; 3]);

impl Plate {
    pub(super) fn new(
        sheet: &Sheet,
        table: [f64; 3],
        prints: &[Weighted],
        parts: &[SeenPrism],
        kernel: &Kernel,
        size: (u32, u32),
    ) -> Self {
        let paper = Paint { rgb: [1.0; 3], mottle: sheet.texture.0, grain_px: sheet.texture.1 };
        let part = |seen: &SeenPrism| {
            let mut hides = canvas(seen.hides.iter().map(|(o, _)| o), kernel, size);
            for (outlines, weight) in &seen.hides {
                outlines.iter().for_each(|o| hides.polygon(kernel, o, *weight));
            }
            PartPlate { hides, shines: Colours::new(&seen.shines, kernel, size), texture: seen.part.top }
        };
        let (sheet, parts) =
            rayon::join(|| Colours::new(prints, kernel, size), || parts.par_iter().map(part).collect());
        Self { table, paper, sheet, parts }
    }

    /// The light of one row, channels one after the other.
    pub(super) fn row<const CHANNELS: usize>(&self, seed: u64, y: usize, work: &mut Row, out: &mut [f32]) {
        let Row { surface, hidden } = work;
        let width = surface.len();
        hidden.fill(0.0);
        self.parts.iter().for_each(|p| p.hides.add_row(y, hidden));
        let channels = |out: &'_ mut [f32], light: &mut dyn FnMut(usize, &mut [f32])| {
            out.chunks_exact_mut(width.max(1)).enumerate().for_each(|(c, out)| light(c, out));
        };
        channels(out, &mut |c, out| {
            // Grey is carried as green.
            let c = if CHANNELS == 1 { 1 } else { c };
            out.fill(self.table[c] as f32);
            self.sheet.add_row(c, y, out);
            mottle(&self.paper, y, scramble(seed ^ 2), out);
            out.iter_mut().zip(&*hidden).for_each(|(o, h)| *o *= 1.0 - h);
        });
        for (k, part) in self.parts.iter().enumerate().filter(|(_, p)| p.shines.green.has_row(y)) {
            channels(out, &mut |c, out| {
                surface.fill(0.0);
                part.shines.add_row(if CHANNELS == 1 { 1 } else { c }, y, surface);
                mottle(&part.texture, y, scramble(seed ^ (3 + k as u64)), surface);
                out.iter_mut().zip(&*surface).for_each(|(o, s)| *o += s);
            });
        }
    }
}

impl Colours {
    fn new(items: &[Weighted], kernel: &Kernel, size: (u32, u32)) -> Self {
        let mut green = canvas(items.iter().map(|(o, _)| o), kernel, size);
        for (outlines, [_, weight, _]) in items {
            outlines.iter().for_each(|o| green.polygon(kernel, o, *weight));
        }
        let coloured: Vec<&Weighted> = items.iter().filter(|(_, [r, g, b])| r != g || g != b).collect();
        let others = (!coloured.is_empty()).then(|| {
            [0, 2].map(|c| {
                let mut other = canvas(coloured.iter().map(|(o, _)| o), kernel, size);
                for (outlines, weight) in &coloured {
                    outlines.iter().for_each(|o| other.polygon(kernel, o, weight[c] - weight[1]));
                }
                other
            })
        });
        Self { green, others }
    }

    fn add_row(&self, channel: usize, y: usize, out: &mut [f32]) {
        self.green.add_row(y, out);
        if let (Some([red, blue]), 0 | 2) = (&self.others, channel) {
            if channel == 0 { red } else { blue }.add_row(y, out);
        }
    }
}

/// A canvas over the part of the picture that these outlines reach through the blur.
fn canvas<'a>(outlines: impl Iterator<Item = &'a Outlines>, kernel: &Kernel, (width, height): (u32, u32)) -> Canvas {
    let points = outlines.flatten().flatten().map(|[x, y]| Point::new(*x, *y));
    match PixelRect::around(points, kernel.reach as f64 + 2.0, width, height) {
        Some(r) => Canvas::new((i64::from(r.x), i64::from(r.y)), r.w as usize, r.h as usize),
        None => Canvas::new((0, 0), 0, 0),
    }
}
