//! Slots, straight edges, arcs.

use super::*;
use crate::geometry::{Angle, Circle, Vector};
use crate::synth::parts;
use proptest::prelude::*;

fn p(x: f64, y: f64) -> Point<DesignMm> {
    Point::new(x, y)
}
fn line(from: (f64, f64), to: (f64, f64)) -> Segment {
    Segment::Line { from: p(from.0, from.1), to: p(to.0, to.1) }
}
fn arc(x: f64, y: f64, radius: f64, start: f64, sweep: f64) -> Segment {
    let circle = Circle { centre: p(x, y), radius };
    Segment::Arc { circle, start: Angle::from_degrees(start), sweep: Angle::from_degrees(sweep) }
}
fn polygon(points: &[(f64, f64)]) -> Contour {
    let next = points.iter().cycle().skip(1);
    Contour { segments: points.iter().zip(next).map(|(a, b)| line(*a, *b)).collect() }
}
fn plate(openings: Vec<Contour>) -> Design {
    let outline = polygon(&[(-50.0, -30.0), (50.0, -30.0), (50.0, 30.0), (-50.0, 30.0)]);
    Design::from_contours([vec![outline], openings].concat()).unwrap()
}
fn names(design: &Design) -> Vec<&str> {
    design.features.iter().map(|f| f.name.as_str()).collect()
}
fn kind(design: &Design, name: &str) -> FeatureKind {
    design.feature(name).unwrap_or_else(|| panic!("{name} in {:?}", names(design))).0.kind
}

/// The segment cut in two at `t`.
fn cut(s: &Segment, t: f64) -> [Segment; 2] {
    match *s {
        Segment::Line { from, to } => [Segment::Line { from, to: s.at(t) }, Segment::Line { from: s.at(t), to }],
        Segment::Arc { circle, start, sweep } => {
            let (a, b) = (t * sweep.radians(), (1.0 - t) * sweep.radians());
            let middle = Angle::from_radians(start.radians() + a);
            let piece = |start, sweep| Segment::Arc { circle, start, sweep: Angle::from_radians(sweep) };
            [piece(start, a), piece(middle, b)]
        }
    }
}

/// A slot about the origin, of sides of 10 mm and half circles of 3 mm.
fn oblong() -> Contour {
    let segments = vec![
        line((-5.0, -3.0), (5.0, -3.0)),
        arc(5.0, 0.0, 3.0, -90.0, 180.0),
        line((5.0, 3.0), (-5.0, 3.0)),
        arc(-5.0, 0.0, 3.0, 90.0, 180.0),
    ];
    Contour { segments }
}

#[test]
fn a_slot_is_one_however_its_lines_and_arcs_are_cut() {
    let mut cut_up = oblong();
    cut_up.segments = cut_up.segments.iter().flat_map(|s| cut(s, 0.3)).flat_map(|s| cut(&s, 0.5)).collect();
    cut_up.segments.rotate_left(3);
    for contour in [oblong(), oblong().reversed(), cut_up] {
        let design = plate(vec![contour]);
        let FeatureKind::Slot(slot) = kind(&design, "slot-1") else { panic!("{:?}", design.features) };
        assert!(slot.from.distance(p(-5.0, 0.0)) < 1e-9 && slot.to.distance(p(5.0, 0.0)) < 1e-9, "{slot:?}");
        assert!((slot.width - 6.0).abs() < 1e-9 && (slot.length() - 16.0).abs() < 1e-9, "{slot:?}");
        assert!(slot.centre().distance(p(0.0, 0.0)) < 1e-9 && (slot.axis() - Vector::new(1.0, 0.0)).length() < 1e-9);
        // The slot is one feature; its sides have no names of their own, the plate's have.
        assert_eq!(names(&design), ["outline", "slot-1", "edge-1", "edge-2", "edge-3", "edge-4"]);
        // Old recipes call it what it was called before slots were recognised.
        assert_eq!(design.feature("cutout-1").unwrap().0.name, "slot-1");
        assert!(design.feature("cutout-2").is_none());
    }
}

