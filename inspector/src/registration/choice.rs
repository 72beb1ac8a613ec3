//! Which of several ways the part lies, when it is nearly the same in all of them.
//!
//! Every pose that the silhouette admits is refined to the end and then compared with the best on the places where the two differ: what both draw alike says
//! nothing of which is right, but brings the noise of broken and hidden pieces. Each opening and each piece of a long contour is one witness. Its squared
//! distances from what is seen are bounded, so one missing hole costs no more than one missing hole, in whichever pose. The difference of the sums over
//! twice the variance that such parts have is the logarithm of the likelihood ratio.
//!
//! Honest scope: the variance is taken from the photo itself and is no less than that of a well-made part. Where a good part may be farther off than the
//! ways differ, nobody can tell, and that is said.

use super::places::{Judged, Places};
use crate::geometry::{DesignMm, Mm, PlaneMm, Similarity};
use crate::reason::Reason;

/// A way the part may lie, and what speaks against it.
pub(super) struct Way {
    pub(super) pose: Similarity<DesignMm, PlaneMm>,
    /// For each judged place.
    pub(super) seen: Vec<Seen>,
}

/// What is seen at a judged place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Seen {
    /// An edge at this squared distance from where it should be, mm², or none as far as was looked: then the bound.
    Off(f64),
    /// Something that is no edge; it costs the bound.
    Unclear(f64),
    /// Nothing: the part itself stands before it.
    Hidden,
}

/// Two ways are told apart when one is likelier by this factor's logarithm: 400 to 1.
const SURE: f64 = 6.0;
/// Least standard deviation of a witness: of a well-made part, mm, and of what is seen of it, px.
const LEAST_SIGMA: (f64, f64) = (0.02, 0.1);
/// A witness that is farther off than this, mm², is a fault of the part, whichever way it lies.
const FAULT: f64 = 0.25 * 0.25;
/// Less of a witness than this does not count.
const LEAST_SHARE: f64 = 0.1;

/// What one way has for it against another.
struct Evidence {
    /// Logarithm of the likelihood ratio.
    favour: f64,
    /// Mean squared distance of the places that differ, mm², of both.
    squares: [f64; 2],
    /// Nothing differs: a symmetry of the drawing.
    same: bool,
    /// A witness that differs shows a fault.
    fault: bool,
}

/// The way that fits best.
pub(super) struct Choice {
    pub(super) pose: Similarity<DesignMm, PlaneMm>,
    /// Set when another way is nearly as likely and the part may be good: [`Reason::Ambiguous`].
    pub(super) doubt: Option<Reason>,
}

/// The way that fits best; a part that must lie face up does so unless its other side fits clearly better. `None` when there is no way.
pub(super) fn choose(ways: &[Way], places: &Places, mm_per_px: f64, either_side: bool) -> Option<Choice> {
    let evidence = |way: &Way, other: &Way| Evidence::new(way, other, places, mm_per_px);
    let best_of = |ways: &[&Way]| {
        let better = |best: usize, k: usize| if evidence(ways[k], ways[best]).favour > 0.0 { k } else { best };
        (!ways.is_empty()).then(|| (1..ways.len()).fold(0, better))
    };
    let (down, up): (Vec<&Way>, Vec<&Way>) = ways.iter().partition(|w| w.pose.mirrored());
    let (best, rivals) = match (best_of(&up), best_of(&down)) {
        (Some(u), Some(d)) => {
            let (up_best, down_best) = (up[u], down[d]);
            match evidence(down_best, up_best).favour {
                favour if either_side => (if favour > 0.0 { down_best } else { up_best }, [up, down].concat()),
                favour if favour > SURE => (down_best, Vec::new()),
                favour if favour > 0.0 => (up_best, [up, vec![down_best]].concat()),
                _ => (up_best, up),
            }
        }
        (Some(u), None) => (up[u], up),
        (None, Some(d)) => (down[d], if either_side { down } else { Vec::new() }),
        (None, None) => return None,
    };
    let doubts = rivals.iter().filter(|rival| !std::ptr::eq(**rival, best)).map(|rival| evidence(best, rival));
    let least = doubts.filter(|e| !e.same && !e.fault && e.favour < SURE).min_by(|a, b| a.favour.total_cmp(&b.favour));
    let doubt = least.map(|e| {
        let [first, second] = e.squares.map(|s| Mm(s.sqrt()));
        Reason::Ambiguous { first, second }
    });
    Some(Choice { pose: best.pose, doubt })
}

impl Evidence {
    fn new(way: &Way, other: &Way, places: &Places, mm_per_px: f64) -> Self {
        let own = Witness::all(way, &places.differing(&way.pose, &other.pose), places);
        let others = Witness::all(other, &places.differing(&other.pose, &way.pose), places);
        let sum = |all: &[Witness]| all.iter().map(|w| w.square * w.share).sum::<f64>();
        let mean = |all: &[Witness]| sum(all) / all.iter().map(|w| w.share).sum::<f64>().max(f64::MIN_POSITIVE);
        let mut squares: Vec<f64> = own.iter().map(|w| w.square).collect();
        squares.sort_by(f64::total_cmp);
        let least = LEAST_SIGMA.0 + LEAST_SIGMA.1 * mm_per_px;
        let variance = squares.get(squares.len().saturating_sub(1) / 2).copied().unwrap_or(0.0).max(least * least);
        Self {
            favour: (sum(&others) - sum(&own)) / (2.0 * variance),
            squares: [mean(&own), mean(&others)],
            same: own.is_empty() && others.is_empty(),
            fault: own.iter().any(|w| w.clear && w.square > FAULT),
        }
    }
}

/// An opening or a piece of a contour that another way would put elsewhere.
struct Witness {
    /// Mean squared distance of what is seen of it, mm².
    square: f64,
    /// How much of it differs.
    share: f64,
    /// Most of it shows an edge, or clearly none.
    clear: bool,
}

impl Witness {
    fn all(way: &Way, differing: &[bool], places: &Places) -> Vec<Self> {
        let judged = places.judged.iter().zip(&way.seen).zip(differing).filter(|(_, differs)| **differs);
        let judged: Vec<(&Judged, &Seen)> = judged.map(|(pair, _)| pair).collect();
        judged.chunk_by(|a, b| a.0.witness == b.0.witness).filter_map(Self::of).collect()
    }

    /// `None` when it is hidden, or too little of it differs to be more than a corner's rounding.
    fn of(of: &[(&Judged, &Seen)]) -> Option<Self> {
        let share: f64 = of.iter().map(|(j, _)| j.share).sum();
        let (mut sum, mut n, mut clear) = (0.0, 0.0, 0.0);
        for (_, seen) in of {
            let (square, is_clear) = match seen {
                Seen::Off(square) => (square, 1.0),
                Seen::Unclear(bound) => (bound, 0.0),
                Seen::Hidden => continue,
            };
            (sum, n, clear) = (sum + square, n + 1.0, clear + is_clear);
        }
        (n > 0.0 && share > LEAST_SHARE).then(|| Self { square: sum / n, share, clear: clear > 0.5 * n })
    }
}
