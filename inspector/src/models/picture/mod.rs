//! A picture becomes a model's input.
//!
//! Sums are of `f32`, each in one fixed order whatever the number of threads, and no instruction fuses a product with a sum: the same
//! picture gives the same bits on every machine. Nothing is rounded to bytes in between.

mod resample;
#[cfg(test)]
mod tests;
mod upright;

pub use upright::upright;

use super::manifest::{Colour, Fit, Input, Layout};
use crate::geometry::PixelRect;
use crate::photo::Picture;
use ndarray::{ArrayD, IxDyn};
use resample::{Resampled, Window, resample};

/// A tensor and where the picture lies in it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// `(1, C, H, W)` or `(1, H, W, C)`, as the model wants it.
    pub tensor: ArrayD<f32>,
    /// Where the picture lies in it.
    pub placement: Placement,
}

/// Where a part of a photo lies in a model's input. Positions are in pixels from the left and upper **edge**, so that a picture of width
/// w reaches from 0 to w.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// The part of the photo that was looked at.
    pub view: PixelRect,
    /// Its left and upper edge in the input, px; negative where it is cut.
    pub corner: (i64, i64),
    /// Its width and height in the input, px.
    pub size: (usize, usize),
}

impl Placement {
    /// Where the whole of a `view` comes to lie.
    fn of(view: PixelRect, input: &Input) -> Self {
        let (w, h) = (f64::from(view.w), f64::from(view.h));
        let (iw, ih) = (input.width, input.height);
        match input.fit {
            Fit::Stretch => Self { view, corner: (0, 0), size: (iw, ih) },
            Fit::Letterbox { .. } | Fit::Reflect => {
                // As Ultralytics' LetterBox: rounded sizes, and an odd pixel of padding goes to the right and below.
                let scale = (iw as f64 / w).min(ih as f64 / h);
                let side = |v: f64, most: usize| ((v * scale).round() as usize).clamp(1, most);
                let size = (side(w, iw), side(h, ih));
                Self { view, corner: (((iw - size.0) / 2) as i64, ((ih - size.1) / 2) as i64), size }
            }
            Fit::Crop { shorter } => {
                // As torchvision's Resize and CenterCrop.
                let longer = |long: f64, short: f64| (shorter as f64 * long / short).floor() as usize;
                let size = if w <= h { (shorter, longer(h, w)) } else { (longer(w, h), shorter) };
                let half = |side: usize, input: usize| -(((side - input) as f64 / 2.0).round_ties_even() as i64);
                Self { view, corner: (half(size.0, iw), half(size.1, ih)), size }
            }
        }
    }

    /// A tile at its own scale in the input's upper left corner; what it does not fill is padded.
    fn of_tile(view: PixelRect, scale: f64, input: &Input) -> Self {
        let side = |v: u32, most: usize| ((f64::from(v) * scale).round() as usize).clamp(1, most);
        Self { view, corner: (0, 0), size: (side(view.w, input.width), side(view.h, input.height)) }
    }

    /// A position in the photo from one in the input.
    pub fn photo_from_input(&self, x: f64, y: f64) -> (f64, f64) {
        let along = |v: f64, corner: i64, size: usize, from: u32, length: u32| {
            f64::from(from) + (v - corner as f64) * f64::from(length) / size as f64
        };
        (
            along(x, self.corner.0, self.size.0, self.view.x, self.view.w),
            along(y, self.corner.1, self.size.1, self.view.y, self.view.h),
        )
    }

    /// A position in the input from one in the photo.
    pub fn input_from_photo(&self, x: f64, y: f64) -> (f64, f64) {
        let along = |v: f64, corner: i64, size: usize, from: u32, length: u32| {
            (v - f64::from(from)) * size as f64 / f64::from(length) + corner as f64
        };
        (
            along(x, self.corner.0, self.size.0, self.view.x, self.view.w),
            along(y, self.corner.1, self.size.1, self.view.y, self.view.h),
        )
    }
}

/// Prepares the part `view` of a picture (it must lie inside) as `input` says.
///
/// Cost: see `benches/learned.rs`.
pub fn prepare(picture: &Picture, view: PixelRect, input: &Input) -> Prepared {
    place(picture, Placement::of(view, input), input)
}

/// Prepares one tile, `scale` input pixels per photo pixel.
pub(super) fn prepare_tile(picture: &Picture, view: PixelRect, scale: f64, input: &Input) -> Prepared {
    place(picture, Placement::of_tile(view, scale, input), input)
}

