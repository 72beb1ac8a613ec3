//! What is printed where on the sheet: pure data, for the printer, for the finder and for the renderer.
//!
//! A ring of tags runs round the sheet, a quiet middle is left for the part. Millimetres, origin at the middle of the sheet, x right and y
//! up as printed (upright).
//!
//! | paper | sheet | quiet middle | tags | free border |
//! | --- | --- | --- | --- | --- |
//! | A4 | 210 x 297 | 148 x 233 | 36 | 10.0 and 11.0 |
//! | A3 | 297 x 420 | 233 x 352 | 60 | 11.0 and 13.0 |
//! | Letter | 215.9 x 279.4 | 148 x 216 | 36 | 12.95 and 10.7 |
//!
//! Between neighbouring tags stand black squares that touch the tags at their corners. So every corner of a tag is a saddle of light, which
//! looks the same after half a turn about itself; blur, sharpening, exposure and ink that spreads do not move it. (An edge alone moves with
//! each of them.) The tags' edges are the focus targets; the grey wedge lies on both long sides, turned by half a turn, so that uneven light
//! cancels.

use super::code::{CELLS, MODULES};
use super::words::WORDS;
use crate::geometry::{PlaneMm, Point};
use serde::{Deserialize, Serialize};

/// Side of a tag, mm.
pub const TAG_MM: f64 = 14.0;
/// Gap between tags, and side of the black squares in the gaps, mm.
pub const GAP_MM: f64 = 3.0;
/// From tag to tag, mm.
const PITCH_MM: f64 = TAG_MM + GAP_MM;
/// Steps of the grey wedge.
pub const WEDGE_STEPS: usize = 12;
/// White kept between ring and quiet middle, mm.
const CLEARANCE_MM: f64 = 1.0;

/// Size of the sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Paper {
    /// 210 x 297 mm.
    A4,
    /// 297 x 420 mm.
    A3,
    /// 8.5 x 11 inches.
    Letter,
}

impl Paper {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::A4, Self::A3, Self::Letter];

    /// Width and height of the upright sheet, mm.
    pub const fn size_mm(self) -> [f64; 2] {
        match self {
            Self::A4 => [210.0, 297.0],
            Self::A3 => [297.0, 420.0],
            Self::Letter => [215.9, 279.4],
        }
    }
    /// Places for tags across and up, corners included.
    const fn places(self) -> [usize; 2] {
        match self {
            Self::A4 => [11, 16],
            Self::A3 => [16, 23],
            Self::Letter => [11, 15],
        }
    }
    /// Number of the first of its tags among those of all papers.
    const fn first(self) -> usize {
        match self {
            Self::A4 => 0,
            Self::A3 => 36,
            Self::Letter => 96,
        }
    }
}

impl std::fmt::Display for Paper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::A4 => "A4",
            Self::A3 => "A3",
            Self::Letter => "Letter",
        })
    }
}

/// One tag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tag {
    /// Its middle.
    pub centre: Point<PlaneMm>,
    /// What it says.
    pub word: u32,
}

impl Tag {
    /// Top left, top right, bottom right, bottom left.
    pub fn corners(&self) -> [Point<PlaneMm>; 4] {
        let h = 0.5 * TAG_MM;
        [(-h, h), (h, h), (h, -h), (-h, -h)].map(|(x, y)| Point::new(self.centre.x + x, self.centre.y + y))
    }
    /// Whether the module behind the border is white at the share `t` of the way along a side, which begins at the corner `side`.
    pub(super) fn is_white_behind(&self, side: usize, t: f64) -> bool {
        let (at, last) = ((t * MODULES as f64) as usize, MODULES - 1);
        let cell = [(1, at), (at, last - 1), (last - 1, last - at), (last - at, 1)][side];
        CELLS.iter().position(|c| *c == cell).is_some_and(|bit| self.word >> bit & 1 == 1)
    }
}

/// A rectangle of one colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patch {
    /// Its middle.
    pub centre: Point<PlaneMm>,
    /// Width and height, mm.
    pub size_mm: [f64; 2],
    /// Light that red, green and blue return, linear, as a share of what the bare paper returns.
    pub light: [f64; 3],
}

/// A distance that a person measures after printing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// From the middle of this cross.
    pub from: Point<PlaneMm>,
    /// To the middle of this one.
    pub to: Point<PlaneMm>,
}

impl Distance {
    /// As it should have been printed, mm.
    pub fn nominal_mm(&self) -> f64 {
        self.from.distance(self.to)
    }
}

/// A line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct TextLine {
    /// Left end of the base line.
    pub at: Point<PlaneMm>,
    /// Size of the type, mm.
    pub size_mm: f64,
    /// What it says.
    pub text: String,
}

/// A closed polygon of one colour; what comes later lies on top.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Its corners.
    pub outline: Vec<Point<PlaneMm>>,
    /// Light, as [`Patch::light`].
    pub light: [f64; 3],
}

