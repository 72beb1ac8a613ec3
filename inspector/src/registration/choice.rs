//! Which of several ways the part lies, when it is nearly the same in all of them.
//!
//! Every pose that the silhouette admits is refined to the end and then compared with the best on the places where the two differ: what both draw alike says
//! nothing of which is right, but brings the noise of broken and hidden pieces. Each opening and each piece of a long contour is one witness. Its squared
//! distances from what is seen are bounded, so one missing hole costs no more than one missing hole, in whichever pose. The difference of their means, times
//! the number of witnesses that both ways show, over twice the variance that such parts have is the logarithm of the likelihood ratio. A witness lies where
//! its rim or the border of the shadow beside it is seen: in a shadow as dark as the part the rim itself is not.
//!
//! Honest scope: the variance is taken from the photo itself and is no less than that of a well-made part. Where a good part may be farther off than the
//! ways differ, nobody can tell, and that is said.

use super::drawing::REACH_MM;
use super::places::{Judged, Places};
use super::shadow::Shadow;
use crate::geometry::{DesignMm, Mm, PlaneMm, Similarity};
use crate::reason::Reason;

/// A way the part may lie, and what speaks against it.
pub(super) struct Way {
    pub(super) pose: Similarity<DesignMm, PlaneMm>,
    /// The shadow that it then throws.
    pub(super) shadow: Option<Shadow>,
    /// For each judged place.
    pub(super) seen: Vec<Seen>,
}

/// What is seen at a judged place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Seen {
    /// An edge at this squared distance from where it should be, mm², or none as far as was looked: then [`BOUND`].
    Off(f64),
    /// Something that is no edge.
    Unclear,
    /// Nothing: the part itself stands before it, it is not in the picture, or all that is expected there is alike.
    Hidden,
}

/// No place is farther off than this, mm², as far as poses are compared.
pub(super) const BOUND: f64 = REACH_MM * REACH_MM;
/// Two ways are told apart when one is likelier by this factor's logarithm: 400 to 1.
const SURE: f64 = 6.0;
/// Least standard deviation of a witness: of a well-made part, mm, and of what is seen of it, px.
const LEAST_SIGMA: (f64, f64) = (0.02, 0.1);
/// A witness that is farther off than this, mm², is a fault of the part, whichever way it lies.
const FAULT: f64 = 0.25 * 0.25;
/// Less of a witness than this does not count.
const LEAST_SHARE: f64 = 0.1;
/// No shadow makes witnesses seem farther off than this on average, mm².
const FAR: f64 = 0.5 * 0.5;

impl Way {
    /// True when the other way need not be judged with a shadow of its own: this one explains what is seen, and the other is far from it, or is the same.
    pub(super) fn rules_out(&self, other: &Self, places: &Places) -> bool {
        let evidence = Evidence::new(self, other, places, 0.0);
        let [own, others] = evidence.squares;
        evidence.same || own < FAULT && others > FAR
    }
}

/// What one way has for it against another.
struct Evidence {
    /// Logarithm of the likelihood ratio.
    favour: f64,
    /// Mean squared distance of the places that differ, mm², of both.
    squares: [f64; 2],
    /// Nothing differs: a symmetry of the drawing.
    same: bool,
    /// A witness that differs shows a fault, and something of the other way is seen, too.
    fault: bool,
}

/// The way that fits best.
pub(super) struct Choice {
    pub(super) pose: Similarity<DesignMm, PlaneMm>,
    /// The shadow that it then throws.
    pub(super) shadow: Option<Shadow>,
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
    Some(Choice { pose: best.pose, shadow: best.shadow, doubt })
}

impl Evidence {
    fn new(way: &Way, other: &Way, places: &Places, mm_per_px: f64) -> Self {
        let own = Witness::all(way, &places.differing(&way.pose, &other.pose), places);
        let others = Witness::all(other, &places.differing(&other.pose, &way.pose), places);
        let same = own.is_empty() && others.is_empty();
        let seen = |all: Vec<Witness>| all.into_iter().filter(|w| w.square.is_finite()).collect::<Vec<_>>();
        let (own, others) = (seen(own), seen(others));
        let share = |all: &[Witness]| all.iter().map(|w| w.share).sum::<f64>();
        let sum = |all: &[Witness]| all.iter().map(|w| w.square * w.share).sum::<f64>();
        let mean = |all: &[Witness]| sum(all) / share(all).max(f64::MIN_POSITIVE);
        let squares = [mean(&own), mean(&others)];
        let middle = median(own.iter().map(|w| w.square)).unwrap_or(0.0);
        let least = LEAST_SIGMA.0 + LEAST_SIGMA.1 * mm_per_px;
        // Where one way hides more than the other, no more can be told than of what both show.
        let both = share(&own).min(share(&others));
        Self {
            favour: both * (squares[1] - squares[0]) / (2.0 * middle.max(least * least)),
            squares,
            same,
            fault: both > 0.0 && own.iter().any(|w| w.clear && w.square > FAULT),
        }
    }
}