fn place(picture: &Picture, placement: Placement, input: &Input) -> Prepared {
    // The part of the placed picture that the input shows.
    let shown = |corner: i64, size: usize, side: usize| {
        let first = (-corner).max(0) as usize;
        (first, (side as i64 - corner).clamp(0, size as i64) as usize - first)
    };
    let (x, w) = shown(placement.corner.0, placement.size.0, input.width);
    let (y, h) = shown(placement.corner.1, placement.size.1, input.height);
    let window =
        Window { view: placement.view, size: placement.size, corner: (x, y), shown: (w, h), how: input.resample };
    let seen = match picture {
        Picture::Colour(p) => resample(p.as_raw(), 3, p.width() as usize, 1.0, &window),
        Picture::Grey(p) => resample(p.as_raw(), 1, p.width() as usize, 1.0, &window),
        Picture::Grey16(p) => resample(p.as_raw(), 1, p.width() as usize, 1.0 / 257.0, &window),
    };
    let tensor = tensor(&seen, (placement.corner.0.max(0) as usize, placement.corner.1.max(0) as usize), input);
    Prepared { tensor, placement }
}

/// The index in `0..n` that lies mirrored at the ends (the end itself is not repeated).
fn mirrored(i: i64, n: usize) -> usize {
    if n == 1 {
        return 0;
    }
    let period = 2 * (n as i64 - 1);
    let i = i.rem_euclid(period);
    i.min(period - i) as usize
}

/// Codes into the tensor: border, channel order, normalisation.
fn tensor(seen: &Resampled, corner: (usize, usize), input: &Input) -> ArrayD<f32> {
    let (width, height, channels) = (input.width, input.height, input.colour.channels());
    let pad = match input.fit {
        Fit::Letterbox { pad } => Some(pad),
        // A tile that the photo does not fill is mirrored too.
        Fit::Stretch | Fit::Crop { .. } | Fit::Reflect => None,
    };
    let (stride, step) = match input.layout {
        Layout::Nchw => (1, height * width),
        Layout::Nhwc => (channels, 1),
    };
    let mut data = vec![0.0_f32; channels * width * height];
    for channel in 0..channels {
        let (gain, offset) = input.gain_offset[channel];
        let source = Source::of(seen.channels, input.colour, channel);
        for y in 0..height {
            let row = y as i64 - corner.1 as i64;
            let start = channel * step + y * width * stride;
            let mut out = Line { numbers: &mut data[start..], stride };
            match (pad, (0..seen.height as i64).contains(&row)) {
                (Some(pad), false) => (0..width).for_each(|x| out.set(x, pad * gain + offset)),
                _ => {
                    let row = mirrored(row, seen.height);
                    let line = &seen.codes[row * seen.width * seen.channels..(row + 1) * seen.width * seen.channels];
                    source.write(line, seen.channels, (gain, offset), corner.0, &mut out);
                    for x in (0..corner.0).chain(corner.0 + seen.width..width) {
                        let value = match pad {
                            Some(pad) => pad * gain + offset,
                            None => out.get(corner.0 + mirrored(x as i64 - corner.0 as i64, seen.width)),
                        };
                        out.set(x, value);
                    }
                }
            }
        }
    }
    ArrayD::from_shape_vec(IxDyn(&input.shape()), data).expect("as many numbers as the shape holds")
}

/// One channel of one row of the tensor.
struct Line<'t> {
    numbers: &'t mut [f32],
    stride: usize,
}

impl Line<'_> {
    fn set(&mut self, x: usize, value: f32) {
        self.numbers[x * self.stride] = value;
    }
    fn get(&self, x: usize) -> f32 {
        self.numbers[x * self.stride]
    }
}

/// What a channel of the input takes of a pixel of the picture.
#[derive(Clone, Copy)]
enum Source {
    Channel(usize),
    Luma,
}

impl Source {
    fn of(channels: usize, colour: Colour, channel: usize) -> Self {
        match (channels, colour) {
            (1, _) => Self::Channel(0),
            (_, Colour::Grey) => Self::Luma,
            (_, Colour::Rgb) => Self::Channel(channel),
            (_, Colour::Bgr) => Self::Channel(2 - channel),
        }
    }
    /// A row of the picture into a row of the tensor, from `first` on.
    fn write(self, line: &[f32], channels: usize, (gain, offset): (f32, f32), first: usize, out: &mut Line<'_>) {
        let numbers = out.numbers[first * out.stride..].iter_mut().step_by(out.stride);
        match self {
            Self::Channel(k) => {
                numbers.zip(line[k..].iter().step_by(channels)).for_each(|(v, code)| *v = code * gain + offset);
            }
            Self::Luma => numbers
                .zip(line.chunks_exact(3))
                .for_each(|(v, p)| *v = (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]) * gain + offset),
        }
    }
}