/// A mat: what is printed on the sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Size of the sheet.
    pub paper: Paper,
    /// Which mat this is, 0 to 4095: the tags say it too.
    pub id: u16,
    /// The tags, clockwise from the top left corner.
    pub tags: Vec<Tag>,
    /// The grey wedges: each step from black to white, twice.
    pub wedge: [[Patch; 2]; WEDGE_STEPS],
    /// Red, green, blue, cyan, magenta, yellow.
    pub colours: [Patch; 6],
    /// A distance along x, and one along y.
    pub distances: [Distance; 2],
    /// Width and height of the quiet middle, mm.
    pub quiet_mm: [f64; 2],
}

/// Mats that can be told apart.
pub const IDS: u16 = 4096;

impl Layout {
    /// The mat number `id` (the last twelve bits count) on this paper.
    pub fn new(paper: Paper, id: u16) -> Self {
        let id = id % IDS;
        let [across, up] = paper.places();
        let gone = |n: usize| if n.is_multiple_of(2) { 4 } else { 3 };
        let taken = |i: usize, n: usize| (2 * i + 1).abs_diff(n) < gone(n);
        let place = |column: usize, row: usize| {
            let middle = |i: usize, n: usize| (i as f64 - 0.5 * (n as f64 - 1.0)) * PITCH_MM;
            Point::new(middle(column, across), -middle(row, up))
        };
        let top = (0..across).map(|c| (c, 0, taken(c, across)));
        let right = (1..up).map(|r| (across - 1, r, taken(r, up)));
        let bottom = (0..across - 1).rev().map(|c| (c, up - 1, taken(c, across)));
        let left = (1..up - 1).rev().map(|r| (0, r, taken(r, up)));
        let tags = top
            .chain(right)
            .chain(bottom)
            .chain(left)
            .filter(|(.., taken)| !taken)
            .enumerate()
            .map(|(number, (column, row, _))| Tag {
                centre: place(column, row),
                word: Self::word_of(paper, number, bit(id, number)),
            })
            .collect();
        let [x, y] = [across, up].map(|n| 0.5 * (n as f64 - 1.0) * PITCH_MM);
        // Half the length of what a row of tags left free.
        let room = |n: usize| 0.5 * (gone(n) as f64 * PITCH_MM - GAP_MM) - CLEARANCE_MM;
        Self {
            paper,
            id,
            tags,
            wedge: wedge(x, room(up)),
            colours: colours(y, room(across)),
            distances: distances(paper, x, y),
            quiet_mm: [x, y].map(|r| 2.0 * (r - 0.5 * TAG_MM - GAP_MM - CLEARANCE_MM)),
        }
    }

    /// Half of the width and of the height of the ring of tags, mm: the outermost corners lie there.
    pub fn half_ring_mm(&self) -> [f64; 2] {
        let far = |f: fn(&Tag) -> f64| self.tags.iter().map(|t| f(t).abs()).fold(0.0, f64::max) + 0.5 * TAG_MM;
        [far(|t| t.centre.x), far(|t| t.centre.y)]
    }

    /// The word of a tag that carries this bit.
    pub(super) const fn word_of(paper: Paper, number: usize, bit: bool) -> u32 {
        WORDS[2 * (paper.first() + number) + bit as usize]
    }

    /// The tag that a word belongs to, and the bit of the mat's id that it carries.
    pub(super) fn tag_of(number: usize) -> Option<(Paper, usize, bool)> {
        let tag = number / 2;
        let paper = Paper::ALL.into_iter().rfind(|p| p.first() <= tag)?;
        Some((paper, tag - paper.first(), number % 2 == 1))
    }

    /// The black squares between the tags.
    pub fn squares(&self) -> Vec<Patch> {
        let out = 0.5 * (TAG_MM + GAP_MM);
        let mut found: Vec<Patch> = Vec::new();
        for tag in &self.tags {
            for (x, y) in [(-out, out), (out, out), (out, -out), (-out, -out)] {
                let centre = Point::new(tag.centre.x + x, tag.centre.y + y);
                // Neighbours share theirs.
                if found.iter().all(|p| p.centre.distance(centre) > 0.5 * GAP_MM) {
                    found.push(Patch { centre, size_mm: [GAP_MM; 2], light: [0.0; 3] });
                }
            }
        }
        found
    }

    /// Everything but texts and crosses, in the order in which it is painted on white paper.
    pub fn shapes(&self) -> Vec<Shape> {
        let mut shapes = Vec::new();
        let module = TAG_MM / MODULES as f64;
        for tag in &self.tags {
            shapes.push(Shape { outline: tag.corners().to_vec(), light: [0.0; 3] });
            // White modules, joined along each row so that no seam is printed between them.
            let white = |row: usize, column: usize| {
                CELLS.iter().position(|c| *c == (row, column)).is_some_and(|k| (tag.word >> k) & 1 == 1)
            };
            for row in 1..MODULES - 1 {
                let mut column = 1;
                while column < MODULES - 1 {
                    let end = (column..MODULES).find(|c| !white(row, *c)).unwrap_or(MODULES);
                    if end > column {
                        let at = |c: usize, r: usize| {
                            let corner = tag.corners()[0];
                            Point::new(corner.x + c as f64 * module, corner.y - r as f64 * module)
                        };
                        let outline = vec![at(column, row), at(end, row), at(end, row + 1), at(column, row + 1)];
                        shapes.push(Shape { outline, light: [1.0; 3] });
                    }
                    column = end + 1;
                }
            }
        }
        let patches = self.squares().into_iter().chain(self.wedge.into_iter().flatten()).chain(self.colours);
        shapes.extend(patches.map(|p| p.shape()));
        shapes
    }

