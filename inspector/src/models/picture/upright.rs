//! A turned region of a photo as an upright picture, for models that look at one place of a part.

use crate::geometry::{ImagePx, Point};
use crate::photo::Picture;
use image::{GrayImage, ImageBuffer, RgbImage};

/// A parallelogram of a picture, from its upper left, upper right and lower left corner, as an upright picture of about its own size in pixels;
/// bilinear, rounded to codes. The corners must lie in the picture. It is only looked at by learned checks: nothing is measured on it.
pub fn upright(picture: &Picture, [corner, right, below]: [Point<ImagePx>; 3]) -> Picture {
    let (along, down) = (right - corner, below - corner);
    let side = |length: f64| (length.round() as u32).clamp(1, 8192);
    let (w, h) = (side(along.length()), side(down.length()));
    let at = |x: u32, y: u32| {
        // Corners are corners of pixels; samples lie at their centres.
        let (fx, fy) = ((f64::from(x) + 0.5) / f64::from(w), (f64::from(y) + 0.5) / f64::from(h));
        corner + along * fx + down * fy
    };
    match picture {
        Picture::Colour(p) => Picture::Colour(RgbImage::from_fn(w, h, |x, y| {
            let sampled: [f64; 3] = sample(p.as_raw(), p.width(), p.height(), at(x, y));
            image::Rgb(sampled.map(|v| v.round() as u8))
        })),
        Picture::Grey(p) => Picture::Grey(GrayImage::from_fn(w, h, |x, y| {
            let [v]: [f64; 1] = sample(p.as_raw(), p.width(), p.height(), at(x, y));
            image::Luma([v.round() as u8])
        })),
        Picture::Grey16(p) => Picture::Grey16(ImageBuffer::from_fn(w, h, |x, y| {
            let [v]: [f64; 1] = sample(p.as_raw(), p.width(), p.height(), at(x, y));
            image::Luma([v.round() as u16])
        })),
    }
}

fn sample<T: Copy + Into<f64>, const C: usize>(samples: &[T], width: u32, height: u32, p: Point<ImagePx>) -> [f64; C] {
    let axis = |v: f64, n: u32| {
        let v = v.clamp(0.0, f64::from(n - 1));
        let i = (v as usize).min((n as usize).saturating_sub(2));
        (i, (i + 1).min(n as usize - 1), v - i as f64)
    };
    let ((x0, x1, fx), (y0, y1, fy)) = (axis(p.x, width), axis(p.y, height));
    std::array::from_fn(|c| {
        let v = |x: usize, y: usize| -> f64 { samples[(y * width as usize + x) * C + c].into() };
        let top = v(x0, y0) * (1.0 - fx) + v(x1, y0) * fx;
        let bottom = v(x0, y1) * (1.0 - fx) + v(x1, y1) * fx;
        top * (1.0 - fy) + bottom * fy
    })
}
