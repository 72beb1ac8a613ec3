//! The mat in a photo: which tags are seen, and exactly where their corners are.
//!
//! `small version -> dark quadrilaterals -> words -> tags that agree about one sheet -> tags that were missed -> saddles in the photo's own light`

use super::code;
use super::layout::{IDS, Layout, Paper, TAG_MM, bit};
use super::quads::quads;
use super::saddle::{Saddle, Start, refine};
use super::small::Small;
use crate::calibration::Plane;
use crate::calibration::homography::Homography;
use crate::geometry::{ImagePx, PlaneMm, Point};
use rayon::prelude::*;

/// A tag in the photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenTag {
    /// Its place in [`Layout::tags`].
    pub number: usize,
    /// The bit of the mat's id that it carries.
    pub bit: bool,
    /// Its corners to about a pixel, as [`Tag::corners`](super::Tag::corners) orders them.
    pub corners: [Point<ImagePx>; 4],
    /// Light of its black and of the white beside it, 0..=65535.
    pub levels: [f64; 2],
}

/// A corner of a tag in the photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenCorner {
    /// The tag's place in [`Layout::tags`].
    pub tag: usize,
    /// Which of its corners: 0 top left, 1 top right, 2 bottom right, 3 bottom left.
    pub corner: usize,
    /// Where it was to be printed.
    pub nominal: Point<PlaneMm>,
    /// Where it is seen.
    pub p: Point<ImagePx>,
    /// Standard uncertainty of each coordinate from noise, px.
    pub u_px: f64,
    /// Blur of the tag's two edges that meet there, standard deviation, px.
    pub blur_px: [f64; 2],
}

/// The mat in a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Size of the sheet.
    pub paper: Paper,
    /// The mat's id; `None` when too few tags are seen to tell.
    pub id: Option<u16>,
    /// The tags.
    pub tags: Vec<SeenTag>,
    /// Their corners.
    pub corners: Vec<SeenCorner>,
    /// Tags on the whole mat.
    pub expected_tags: usize,
}

/// Why no mat was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// Nothing that looks like one.
    Nothing,
    /// A few tags, but not enough to be sure.
    TooFew {
        /// How many.
        tags: usize,
    },
    /// It is seen in a mirror.
    Mirrored,
}

/// Tags that must agree.
const FEWEST_TAGS: usize = 4;
/// Wrong bits allowed in a tag whose place is known from others.
const WRONG_WHERE_EXPECTED: u32 = 6;
/// Shortest module in which a corner is measured, px.
const FINEST_MODULE_PX: f64 = 2.2;

/// Finds the mat. `light` is the photo's linear light.
///
/// # Errors
/// [`NotFound`] says what was seen instead.
///
/// Cost: see `benches`; most of it is reading the photo once.
pub fn find(light: &Plane) -> Result<Found, NotFound> {
    let small = Small::of(light);
    let seen: Vec<(u32, Glance)> = quads(&small)
        .into_par_iter()
        .filter_map(|quad| {
            let corners = quad.map(|p| small.in_photo(p));
            Glance::at(light, &corners).map(|g| (g.word(), g))
        })
        .collect();
    let read = |(word, glance): &(u32, Glance)| code::read(*word).and_then(|r| Candidate::new(r, glance));
    let candidates: Vec<Candidate> = seen.iter().filter_map(read).collect();
    let Some((paper, sheet, agreeing)) = agreement(&candidates) else {
        let mirrored = seen.iter().filter(|(word, _)| code::read(code::mirrored(*word)).is_some()).count();
        return Err(match candidates.len() {
            n if mirrored >= FEWEST_TAGS && mirrored > n => NotFound::Mirrored,
            0 | 1 => NotFound::Nothing,
            tags => NotFound::TooFew { tags },
        });
    };
    let layout = Layout::new(paper, 0);
    let mut tags: Vec<SeenTag> = agreeing.iter().map(|c| c.tag).collect();
    tags.extend(missed(light, &layout, &tags, &sheet));
    tags.sort_by_key(|t| t.number);
    let step = 1.5 + small.factor as f64;
    let corners = tags.par_iter().flat_map_iter(|tag| corners(light, &layout, tag, step)).collect();
    Ok(Found { paper, id: id(&tags), tags, corners, expected_tags: layout.tags.len() })
}

/// A word whose place on the sheet is known.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    paper: Paper,
    tag: SeenTag,
}

impl Candidate {
    fn new(read: code::Read, glance: &Glance) -> Option<Self> {
        let (paper, number, bit) = Layout::tag_of(read.number)?;
        // After a quarter turn the tag's first corner stands second.
        let corners = std::array::from_fn(|i| glance.corners[(i + read.turns) % 4]);
        Some(Self { paper, tag: SeenTag { number, bit, corners, levels: glance.levels() } })
    }
}