    /// Station, mat, and where to write the measured distances: lies where the bottom row has no tags.
    ///
    /// `station` is cut to what fits there.
    pub fn texts(&self, station: &str) -> Vec<TextLine> {
        let [across, up] = self.paper.places();
        let y = -0.5 * (up as f64 - 1.0) * PITCH_MM;
        let left = -0.5 * (if across.is_multiple_of(2) { 4.0 } else { 3.0 } * PITCH_MM - GAP_MM) + 2.0 * CLEARANCE_MM;
        let station: String = station.chars().filter(|c| !c.is_control()).take(28).collect();
        let [x_mm, y_mm] = self.distances.map(|d| d.nominal_mm());
        let lines = [
            format!("Assay mat {:04}, {}", self.id, self.paper),
            station,
            format!("x {x_mm:.1} mm  is  __________ mm"),
            format!("y {y_mm:.1} mm  is  __________ mm"),
        ];
        let line = |(k, text): (usize, String)| TextLine {
            at: Point::new(left, y + 6.0 - 4.8 * k as f64),
            size_mm: 2.6,
            text,
        };
        lines.into_iter().enumerate().map(line).collect()
    }
}

impl Patch {
    /// As a polygon.
    pub fn shape(&self) -> Shape {
        let [w, h] = self.size_mm.map(|s| 0.5 * s);
        let outline = [(-w, h), (w, h), (w, -h), (-w, -h)];
        let at = |(x, y)| Point::new(self.centre.x + x, self.centre.y + y);
        Shape { outline: outline.into_iter().map(at).collect(), light: self.light }
    }
}

/// The bit of a mat's id that tag `number` carries: half of the tags differ between any two mats.
pub(super) const fn bit(id: u16, number: usize) -> bool {
    // Bits of a well mixed word (SplitMix64's output function) of id and number.
    let x = ((id as u64) << 16 | number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) & 1 == 1
}

/// Two rows of six at the right, and the same turned by half a turn at the left.
fn wedge(x: f64, half_length: f64) -> [[Patch; 2]; WEDGE_STEPS] {
    let long = 2.0 * half_length / 6.0;
    std::array::from_fn(|step| {
        let (row, column) = (step / 6, step % 6);
        // There and back again, so that neighbours are alike and little light strays between them.
        let along = if row == 0 { column } else { 5 - column };
        let at = [x - 4.25 + 8.5 * row as f64, half_length - long * (along as f64 + 0.5)];
        // Even steps of lightness: light is its cube (near enough), from 0 to 1.
        let lightness = step as f64 / (WEDGE_STEPS as f64 - 1.0);
        let light = [lightness * lightness * (0.4 + 0.6 * lightness); 3];
        [at, at.map(|c| -c)].map(|[x, y]| Patch { centre: Point::new(x, y), size_mm: [8.5, long], light })
    })
}

/// Two rows of three where the top row has no tags.
fn colours(y: f64, half_length: f64) -> [Patch; 6] {
    let (wide, ink) = (2.0 * half_length / 3.0, 0.05);
    let light = |k: usize| [k & 4, k & 2, k & 1].map(|on| if on == 0 { ink } else { 1.0 });
    // Red, green, blue, cyan, magenta, yellow as sums of lights.
    let which = [4, 2, 1, 3, 5, 6];
    std::array::from_fn(|i| {
        let (row, column) = (i / 3, i % 3);
        let centre = Point::new((column as f64 - 1.0) * wide, y + 4.25 - 8.5 * row as f64);
        Patch { centre, size_mm: [wide, 8.5], light: light(which[i]) }
    })
}

/// Between crosses in the gaps between tags, as far apart as a 300 mm rule reaches comfortably.
fn distances(paper: Paper, x: f64, y: f64) -> [Distance; 2] {
    let [across, up] = paper.places();
    // A gap's middle lies half a pitch beside a tag's; counted from the middle of the row.
    let gap = |n: usize, k: usize| if n.is_multiple_of(2) { k as f64 * PITCH_MM } else { (k as f64 + 0.5) * PITCH_MM };
    let (row, column) = (-gap(up, up / 4), gap(across, across / 3));
    let horizontal = Distance { from: Point::new(-x, row), to: Point::new(x, row) };
    // A3 is too long for the rule: along its left side instead.
    let vertical = match paper {
        Paper::A3 => Distance { from: Point::new(-x, -7.5 * PITCH_MM), to: Point::new(-x, 7.5 * PITCH_MM) },
        _ => Distance { from: Point::new(column, -y), to: Point::new(column, y) },
    };
    [horizontal, vertical]
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