/// An opening or a piece of a contour that another way would put elsewhere.
struct Witness {
    /// Mean squared distance of what is seen of it, mm²; NaN when all of it is hidden.
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

    /// `None` when too little of it differs to be more than a corner's rounding.
    fn of(of: &[(&Judged, &Seen)]) -> Option<Self> {
        let share: f64 = of.iter().map(|(j, _)| j.share).sum();
        let (mut sum, mut off, mut unclear) = (0.0, 0_usize, 0_usize);
        for (_, seen) in of {
            match seen {
                Seen::Off(square) => (sum, off) = (sum + square, off + 1),
                Seen::Unclear => unclear += 1,
                Seen::Hidden => {}
            }
        }
        // Single places that show something else tell nothing; most of them do.
        let clear = off > unclear;
        let square = match off + unclear {
            0 => f64::NAN,
            _ if clear => sum / off as f64,
            all => (sum + BOUND * unclear as f64) / all as f64,
        };
        (share > LEAST_SHARE).then_some(Self { square, share, clear })
    }
}

/// The lower one of two in the middle.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Angle, Vector};
    use crate::synth::parts;

    /// A plate that is the same after half a turn, but for the diameters of two holes: its places, as it lies and half a turn round.
    fn plate() -> (Places, [Similarity<DesignMm, PlaneMm>; 2]) {
        let plate = parts::rounded_rectangle(44.0, 26.0, 3.0, &[(-14.0, 0.0, 6.0), (14.0, 0.0, 7.0)]);
        let turned = |degrees| Similarity::new(1.0, Angle::from_degrees(degrees), false, Vector::new(0.0, 0.0));
        (Places::new(&plate, 0.5), [0.0, 180.0].map(turned))
    }

    /// What is said of the plate when its outline is where it should be and its holes, by number and place, show this in the right way and in the other.
    fn said(right: impl Fn(usize, usize) -> Seen, other: impl Fn(usize, usize) -> Seen) -> (bool, bool) {
        let (places, poses) = plate();
        let first =
            places.judged.iter().find(|j| j.at.p.x.abs() < 11.5 && j.at.p.y.abs() < 4.0).expect("a hole").witness;
        let way = |pose, holes: &dyn Fn(usize, usize) -> Seen| {
            let seen = |(k, j): (usize, &Judged)| match j.witness.checked_sub(first) {
                Some(hole) => holes(hole, k),
                None => Seen::Off(0.0),
            };
            Way { pose, shadow: None, seen: places.judged.iter().enumerate().map(seen).collect() }
        };
        let ways = [way(poses[1], &other), way(poses[0], &right)];
        let choice = choose(&ways, &places, 0.2, false).expect("two ways");
        (choice.pose == poses[0], choice.doubt.is_some())
    }

    #[test]
    fn a_way_that_hides_what_it_would_show_is_not_the_likelier_for_it() {
        assert_eq!(said(|_, _| Seen::Off(0.0), |_, _| Seen::Off(0.25)), (true, false));
        let half_seen = |hole: usize, _| if hole == 0 { Seen::Hidden } else { Seen::Off(0.1) };
        assert!(said(|_, _| Seen::Off(0.06), half_seen).0);
    }

    #[test]
    fn what_is_hidden_in_the_likelier_way_leaves_a_doubt() {
        assert!(said(|_, _| Seen::Hidden, |_, _| Seen::Off(0.25)).1);
        assert!(said(|_, _| Seen::Hidden, |_, _| Seen::Hidden).1);
    }

    #[test]
    fn single_unclear_places_tell_nothing_and_many_tell_against_a_way() {
        let every = |n: usize| move |_, k: usize| if k.is_multiple_of(n) { Seen::Unclear } else { Seen::Off(0.001) };
        assert_eq!(said(every(4), |_, _| Seen::Off(0.25)), (true, false));
        assert!(!said(every(1), |_, _| Seen::Off(0.25)).0);
    }
}