/// The largest set of tags that lie as on one sheet, and the map from it.
fn agreement(candidates: &[Candidate]) -> Option<(Paper, Homography, Vec<Candidate>)> {
    let mut best: Option<(Paper, Homography, Vec<Candidate>)> = None;
    for paper in Paper::ALL {
        let of_paper: Vec<Candidate> = candidates.iter().filter(|c| c.paper == paper).copied().collect();
        if of_paper.len() < FEWEST_TAGS {
            continue;
        }
        let layout = Layout::new(paper, 0);
        let pairs = |tags: &[Candidate]| -> Vec<_> { tags.iter().flat_map(|c| matched(&layout, &c.tag)).collect() };
        for i in 0..of_paper.len() {
            // Each tag with the one that stands half a list away, and with its neighbour: near and far pairs.
            for other in [i + of_paper.len() / 2, i + 1, i + of_paper.len() / 4] {
                let seed = [of_paper[i], of_paper[other % of_paper.len()]];
                let mut chosen = seed.to_vec();
                let mut map = None;
                for _ in 0..4 {
                    map = Homography::fit(pairs(&chosen).iter().copied());
                    let Some(map) = map else { break };
                    chosen = of_paper.iter().filter(|c| fits(&layout, &map, &c.tag)).copied().collect();
                    if chosen.len() < 2 {
                        break;
                    }
                }
                chosen = once_each(chosen);
                let Some(map) = map.filter(|_| chosen.len() >= FEWEST_TAGS) else { continue };
                if best.as_ref().is_none_or(|b| chosen.len() > b.2.len()) {
                    best = Some((paper, map, chosen));
                }
            }
            if best.as_ref().is_some_and(|b| 10 * b.2.len() > 9 * of_paper.len()) {
                break;
            }
        }
    }
    best
}

/// Two copies of one tag cannot both be right, and which one is cannot be known.
fn once_each(tags: Vec<Candidate>) -> Vec<Candidate> {
    let count = |n: usize| tags.iter().filter(|c| c.tag.number == n).count();
    tags.iter().filter(|c| count(c.tag.number) == 1).copied().collect()
}

fn matched(layout: &Layout, tag: &SeenTag) -> [(Point<PlaneMm>, Point<ImagePx>, f64); 4] {
    let nominal = layout.tags[tag.number].corners();
    std::array::from_fn(|i| (nominal[i], tag.corners[i], 1.0))
}

/// Each corner within a third of the tag's size of where the map says: lenses bend, but not so much.
fn fits(layout: &Layout, map: &Homography, tag: &SeenTag) -> bool {
    let size = tag.corners[0].distance(tag.corners[2]).min(tag.corners[1].distance(tag.corners[3]));
    matched(layout, tag).iter().all(|(p, q, _)| map.apply(*p).distance(*q) < 0.35 * size)
}

/// Tags that were not read, looked for where the others say.
fn missed(light: &Plane, layout: &Layout, seen: &[SeenTag], sheet: &Homography) -> Vec<SeenTag> {
    let absent: Vec<usize> = (0..layout.tags.len()).filter(|n| seen.iter().all(|t| t.number != *n)).collect();
    let look = |number: &usize| {
        let tag = layout.tags[*number];
        // Near tags count more: a lens bends a small region almost as a plane.
        let near = |t: &SeenTag| {
            1.0 / (900.0 + (layout.tags[t.number].centre - tag.centre).dot(layout.tags[t.number].centre - tag.centre))
        };
        let pairs = seen.iter().flat_map(|t| matched(layout, t).map(|(p, q, _)| (p, q, near(t))));
        let map = Homography::fit(pairs).unwrap_or(*sheet);
        let glance = Glance::at(light, &tag.corners().map(|p| map.apply(p)))?;
        let word = glance.word();
        let (bit, wrong) = [false, true]
            .map(|b| (b, (word ^ Layout::word_of(layout.paper, *number, b)).count_ones()))
            .into_iter()
            .min_by_key(|(_, wrong)| *wrong)?;
        let tag = SeenTag { number: *number, bit, corners: glance.corners, levels: glance.levels() };
        (wrong <= WRONG_WHERE_EXPECTED).then_some(tag)
    };
    absent.par_iter().filter_map(look).collect()
}

