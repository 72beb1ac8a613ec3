//! Where in the picture something could be a code: many edges close together, all in one direction (bars) or in several (squares).
//!
//! Structure tensor over blocks of 8 px, as in Bigün and Granlund 1987 ("Optimal orientation detection of linear symmetry", ICCV).

use super::plane::Grey;

/// Side of a block, px.
const BLOCK: usize = 8;
/// Root mean square gradient below which nothing is printed, codes per px.
const MIN_GRADIENT: f64 = 6.0;
/// Root mean square gradient over local contrast: one edge in a window of 24 px has 0.14, bars of 3 px have 0.33.
const MIN_BUSY: f64 = 0.17;
/// Coherence of the gradient's direction: 1 for bars, 0 for squares.
const MIN_COHERENCE: f64 = 0.7;
/// Neighbouring blocks of one bar code differ by less than this: cosine of twice the angle, 20 degrees.
const SAME_DIRECTION: f64 = 0.766;

/// A place that could be a code, in the picture's pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) centre: (f64, f64),
    /// Unit vector across the bars, or along one side of the squares.
    pub(super) across: (f64, f64),
    /// Size across the bars and along them.
    pub(super) size: (f64, f64),
    /// Sum of gradients: the more, the more of a code.
    pub(super) weight: f64,
}

#[derive(Clone, Copy, Default)]
struct Block {
    xx: f64,
    yy: f64,
    xy: f64,
    /// Sum of squared gradients times cosine and sine of four times their angle: squares have edges in two directions at right angles.
    cos4: f64,
    sin4: f64,
    low: u8,
    high: u8,
}

struct Tensor {
    columns: usize,
    rows: usize,
    blocks: Vec<Block>,
}

impl Tensor {
    fn of(grey: &Grey) -> Self {
        let (columns, rows) = (grey.width / BLOCK, grey.height / BLOCK);
        let mut blocks = vec![Block { low: 255, ..Block::default() }; columns * rows];
        for y in 1..(rows * BLOCK).min(grey.height - 1) {
            let (above, row, below) = (grey.row(y - 1), grey.row(y), grey.row(y + 1));
            for x in 1..(columns * BLOCK).min(grey.width - 1) {
                let dx = 0.5 * (f64::from(row[x + 1]) - f64::from(row[x - 1]));
                let dy = 0.5 * (f64::from(below[x]) - f64::from(above[x]));
                let b = &mut blocks[y / BLOCK * columns + x / BLOCK];
                b.xx += dx * dx;
                b.yy += dy * dy;
                b.xy += dx * dy;
                let (re, im, square) = (dx * dx - dy * dy, 2.0 * dx * dy, dx * dx + dy * dy);
                if square > 0.0 {
                    b.cos4 += (re * re - im * im) / square;
                    b.sin4 += 2.0 * re * im / square;
                }
                b.low = b.low.min(row[x]);
                b.high = b.high.max(row[x]);
            }
        }
        Self { columns, rows, blocks }
    }

    /// Each block with its eight neighbours.
    fn smoothed(&self) -> Vec<Block> {
        let mut out = Vec::with_capacity(self.blocks.len());
        for r in 0..self.rows {
            for c in 0..self.columns {
                let mut sum = Block { low: 255, ..Block::default() };
                for rr in r.saturating_sub(1)..(r + 2).min(self.rows) {
                    for cc in c.saturating_sub(1)..(c + 2).min(self.columns) {
                        let b = self.blocks[rr * self.columns + cc];
                        sum.xx += b.xx;
                        sum.yy += b.yy;
                        sum.xy += b.xy;
                        sum.low = sum.low.min(b.low);
                        sum.high = sum.high.max(b.high);
                    }
                }
                out.push(sum);
            }
        }
        out
    }
}

impl Block {
    fn energy(&self) -> f64 {
        self.xx + self.yy
    }
    /// Cosine and sine of twice the gradient's angle, times the coherence.
    fn direction(&self) -> (f64, f64) {
        let e = self.energy().max(1e-9);
        ((self.xx - self.yy) / e, 2.0 * self.xy / e)
    }
    fn busy(&self, pixels: f64) -> bool {
        let rms = (self.energy() / pixels).sqrt();
        let contrast = f64::from(self.high.saturating_sub(self.low));
        rms >= MIN_GRADIENT && rms >= MIN_BUSY * contrast
    }
}

