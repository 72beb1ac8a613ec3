//! Two-level pictures of circuit boards with seeded defects.

use super::seeded::Seeded;
use crate::design::raster::coverage;
use crate::geometry::{ImagePx, PixelRect, Point, Vector};
use image::{GrayImage, Luma};

/// A template, the same board with defects, and where they are.
#[derive(Clone, Debug)]
pub struct Board {
    /// The good board: copper 0, ground 255, 640 x 640.
    pub template: GrayImage,
    /// The board under test, as well aligned as a real one: shifted by up to 0.4 px, with another roughness of its edges.
    pub test: GrayImage,
    /// What is wrong with it, each at least 30 px from the others.
    pub defects: Vec<BoardDefect>,
}

/// A defect of a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoardDefect {
    /// Its kind.
    pub kind: BoardDefectKind,
    /// What it changes, grown by 8 px on each side as people draw boxes.
    pub region: PixelRect,
}

/// The six kinds that boards are usually labelled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the field's own words")]
pub enum BoardDefectKind {
    Open,
    Short,
    Mousebite,
    Spur,
    Copper,
    Pinhole,
}

const SIDE: u32 = 640;
const MARGIN_PX: f64 = 8.0;
/// Distance between neighbouring traces of a bus.
const PITCH: f64 = 28.0;

type Polygon = Vec<Point<ImagePx>>;