#[test]
fn what_only_resembles_a_slot_is_a_cutout() {
    // Ends of 3.2 mm on sides 6 mm apart; sides not parallel; ends that bulge inwards; a rounded rectangle.
    let lens =
        vec![line((-5.0, -3.0), (5.0, -3.0)), arc(5.0 - 1.113_552_872_566_004_2, 0.0, 3.2, -69.635_89, 139.271_78)];
    let lens = [lens, vec![line((5.0, 3.0), (-5.0, 3.0)), line((-5.0, 3.0), (-5.0, -3.0))]].concat();
    let dumbbell = Contour {
        segments: vec![
            line((-5.0, -3.0), (5.0, -3.0)),
            arc(5.0, 0.0, 3.0, 270.0, -180.0),
            line((5.0, 3.0), (-5.0, 3.0)),
            arc(-5.0, 0.0, 3.0, 90.0, -180.0),
        ],
    };
    let rounded = parts::rounded_rectangle(20.0, 8.0, 3.0, &[]).contours.remove(0);
    for contour in [Contour { segments: lens }, dumbbell, rounded] {
        assert_eq!(kind(&plate(vec![contour]), "cutout-1"), FeatureKind::Cutout);
    }
}

#[test]
fn edges_and_arcs_of_a_plate_are_named_in_reading_order_with_their_sizes() {
    let design = parts::rounded_rectangle(60.0, 40.0, 4.0, &[(0.0, 0.0, 8.0)]);
    let expected = ["outline", "hole-1", "edge-1", "edge-2", "edge-3", "edge-4", "arc-1", "arc-2", "arc-3", "arc-4"];
    assert_eq!(names(&design), expected);
    let length = |name: &str| match kind(&design, name) {
        FeatureKind::Edge { from, to } => from.distance(to),
        other => panic!("{other:?}"),
    };
    // Top, left, right, bottom.
    assert_eq!(
        ["edge-1", "edge-2", "edge-3", "edge-4"].map(|n| (length(n) * 1e6).round() / 1e6),
        [52.0, 32.0, 32.0, 52.0]
    );
    let FeatureKind::Arc { circle, sweep, .. } = kind(&design, "arc-1") else { panic!() };
    assert!((circle.radius - 4.0).abs() < 1e-9 && (sweep.degrees() - 90.0).abs() < 1e-9);
    assert!(circle.centre.distance(p(-26.0, 16.0)) < 1e-9, "{circle:?}");
    // Every place on the contour knows its piece.
    let edge = design.feature("edge-2").unwrap().0;
    let places: Vec<_> = design.contours[0].sample(1.0).into_iter().filter(|at| edge.holds(0, at.segment)).collect();
    assert!(places.len() == 32 && places.iter().all(|at| (at.p.x + 30.0).abs() < 1e-9), "{places:?}");
}

#[test]
fn chords_of_a_curve_and_pieces_of_a_free_curve_have_no_names() {
    // An ellipse as 200 chords of 1.5 mm, with a flat side of 20 mm at its lowest place.
    let mut points: Vec<(f64, f64)> =
        (0..200).map(|i| libm::sincos(f64::from(i) * 0.031_415_926_535)).map(|(s, c)| (60.0 * c, 40.0 * s)).collect();
    points.retain(|(x, y)| *y > 0.0 || x.abs() > 10.0);
    let design = Design::from_contours(vec![polygon(&points)]).unwrap();
    assert_eq!(names(&design), ["outline", "edge-1"]);
    let FeatureKind::Edge { from, to } = kind(&design, "edge-1") else { panic!() };
    assert!(from.distance(to) > 19.0 && from.x < to.x, "{from:?} {to:?}");
    // A spiral of arcs whose radii grow by a tenth each, closed by two lines.
    let mut segments = Vec::new();
    let (mut centre, mut radius, mut at) = (p(0.0, 0.0), 10.0, 0.0);
    for _ in 0..8 {
        segments.push(arc(centre.x, centre.y, radius, at, 20.0));
        at += 20.0;
        let (sin, cos) = Angle::from_degrees(at).sin_cos();
        centre = centre - Vector::new(cos, sin) * (0.1 * radius);
        radius *= 1.1;
    }
    let (start, end) = (segments[0].at(0.0), segments[7].at(1.0));
    let corner = p(0.0, -30.0);
    segments.extend([Segment::Line { from: end, to: corner }, Segment::Line { from: corner, to: start }]);
    let design = Design::from_contours(vec![Contour { segments }]).unwrap();
    assert_eq!(names(&design), ["outline", "edge-1", "edge-2"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever the order, the direction and the cuts of the lines: the same features at the same places.
    #[test]
    fn names_do_not_depend_on_how_the_file_is_cut(
        seed in 0..1000u64, cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0.1..0.9f64), 0..12),
        turn in any::<prop::sample::Index>(), backwards: bool,
    ) {
        let design = [parts::bracket(), parts::visor(), parts::frame(), parts::random_plate(seed)][seed as usize % 4].clone();
        let mut contours = design.contours.clone();
        for (which, t) in cuts {
            let contour = &mut contours[which.index(design.contours.len())];
            let i = which.index(contour.segments.len());
            let pieces = cut(&contour.segments[i], t);
            contour.segments.splice(i..=i, pieces);
        }
        for contour in &mut contours {
            let n = contour.segments.len();
            contour.segments.rotate_left(turn.index(n));
            if backwards {
                *contour = contour.reversed();
            }
        }
        if backwards {
            contours.reverse();
        }
        let again = Design::from_contours(contours).unwrap();
        prop_assert_eq!(names(&again), names(&design));
        for (a, b) in design.features.iter().zip(&again.features) {
            if let (FeatureKind::Edge { from: a, to: b }, FeatureKind::Edge { from: c, to: d }) = (a.kind, b.kind) {
                prop_assert!(a.distance(c) < 1e-6 && b.distance(d) < 1e-6);
            }
            if let (Some(a), Some(b)) = (a.circle(), b.circle()) {
                prop_assert!(a.centre.distance(b.centre) < 1e-6 && (a.radius - b.radius).abs() < 1e-6, "{:?} {:?}", a, b);
            }
        }
    }
}