/// The corners of a tag that can be measured.
fn corners(light: &Plane, layout: &Layout, tag: &SeenTag, step: f64) -> Vec<SeenCorner> {
    let nominal = layout.tags[tag.number].corners();
    let one = |i: usize| {
        let (p, next, last) = (tag.corners[i], tag.corners[(i + 1) % 4], tag.corners[(i + 3) % 4]);
        let (a, b) = ((next - p).unit()?, (last - p).unit()?);
        // Distance of the nearest thing that is not the crossing: modules seen across each edge, squashed by the slant.
        let module = (next - p).length().min((last - p).length()) / code::MODULES as f64 * a.cross(b).abs();
        if module < FINEST_MODULE_PX {
            return None;
        }
        let reach_px = (1.5 * module).min(9.0);
        let start = Start { p, along: [a, b], reach_px, search_px: step.min(0.7 * reach_px) };
        let seen: Saddle = refine(light, &start)?;
        // A hand or a part that covers one of the quarters takes contrast away.
        let [black, white] = tag.levels;
        let usual = (0.5 * (white - black)..1.8 * (white - black)).contains(&seen.contrast);
        let (tag, u_px, blur_px) = (tag.number, seen.u_px, seen.blur_px);
        usual.then_some(SeenCorner { tag, corner: i, nominal: nominal[i], p: seen.p, u_px, blur_px })
    };
    (0..4).filter_map(one).collect()
}

/// The only mat that agrees with nearly all bits.
fn id(tags: &[SeenTag]) -> Option<u16> {
    let wrong = |id: u16| tags.iter().filter(|t| bit(id, t.number) != t.bit).count();
    let counts: Vec<usize> = (0..IDS).map(wrong).collect();
    let least = *counts.iter().min()?;
    let mut nearest = (0..IDS).filter(|id| counts[usize::from(*id)] <= least + 1);
    let id = nearest.next()?;
    (20 * least <= tags.len() && nearest.next().is_none()).then_some(id)
}

/// The modules of what may be a tag.
#[derive(Clone, Debug)]
struct Glance {
    corners: [Point<ImagePx>; 4],
    /// Roots of light, 0..=256, row by row.
    modules: [f64; code::MODULES * code::MODULES],
    black: f64,
    white: f64,
}

impl Glance {
    /// Looks at a quadrilateral; `None` when it leaves the picture, or has no dark border with white round it.
    fn at(light: &Plane, corners: &[Point<ImagePx>; 4]) -> Option<Self> {
        const N: usize = code::MODULES;
        let h = 0.5 * TAG_MM;
        let square = [(-h, h), (h, h), (h, -h), (-h, -h)].map(|(x, y)| Point::new(x, y));
        let map = Homography::fit(square.into_iter().zip(*corners).map(|(p, q)| (p, q, 1.0)))?;
        let root = |column: f64, row: f64| {
            let module = TAG_MM / N as f64;
            let p = map.apply(Point::new(column * module - h, h - row * module));
            let (x, y) = (p.x.round(), p.y.round());
            let inside = x >= 0.0 && y >= 0.0 && x < f64::from(light.width()) && y < f64::from(light.height());
            inside.then(|| f64::from(light.as_raw()[y as usize * light.width() as usize + x as usize]).sqrt())
        };
        // Five places in each module.
        let mean = |column: f64, row: f64| {
            let places = [(0.0, 0.0), (-0.2, -0.2), (0.2, -0.2), (-0.2, 0.2), (0.2, 0.2)];
            places.iter().map(|(dx, dy)| root(column + dx, row + dy)).sum::<Option<f64>>().map(|s| s / 5.0)
        };
        let mut modules = [0.0; N * N];
        for (i, m) in modules.iter_mut().enumerate() {
            *m = mean((i % N) as f64 + 0.5, (i / N) as f64 + 0.5)?;
        }
        let border = |i: &usize| [i % N, i / N].iter().any(|k| *k == 0 || *k == N - 1);
        let black = (0..N * N).filter(border).map(|i| modules[i]).sum::<f64>() / (4 * (N - 1)) as f64;
        let far = N as f64 + 0.85;
        let mut white = 0.0;
        for k in [2.5, 3.5, 4.5, 5.5] {
            for (column, row) in [(k, -0.85), (k, far), (-0.85, k), (far, k)] {
                white += mean(column, row)? / 16.0;
            }
        }
        let middle = 0.5 * (black + white);
        let dark = (0..N * N).filter(border).filter(|i| modules[*i] < middle).count();
        (white - black > 12.0 && dark + 3 >= 4 * (N - 1)).then_some(Self { corners: *corners, modules, black, white })
    }

    /// Its bits.
    fn word(&self) -> u32 {
        let middle = 0.5 * (self.black + self.white);
        let on = |(row, column): (usize, usize)| self.modules[row * code::MODULES + column] > middle;
        code::CELLS.iter().enumerate().map(|(k, cell)| u32::from(on(*cell)) << k).sum()
    }

    fn levels(&self) -> [f64; 2] {
        [self.black * self.black, self.white * self.white]
    }
}