/// Places of bars and places of squares, the likeliest first, at most `most` each.
pub(super) fn places(grey: &Grey, most: usize) -> (Vec<Place>, Vec<Place>) {
    if grey.width < 3 * BLOCK || grey.height < 3 * BLOCK {
        return (Vec::new(), Vec::new());
    }
    let tensor = Tensor::of(grey);
    let smooth = tensor.smoothed();
    let pixels = (9 * BLOCK * BLOCK) as f64;
    let busy: Vec<bool> = smooth.iter().map(|b| b.busy(pixels)).collect();
    let straight: Vec<bool> = smooth
        .iter()
        .zip(&busy)
        .map(|(b, busy)| {
            let (c, s) = b.direction();
            *busy && c * c + s * s >= MIN_COHERENCE * MIN_COHERENCE
        })
        .collect();
    let alike = |a: usize, b: usize| {
        let ((ac, a_s), (bc, bs)) = (smooth[a].direction(), smooth[b].direction());
        let norm = ((ac * ac + a_s * a_s) * (bc * bc + bs * bs)).sqrt().max(1e-9);
        (ac * bc + a_s * bs) / norm >= SAME_DIRECTION
    };
    let bars = best(groups(&tensor, &straight, alike).iter().map(|g| turned(&tensor, g)).collect(), most);
    let squares = best(groups(&tensor, &busy, |_, _| true).iter().map(|g| squared(&tensor, g)).collect(), most);
    (bars, squares)
}

fn best(mut places: Vec<Place>, most: usize) -> Vec<Place> {
    // Stable: equal weights keep the order in which the picture is read.
    places.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    places.truncate(most);
    places
}

/// Connected groups (eight neighbours) of at least three blocks.
fn groups(tensor: &Tensor, member: &[bool], alike: impl Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    let mut seen = vec![false; member.len()];
    let mut groups = Vec::new();
    for start in 0..member.len() {
        if !member[start] || seen[start] {
            continue;
        }
        seen[start] = true;
        let mut group = vec![start];
        let mut next = 0;
        while next < group.len() {
            let at = group[next];
            next += 1;
            let (r, c) = (at / tensor.columns, at % tensor.columns);
            for rr in r.saturating_sub(1)..(r + 2).min(tensor.rows) {
                for cc in c.saturating_sub(1)..(c + 2).min(tensor.columns) {
                    let other = rr * tensor.columns + cc;
                    if member[other] && !seen[other] && alike(at, other) {
                        seen[other] = true;
                        group.push(other);
                    }
                }
            }
        }
        if group.len() >= 3 {
            groups.push(group);
        }
    }
    groups
}

fn centre_of(tensor: &Tensor, block: usize) -> (f64, f64) {
    let middle = |i: usize| (i * BLOCK) as f64 + 0.5 * (BLOCK as f64 - 1.0);
    (middle(block % tensor.columns), middle(block / tensor.columns))
}

/// The box along the group's own direction.
fn turned(tensor: &Tensor, group: &[usize]) -> Place {
    let mut sum = Block::default();
    for b in group.iter().map(|i| tensor.blocks[*i]) {
        sum.xx += b.xx;
        sum.yy += b.yy;
        sum.xy += b.xy;
    }
    let (c2, s2) = sum.direction();
    let angle = 0.5 * libm::atan2(s2, c2);
    bounded(tensor, group, (libm::cos(angle), libm::sin(angle)), sum.energy())
}

/// The box along the two directions of the group's edges.
fn squared(tensor: &Tensor, group: &[usize]) -> Place {
    let (mut cos4, mut sin4, mut weight) = (0.0, 0.0, 0.0);
    for b in group.iter().map(|i| tensor.blocks[*i]) {
        cos4 += b.cos4;
        sin4 += b.sin4;
        weight += b.energy();
    }
    let angle = 0.25 * libm::atan2(sin4, cos4);
    bounded(tensor, group, (libm::cos(angle), libm::sin(angle)), weight)
}

fn bounded(tensor: &Tensor, group: &[usize], across: (f64, f64), weight: f64) -> Place {
    let (mut lo, mut hi) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
    for (x, y) in group.iter().map(|i| centre_of(tensor, *i)) {
        let (u, v) = (x * across.0 + y * across.1, y * across.0 - x * across.1);
        lo = (lo.0.min(u), lo.1.min(v));
        hi = (hi.0.max(u), hi.1.max(v));
    }
    let (u, v) = (0.5 * (lo.0 + hi.0), 0.5 * (lo.1 + hi.1));
    let block = BLOCK as f64;
    Place {
        centre: (u * across.0 - v * across.1, u * across.1 + v * across.0),
        across,
        size: (hi.0 - lo.0 + block, hi.1 - lo.1 + block),
        weight,
    }
}