fn symmetry(design: &Design) -> (Turns, Vec<f64>) {
    let found = design.symmetry();
    assert!(found.residual_mm <= 0.02);
    (found.turns, found.axes.iter().map(|a| (a.degrees() * 1e3).round() / 1e3).collect())
}

/// Thousands of sides within the millimetre in which a place is looked for: nearest is still nearest, and soon found.
#[test]
fn symmetry_of_a_small_part_of_many_sides() {
    let wave = |i: i32| {
        let a = f64::from(i) * std::f64::consts::PI / 20_000.0;
        let (sin, cos) = libm::sincos(a);
        let r = 5.0 + 0.4 * libm::cos(3.0 * a);
        (r * cos, r * sin)
    };
    let corners: Vec<(f64, f64)> = (0..40_000).map(wave).collect();
    let part = Design::from_contours(vec![polygon(&corners)]).unwrap();
    assert_eq!(symmetry(&part), (Turns::Of(3), vec![0.0, 60.0, 120.0]));
}

#[test]
fn symmetry_counts_turns_and_axes() {
    assert_eq!(symmetry(&parts::disc(30.0)), (Turns::Any, vec![]));
    assert_eq!(symmetry(&parts::pierced_disc(30.0, &[(0.0, 0.0, 8.0)])).0, Turns::Any);
    assert_eq!(symmetry(&parts::pierced_disc(30.0, &[(3.0, 3.0, 8.0)])), (Turns::Of(1), vec![45.0]));
    assert_eq!(symmetry(&parts::rounded_rectangle(60.0, 40.0, 4.0, &[])), (Turns::Of(2), vec![0.0, 90.0]));
    assert_eq!(symmetry(&parts::rounded_rectangle(40.0, 40.0, 4.0, &[])), (Turns::Of(4), vec![0.0, 45.0, 90.0, 135.0]));
    assert_eq!(
        symmetry(&parts::rounded_rectangle(60.0, 40.0, 4.0, &[(10.0, 5.0, 3.0), (-10.0, -5.0, 3.0)])),
        (Turns::Of(2), vec![])
    );
    assert_eq!(symmetry(&parts::frame()), (Turns::Of(1), vec![90.0]));
    assert_eq!(symmetry(&parts::visor()), (Turns::Of(1), vec![90.0]));
    assert_eq!(symmetry(&parts::bracket()), (Turns::Of(1), vec![]));
    // An ellipse of arcs and lines cut anywhere, turned by 17.3°.
    let chords = |n: u32, turn: f64| {
        let (ts, tc) = Angle::from_degrees(turn).sin_cos();
        let at = |i: u32| libm::sincos(f64::from(i) / f64::from(n) * std::f64::consts::TAU + 0.01);
        polygon(
            &(0..n)
                .map(at)
                .map(|(s, c)| (60.0 * c, 40.0 * s))
                .map(|(x, y)| (x * tc - y * ts, x * ts + y * tc))
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(symmetry(&Design::from_contours(vec![chords(701, 17.3)]).unwrap()), (Turns::Of(2), vec![17.3, 107.3]));
    // A gear of 60 teeth.
    let teeth: Vec<(f64, f64)> = (0..240)
        .map(|i| (if i % 4 < 2 { 50.0 } else { 45.0 }, f64::from(i) / 240.0 * std::f64::consts::TAU))
        .map(|(r, a)| (r * libm::cos(a), r * libm::sin(a)))
        .collect();
    let gear = symmetry(&Design::from_contours(vec![polygon(&teeth)]).unwrap());
    assert_eq!((gear.0, gear.1.len()), (Turns::Of(60), 60));
    // A tooth that is 0.1 mm short.
    let mut broken = teeth;
    broken[8] = (broken[8].0 * 0.998, broken[8].1 * 0.998);
    assert_eq!(symmetry(&Design::from_contours(vec![polygon(&broken)]).unwrap()).0, Turns::Of(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// A plate of n-fold symmetry keeps it at any place, turned anywhere, with coordinates rounded to 0.1 µm.
    #[test]
    fn symmetry_is_found_at_any_turn(n in 2..9usize, turn in 0.0..360.0f64, x in -200.0..200.0f64, y in -200.0..200.0f64, extra: bool) {
        let round = |v: f64| (v * 1e4).round() * 1e-4;
        let place = |r: f64, k: usize, off: f64| {
            let a = (turn + off + 360.0 * k as f64 / n as f64).to_radians();
            (round(x + r * libm::cos(a)), round(y + r * libm::sin(a)))
        };
        let outline: Vec<_> = (0..n).flat_map(|k| [place(50.0, k, 0.0), place(30.0, k, 90.0 / n as f64), place(35.0, k, 200.0 / n as f64)]).collect();
        let hole = |(x, y): (f64, f64)| Contour { segments: vec![arc(x, y, 1.5, 0.0, 360.0)] };
        let mut contours = vec![polygon(&outline)];
        contours.extend((0..n).map(|k| hole(place(15.0, k, 20.0))));
        if extra {
            contours.push(hole(place(8.0, 0, 77.0)));
        }
        if let Ok(design) = Design::from_contours(contours) {
            let found = design.symmetry();
            prop_assert_eq!((found.turns, found.axes.len()), (Turns::Of(if extra { 1 } else { n }), 0));
        }
    }
}

/// Kind, size and members of the patterns of a plate with holes `(x, y, diameter)`, in the order given and backwards.
fn patterns(holes: &[(f64, f64, f64)]) -> Vec<Pattern> {
    let circle = |(x, y, d): &(f64, f64, f64)| Contour { segments: vec![arc(*x, *y, 0.5 * d, 0.0, 360.0)] };
    let found = plate(holes.iter().map(circle).collect()).patterns();
    assert_eq!(found, plate(holes.iter().rev().map(circle).collect()).patterns());
    found
}

#[test]
fn patterns_of_holes_are_found() {
    let on_circle = |n: usize, r: f64, x: f64, y: f64| -> Vec<(f64, f64, f64)> {
        (0..n)
            .map(|k| libm::sincos(0.3 + std::f64::consts::TAU * k as f64 / n as f64))
            .map(|(s, c)| (x + r * c, y + r * s, 3.0))
            .collect()
    };
    // Six on a circle about a hole of their own, five about nothing, and one more of their size.
    let mut holes = on_circle(6, 10.0, -20.0, 0.0);
    holes.extend([(-20.0, 0.0, 8.0), (45.0, 25.0, 3.0)]);
    let found = patterns(&holes);
    assert!(
        matches!(found[..], [Pattern { kind: PatternKind::BoltCircle(c), .. }] if (c.radius - 10.0).abs() < 1e-6 && c.centre.distance(p(-20.0, 0.0)) < 1e-6),
        "{found:?}"
    );
    assert_eq!((found[0].name.as_str(), found[0].members.len()), ("pattern-1", 6));
    let found = patterns(&on_circle(5, 12.0, 13.0, 7.0));
    assert!(
        matches!(found[..], [Pattern { kind: PatternKind::BoltCircle(c), .. }] if (c.radius - 12.0).abs() < 1e-6),
        "{found:?}"
    );
    // A grid of 4 x 3, one hole beside it; a row of five.
    let mut holes: Vec<_> =
        (0..12).map(|i| (-40.0 + 8.0 * f64::from(i % 4), -20.0 + 9.0 * f64::from(i / 4), 3.0)).collect();
    holes.push((12.3, 17.7, 3.0));
    holes.extend((0..5).map(|i| (5.0 + 9.0 * f64::from(i), -25.0 + 5.0 * f64::from(i), 4.0)));
    let found = patterns(&holes);
    assert_eq!(found.len(), 2, "{found:?}");
    let row = found.iter().find(|f| f.diameter == 4.0).unwrap();
    assert!(
        matches!(row.kind, PatternKind::Row { pitch } if (pitch - Vector::new(9.0, 5.0)).length() < 1e-9)
            && row.members.len() == 5
    );
    let grid = found.iter().find(|f| f.diameter == 3.0).unwrap();
    assert!(
        matches!(grid.kind, PatternKind::Grid { count: [4, 3], .. } | PatternKind::Grid { count: [3, 4], .. }),
        "{grid:?}"
    );
    assert_eq!(grid.members.len(), 12);
    // A square beside the middle is a grid, one about the middle a bolt circle; three anywhere, and two, are nothing.
    let square = |x: f64| [(x - 5.0, -5.0, 3.0), (x + 5.0, -5.0, 3.0), (x + 5.0, 5.0, 3.0), (x - 5.0, 5.0, 3.0)];
    assert!(matches!(patterns(&square(20.0))[..], [Pattern { kind: PatternKind::Grid { count: [2, 2], .. }, .. }]));
    assert!(matches!(patterns(&square(0.0))[..], [Pattern { kind: PatternKind::BoltCircle(_), .. }]));
    assert_eq!(patterns(&[(0.0, 0.0, 3.0), (10.0, 3.0, 3.0), (25.0, -4.0, 3.0)]), []);
    // Moved by more than 0.02 mm: no row.
    assert_eq!(patterns(&[(0.0, 0.0, 3.0), (10.0, 0.0, 3.0), (20.05, 0.0, 3.0)]), []);
    // A thousand holes are one grid.
    let many: Vec<_> =
        (0..1000).map(|i| (-45.0 + 2.2 * f64::from(i % 40), -26.0 + 2.1 * f64::from(i / 40), 1.0)).collect();
    let found = patterns(&many);
    let sizes: Vec<_> = found.iter().map(|f| (f.kind, f.members.len())).collect();
    assert!(matches!(sizes[..], [(PatternKind::Grid { .. }, 1000)]), "{sizes:?}");
    // The visor's row of snaps.
    let visor = parts::visor().patterns();
    assert!(
        matches!(visor[..], [Pattern { kind: PatternKind::Row { pitch }, .. }] if (pitch - Vector::new(48.0, 0.0)).length() < 1e-9),
        "{visor:?}"
    );
}

#[test]
fn a_centroid_weighs_arcs_too() {
    // A half disc: 4r / 3π above its flat.
    let half = Contour { segments: vec![line((-10.0, 0.0), (10.0, 0.0)), arc(0.0, 0.0, 10.0, 0.0, 180.0)] };
    let expected = p(0.0, 40.0 / (3.0 * std::f64::consts::PI));
    assert!(half.centroid().distance(expected) < 1e-12 && half.reversed().centroid().distance(expected) < 1e-12);
    // Three quarters of a disc.
    let pac = Contour {
        segments: vec![arc(5.0, 5.0, 10.0, 0.0, 270.0), line((5.0, -5.0), (5.0, 5.0)), line((5.0, 5.0), (15.0, 5.0))],
    };
    let shift = -40.0 / (9.0 * std::f64::consts::PI);
    assert!(pac.centroid().distance(p(5.0 + shift, 5.0 - shift)) < 1e-12, "{:?}", pac.centroid());
    assert!(half.centroid().distance(Design::from_contours(vec![half.clone()]).unwrap().centroid()) < 1e-12);
}
