//! Maps: a number for each place of a photo (how probable a class is there, how unusual it looks).

use super::manifest::{Activation, Input, Task};
use super::output::{Fault, activate, score, shaped, sigmoid};
use super::picture::Placement;
use ndarray::ArrayD;

/// A number for each place of a photo.
#[derive(Clone, Debug)]
pub struct Map {
    /// Places from left to right.
    pub width: usize,
    /// Places from top to bottom.
    pub height: usize,
    /// Photo pixels per place, across and down: place (i, j) has its middle `((i + 0.5) * pitch.0, (j + 0.5) * pitch.1)` from the photo's
    /// left and upper edge.
    pub pitch: (f64, f64),
    /// Row by row; NaN where the model did not look.
    pub values: Vec<f32>,
    /// The model's number for the whole picture (of tiles the largest), when it gives one.
    pub score: Option<f64>,
}

/// One plane of one tile: what a model said of it.
pub(super) struct Tile {
    pub(super) placement: Placement,
    pub(super) plane: Plane,
    pub(super) score: Option<f64>,
}

/// Numbers over a model's input, `(height, width)`.
pub(super) struct Plane {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

/// The plane and the score that a model gave for one input: of `label` when there are labels.
pub(super) fn read(
    task: &Task,
    outputs: &[ArrayD<f32>],
    labels: usize,
    label: usize,
) -> Result<(Plane, Option<f64>), Fault> {
    let names = task.outputs();
    let map = outputs.first().ok_or_else(|| Fault::new("a map", "no output"))?;
    match task {
        Task::Segment { activation, .. } => {
            let expected =
                if labels == 1 { "(1, 1, H, W) or (1, H, W)".to_owned() } else { format!("(1, {labels}, H, W)") };
            let fits = |s: &[usize]| {
                matches!(s, [1, c, h, w] if *c == labels && h * w > 0)
                    || (labels == 1 && matches!(s, [1, h, w] if h * w > 0))
            };
            let numbers = shaped(&names[0], map, &expected, fits)?;
            let (width, height) = sides(map);
            let n = width * height;
            let values = match activation {
                Activation::None => numbers[label * n..(label + 1) * n]
                    .iter()
                    .map(|v| score(&names[0], *v).map(|s| s as f32))
                    .collect::<Result<_, _>>()?,
                Activation::Sigmoid => numbers[label * n..(label + 1) * n].iter().map(|v| sigmoid(*v) as f32).collect(),
                Activation::Softmax => {
                    let mut values = Vec::with_capacity(n);
                    let mut pixel = vec![0.0; labels];
                    for i in 0..n {
                        pixel.iter_mut().enumerate().for_each(|(c, v)| *v = numbers[c * n + i]);
                        values.push(activate(&names[0], Activation::Softmax, &pixel)?[label] as f32);
                    }
                    values
                }
            };
            Ok((Plane { width, height, values }, None))
        }
        Task::AnomalyMap { score, .. } => {
            let fits = |s: &[usize]| matches!(s, [1, 1, h, w] | [1, h, w] if h * w > 0);
            let values = shaped(&names[0], map, "(1, 1, H, W) or (1, H, W)", fits)?.into_owned();
            let (width, height) = sides(map);
            let score = match score {
                None => None,
                Some(name) => {
                    let output = outputs.get(1).ok_or_else(|| Fault::new(format!("output {name:?}"), "none"))?;
                    let one = shaped(name, output, "of one number", |s| s.iter().product::<usize>() == 1)?;
                    Some(f64::from(one[0]))
                }
            };
            Ok((Plane { width, height, values }, score))
        }
        other => Err(Fault::new("a model with a map", format!("task {}", other.word()))),
    }
}

fn sides(map: &ArrayD<f32>) -> (usize, usize) {
    let shape = map.shape();
    (shape[shape.len() - 1], shape[shape.len() - 2])
}

/// One map of a photo from the maps of its tiles. Where tiles overlap, each counts the less the nearer its border is (a tent over the
/// strip that it shares), so that no seam is seen.
pub(super) fn blend(tiles: &[Tile], (photo_width, photo_height): (u32, u32), input: &Input) -> Map {
    let mut score: Option<f64> = None;
    for tile in tiles {
        score = match (score, tile.score) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
    }
    let Some(first) = tiles.first() else {
        return Map { width: 0, height: 0, pitch: (1.0, 1.0), values: Vec::new(), score };
    };
    let p = &first.placement;
    let places = |photo: u32, view: u32, size: usize, input: usize, out: usize| {
        let pitch = f64::from(view) / size as f64 * input as f64 / out as f64;
        ((f64::from(photo) / pitch).round() as usize).max(1)
    };
    let width = places(photo_width, p.view.w, p.size.0, input.width, first.plane.width);
    let height = places(photo_height, p.view.h, p.size.1, input.height, first.plane.height);
    let pitch = (f64::from(photo_width) / width as f64, f64::from(photo_height) / height as f64);
    let (mut sums, mut weights) = (vec![0.0_f32; width * height], vec![0.0_f32; width * height]);
    for tile in tiles {
        add(tile, input, (photo_width, photo_height), (width, height), pitch, &mut sums, &mut weights);
    }
    sums.iter_mut().zip(&weights).for_each(|(s, w)| *s = if *w > 0.0 { *s / w } else { f32::NAN });
    Map { width, height, pitch, values: sums, score }
}

/// Along one axis: for each place that a tile shows, where in its plane it is and how much it counts.
fn axis(
    places: usize,
    pitch: f64,
    photo: f64,
    from: f64,
    length: f64,
    to_plane: impl Fn(f64) -> f64,
    plane: usize,
) -> Vec<Option<(usize, f32, f32)>> {
    // The strip over which a tile fades: a quarter of it, as far as the photo goes on there.
    let fade = 0.25 * length;
    (0..places)
        .map(|i| {
            let at = (i as f64 + 0.5) * pitch;
            if at < from || at > from + length {
                return None;
            }
            let place = to_plane(at) - 0.5;
            // A place that a cropped input does not show.
            if place < -0.5 - 1e-9 || place > plane as f64 - 0.5 + 1e-9 {
                return None;
            }
            let place = place.clamp(0.0, (plane - 1) as f64);
            let start = (place as usize).min(plane.saturating_sub(2));
            let left = if from > 0.0 { (at - from) / fade } else { 1.0 };
            let right = if from + length < photo { (from + length - at) / fade } else { 1.0 };
            // Never quite nothing: the middle of a place may lie on the border.
            let weight = left.min(right).clamp(1e-3, 1.0);
            Some((start, (place - start as f64) as f32, weight as f32))
        })
        .collect()
}

fn add(
    tile: &Tile,
    input: &Input,
    photo: (u32, u32),
    (width, height): (usize, usize),
    pitch: (f64, f64),
    sums: &mut [f32],
    weights: &mut [f32],
) {
    let (p, plane) = (&tile.placement, &tile.plane);
    let (sx, sy) = (plane.width as f64 / input.width as f64, plane.height as f64 / input.height as f64);
    let (vx, vy) = (f64::from(p.view.x), f64::from(p.view.y));
    let (vw, vh) = (f64::from(p.view.w), f64::from(p.view.h));
    let columns = axis(width, pitch.0, f64::from(photo.0), vx, vw, |x| p.input_from_photo(x, vy).0 * sx, plane.width);
    let rows = axis(height, pitch.1, f64::from(photo.1), vy, vh, |y| p.input_from_photo(vx, y).1 * sy, plane.height);
    for (j, row) in rows.iter().enumerate() {
        let Some((y, fy, wy)) = *row else { continue };
        let line = |y: usize| &plane.values[y * plane.width..(y + 1) * plane.width];
        let (top, bottom) = (line(y), line((y + 1).min(plane.height - 1)));
        for (i, column) in columns.iter().enumerate() {
            let Some((x, fx, wx)) = *column else { continue };
            let x1 = (x + 1).min(plane.width - 1);
            let upper = top[x] + fx * (top[x1] - top[x]);
            let lower = bottom[x] + fx * (bottom[x1] - bottom[x]);
            let weight = wx * wy;
            sums[j * width + i] += weight * (upper + fy * (lower - upper));
            weights[j * width + i] += weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PixelRect;
    use crate::models::manifest;
    use crate::models::testing::BRIGHT;

    #[test]
    fn a_map_that_holds_no_scores_is_a_fault() {
        let task = Task::Segment { map: "m".into(), activation: Activation::None };
        let said = |v: f32| read(&task, &[ArrayD::from_elem(vec![1, 2, 3, 3], v)], 2, 1).map(|(plane, _)| plane.values);
        assert_eq!(said(0.25), Ok(vec![0.25; 9]));
        for wrong in [-0.5, 7.0, 255.0] {
            assert_eq!(said(wrong).map_err(|f| f.found), Err(wrong.to_string()));
        }
    }

    /// Two tiles that disagree: from one to the other the map goes in small steps.
    #[test]
    fn from_tile_to_tile_a_map_has_no_step() {
        let input = manifest::read(BRIGHT.replace('@', &"0".repeat(64)).as_bytes()).expect("good").input;
        let tile = |x: u32, value: f32| Tile {
            placement: Placement { view: PixelRect { x, y: 0, w: 256, h: 192 }, corner: (0, 0), size: (256, 192) },
            plane: Plane { width: 256, height: 192, values: vec![value; 256 * 192] },
            score: Some(f64::from(value)),
        };
        let map = blend(&[tile(0, 0.0), tile(204, 1.0)], (460, 192), &input);
        assert_eq!((map.width, map.height, map.score), (460, 192, Some(1.0)));
        for row in map.values.chunks(460) {
            assert!(row[..204].iter().all(|v| *v == 0.0) && row[256..].iter().all(|v| *v == 1.0));
            assert!(row.windows(2).all(|w| w[0] <= w[1] && w[1] - w[0] < 0.05), "{:?}", &row[200..260]);
        }
    }
}
