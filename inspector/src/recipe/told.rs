//! What a person is told of a drawing when a recipe is made of it.

use crate::design::{Design, Feature, FeatureKind, PatternKind, Turns, ellipse};

/// Most names or patterns that are told.
const SHOWN: usize = 24;

/// What can be checked by name, one line per kind; patterns and symmetry.
pub(super) fn names(design: &Design) -> Vec<String> {
    let of = |word: &str, describe: &dyn Fn(&Feature) -> Option<String>| {
        let mut all: Vec<String> = design.features.iter().filter_map(describe).collect();
        let more = all.len().saturating_sub(SHOWN);
        all.truncate(SHOWN);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!all.is_empty()).then(|| format!("{word}: {}{rest}.", all.join(", ")))
    };
    let mut lines: Vec<String> = [
        of("Holes (diameter)", &|f| match f.kind {
            FeatureKind::Hole(c) => Some(format!("{} {:.3}", f.name, 2.0 * c.radius)),
            _ => None,
        }),
        of("Slots (length x width)", &|f| match f.kind {
            FeatureKind::Slot(s) => Some(format!("{} {:.3} x {:.3}", f.name, s.length(), s.width)),
            _ => None,
        }),
        of("Cutouts", &|f| matches!(f.kind, FeatureKind::Cutout).then(|| f.name.clone())),
        of("Straight edges (length)", &|f| match f.kind {
            FeatureKind::Edge { from, to } => Some(format!("{} {:.3}", f.name, from.distance(to))),
            _ => None,
        }),
        of("Ellipses (length x width)", &|f| {
            let cutout = matches!(f.kind, FeatureKind::Cutout).then(|| &design.contours[f.contour]);
            cutout.and_then(ellipse).map(|e| format!("{} {:.3} x {:.3}", f.name, e.length(), e.width()))
        }),
        of("Arcs (radius)", &|f| match f.kind {
            FeatureKind::Arc { circle, .. } => Some(format!("{} {:.3}", f.name, circle.radius)),
            _ => None,
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    for pattern in design.patterns().iter().take(SHOWN) {
        let how = match pattern.kind {
            PatternKind::BoltCircle(c) => format!("on a circle of {:.3} mm", 2.0 * c.radius),
            PatternKind::Row { pitch } => format!("in a row, {:.3} mm apart", pitch.length()),
            PatternKind::Grid { pitch: [a, b], count: [n, m] } => {
                format!("in a grid of {n} x {m}, {:.3} and {:.3} mm apart", a.length(), b.length())
            }
        };
        let (name, n, d) = (&pattern.name, pattern.members.len(), pattern.diameter);
        lines.push(format!("{name}: {n} holes of {d:.3} mm {how}, from {}.", pattern.members[0]));
    }
    let symmetry = design.symmetry();
    match symmetry.turns {
        Turns::Any => lines.push("Symmetry: round, every turn looks the same.".to_owned()),
        Turns::Of(1) if symmetry.axes.is_empty() => (),
        Turns::Of(1) => lines.push("Symmetry: one mirror axis, so front and back look the same.".to_owned()),
        Turns::Of(turns) => lines.push(format!(
            "Symmetry: looks the same after each 1/{turns} of a turn, mirror axes: {}. A photo does not tell such positions apart.",
            symmetry.axes.len()
        )),
    }
    lines
}

/// `1 check`, `2 checks`.
pub(super) fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// Smallest hole that gets a check, mm: ISO 2768-1 begins there.
const SMALLEST_HOLE: f64 = 0.5;

/// Holes that no check of their own looks at.
pub(super) fn unchecked(design: &Design) -> Option<String> {
    let small = |f: &&Feature| matches!(f.kind, FeatureKind::Hole(c) if 2.0 * c.radius < SMALLEST_HOLE);
    let all: Vec<&str> = design.features.iter().filter(small).map(|f| f.name.as_str()).collect();
    let more = if all.len() > SHOWN { ", ..." } else { "" };
    let named = all.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    let gets = if all.len() == 1 { "gets" } else { "get" };
    (!all.is_empty())
        .then(|| format!("{} below {SMALLEST_HOLE} mm {gets} no check: {named}{more}.", counted(all.len(), "hole")))
}

/// Sheets that drawings are printed on, the shorter side first, mm.
const SHEETS: [(&str, [f64; 2]); 6] = [
    ("A4", [210.0, 297.0]),
    ("A3", [297.0, 420.0]),
    ("A2", [420.0, 594.0]),
    ("A1", [594.0, 841.0]),
    ("A0", [841.0, 1189.0]),
    ("Letter", [215.9, 279.4]),
];

/// Says that the outline may be the border of the sheet, with the part as its opening.
pub(super) fn sheet(design: &Design) -> Option<String> {
    let (low, high) = design.bounds();
    let size = high - low;
    let sides = [size.x.min(size.y), size.x.max(size.y)];
    let same = |paper: &[f64; 2]| sides.iter().zip(paper).all(|(a, b)| (a - b).abs() <= 0.1);
    let (name, _) = SHEETS.iter().find(|(_, paper)| same(paper))?;
    let border = design.contours.len() <= 2 && design.contours[0].segments.len() == 4;
    border.then(|| format!("The outline is as large as a sheet of {name}: hide the border if it is one."))
}