/// Buses of parallel traces with a jog, pads with holes at their ends, and 3 to 12 defects.
///
/// Cost: about 60 ms.
pub fn board(seed: u64) -> Board {
    let mut random = Seeded::new(seed, 0x0062_6f61_7264);
    let layout = Layout::new(&mut random);
    let (mut defects, mut added, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    let wanted = 3 + random.below(10);
    for _ in 0..200 {
        if defects.len() == wanted {
            break;
        }
        let (kind, patch, adds) = layout.defect(&mut random);
        let region = PixelRect::around(patch.iter().copied(), MARGIN_PX, SIDE, SIDE);
        let Some(region) = region.filter(|r| defects.iter().all(|d: &BoardDefect| apart(d.region, *r))) else {
            continue;
        };
        defects.push(BoardDefect { kind, region });
        if adds { added.push(patch) } else { removed.push(patch) }
    }
    let shift = Vector::new(random.between(-0.4, 0.4), random.between(-0.4, 0.4));
    let template = picture(&layout.copper, &layout.holes, Vector::new(0.0, 0.0), random.bits());
    let (mut copper, mut holes) = (layout.copper, layout.holes);
    copper.extend(added);
    holes.extend(removed);
    let test = picture(&copper, &holes, shift, random.bits());
    Board { template, test, defects }
}

fn apart(a: PixelRect, b: PixelRect) -> bool {
    let gap = |a: u32, la: u32, b: u32, lb: u32| a.saturating_sub(b + lb).max(b.saturating_sub(a + la));
    gap(a.x, a.w, b.x, b.w).max(gap(a.y, a.h, b.y, b.h)) >= 14
}

/// Copper less holes, with edges as rough as thresholded photos have them.
fn picture(copper: &[Polygon], holes: &[Polygon], shift: Vector<ImagePx>, seed: u64) -> GrayImage {
    let moved = |ps: &[Polygon]| ps.iter().map(|p| p.iter().map(|q| *q + shift).collect()).collect::<Vec<_>>();
    let (copper, holes) = (coverage(&moved(copper), SIDE, SIDE), coverage(&moved(holes), SIDE, SIDE));
    let mut rough = Seeded::new(seed, 0);
    GrayImage::from_fn(SIDE, SIDE, |x, y| {
        let left = copper.get_pixel(x, y).0[0] - holes.get_pixel(x, y).0[0];
        Luma([if f64::from(left) > rough.between(0.3, 0.7) { 0 } else { 255 }])
    })
}

struct Layout {
    copper: Vec<Polygon>,
    holes: Vec<Polygon>,
    traces: Vec<Trace>,
    pads: Vec<Point<ImagePx>>,
    /// Levels between the buses, where there is nothing.
    free: Vec<f64>,
}

/// A level piece of trace.
struct Trace {
    from: f64,
    to: f64,
    y: f64,
    width: f64,
    /// Another runs `PITCH` below it.
    neighbour: bool,
}

impl Layout {
    fn new(random: &mut Seeded) -> Self {
        let mut layout =
            Self { copper: Vec::new(), holes: Vec::new(), traces: Vec::new(), pads: Vec::new(), free: Vec::new() };
        let mut y = 30.0;
        loop {
            let lanes = 2 + random.below(3);
            let jog = random.between(10.0, 40.0);
            let height = (lanes - 1) as f64 * PITCH + jog;
            if y + height > f64::from(SIDE) - 40.0 {
                return layout;
            }
            let (bend, width) = (random.between(250.0, 390.0), random.between(8.0, 13.0));
            for lane in 0..lanes {
                layout.trace(y + lane as f64 * PITCH, bend - lane as f64 * 0.41 * PITCH, jog, width, lane + 1 < lanes);
            }
            y += height + 25.0;
            layout.free.push(y);
            y += 45.0;
        }
    }

    /// One trace with pads: level, a jog down at 45 degrees, level.
    fn trace(&mut self, y: f64, bend: f64, jog: f64, width: f64, neighbour: bool) {
        // Pads of every second lane lie further in, so that they fit.
        let inset = if self.traces.len() % 4 < 2 { 30.0 } else { 75.0 };
        let (start, end) = (inset, f64::from(SIDE) - inset);
        let points = [(start, y), (bend, y), (bend + jog, y + jog), (end, y + jog)];
        for pair in points.windows(2) {
            self.copper.push(bar(pair[0], pair[1], width));
        }
        for (x, y) in [points[0], points[3]] {
            self.copper.push(disc(Point::new(x, y), 12.0 + 0.3 * width));
            self.holes.push(disc(Point::new(x, y), 5.0));
            self.pads.push(Point::new(x, y));
        }
        for (x, y) in [points[1], points[2]] {
            self.copper.push(disc(Point::new(x, y), 0.5 * width));
        }
        self.traces.push(Trace { from: start + 65.0, to: bend - 60.0, y, width, neighbour });
        self.traces.push(Trace { from: bend + jog + 20.0, to: end - 65.0, y: y + jog, width, neighbour });
    }

    /// A defect somewhere: its kind, its shape, whether it adds copper.
    fn defect(&self, random: &mut Seeded) -> (BoardDefectKind, Polygon, bool) {
        let trace = &self.traces[random.below(self.traces.len())];
        let x = random.between(trace.from, trace.to);
        let half = 0.5 * trace.width;
        let side = if random.below(2) == 0 { -half } else { half };
        match random.below(6) {
            0 => {
                let gap = random.between(5.0, 12.0);
                let (top, bottom) = (trace.y - half - 1.0, trace.y + half + 1.0);
                (BoardDefectKind::Open, bar((x, top), (x, bottom), gap), false)
            }
            1 if trace.neighbour => {
                let bridge = bar((x, trace.y), (x, trace.y + PITCH), random.between(5.0, 12.0));
                (BoardDefectKind::Short, bridge, true)
            }
            2 => {
                let bite = disc(Point::new(x, trace.y + side), random.between(3.5, 0.7 * trace.width));
                (BoardDefectKind::Mousebite, bite, false)
            }
            3 => {
                let spur = disc(Point::new(x, trace.y + side), random.between(4.0, 6.0));
                (BoardDefectKind::Spur, spur, true)
            }
            4 => {
                let place = Point::new(random.between(40.0, 600.0), self.free[random.below(self.free.len())]);
                (BoardDefectKind::Copper, disc(place, random.between(3.5, 9.0)), true)
            }
            _ => {
                let pad = self.pads[random.below(self.pads.len())];
                let place = pad + Vector::new(random.between(-1.0, 1.0), if random.below(2) == 0 { -9.8 } else { 9.8 });
                (BoardDefectKind::Pinhole, disc(place, random.between(2.2, 3.0)), false)
            }
        }
    }
}

/// A straight bar between two points, counter-clockwise as seen.
fn bar((x0, y0): (f64, f64), (x1, y1): (f64, f64), width: f64) -> Polygon {
    let (a, b) = (Point::new(x0, y0), Point::new(x1, y1));
    let side = (b - a).unit().expect("bars have a length").perpendicular() * (0.5 * width);
    vec![a + side, a - side, b - side, b + side]
}

fn disc(centre: Point<ImagePx>, radius: f64) -> Polygon {
    let corner = |i: u32| {
        let (sin, cos) = libm::sincos(std::f64::consts::TAU * f64::from(i) / 48.0);
        centre + Vector::new(radius * cos, radius * sin)
    };
    (0..48).map(corner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Share of the pixels of a region, or of all outside the defects, that differ.
    fn changed(board: &Board, within: Option<PixelRect>) -> usize {
        let inside = |r: PixelRect, x: u32, y: u32| (r.x..r.x + r.w).contains(&x) && (r.y..r.y + r.h).contains(&y);
        let asked = |x, y| match within {
            Some(region) => inside(region, x, y),
            None => !board.defects.iter().any(|d| inside(d.region, x, y)),
        };
        let pairs = board.template.enumerate_pixels().zip(board.test.pixels());
        // Edges differ by their roughness: what counts is a change that fills a 3 x 3 square.
        let differs: Vec<bool> = pairs.map(|((_, _, a), b)| a != b).collect();
        let at = |x: u32, y: u32| differs[(y * SIDE + x) as usize];
        let solid = |x: u32, y: u32| (y - 1..=y + 1).all(|v| (x - 1..=x + 1).all(|u| at(u, v)));
        (1..SIDE - 1)
            .flat_map(|y| (1..SIDE - 1).map(move |x| (x, y)))
            .filter(|(x, y)| asked(*x, *y) && solid(*x, *y))
            .count()
    }

    #[test]
    fn every_defect_is_seen_in_its_box_and_nothing_outside() {
        let mut kinds = Vec::new();
        for seed in 0..12 {
            let board = board(seed);
            assert!(board.defects.len() >= 3, "seed {seed}");
            for defect in &board.defects {
                assert!(changed(&board, Some(defect.region)) > 0, "seed {seed}: {defect:?}");
                kinds.push(defect.kind as usize);
            }
            assert_eq!(changed(&board, None), 0, "seed {seed}");
        }
        assert!((0..6).all(|kind| kinds.contains(&kind)));
    }

    #[test]
    fn same_seed_same_board() {
        let (a, b, c) = (board(5), board(5), board(6));
        assert_eq!((a.test, a.defects), (b.test, b.defects));
        assert_ne!(a.template, c.template);
    }
}
