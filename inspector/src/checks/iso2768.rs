//! General tolerances for dimensions that a drawing gives without one.

/// ISO 2768-1:1989, Table 1, tolerance class m (medium): upper end of each range of nominal sizes, mm ("over ... up to"), and the
/// permissible deviation ±, mm.
const MEDIUM: [(f64, f64); 8] =
    [(3.0, 0.1), (6.0, 0.1), (30.0, 0.2), (120.0, 0.3), (400.0, 0.5), (1000.0, 0.8), (2000.0, 1.2), (4000.0, 2.0)];

/// The permissible deviation (±, mm) of a linear size by ISO 2768-1:1989, Table 1, class m; `None` below 0.5 mm (the standard
/// asks for a tolerance on the drawing itself) and above 4000 mm.
///
/// Honest scope: linear sizes only (lengths, diameters, distances, radii); broken edges have a table of their own (Table 2), form and
/// position are ISO 2768-2. It is a *proposal*: who made the drawing may have meant another class.
///
/// ```
/// use inspector::checks::iso2768::medium;
/// // The end of a range belongs to it: "over 6 up to 30".
/// assert_eq!((medium(6.0), medium(6.001), medium(30.0)), (Some(0.1), Some(0.2), Some(0.2)));
/// assert_eq!((medium(0.49), medium(4000.5), medium(f64::NAN)), (None, None, None));
/// ```
pub fn medium(nominal_mm: f64) -> Option<f64> {
    (nominal_mm >= 0.5).then(|| MEDIUM.iter().find(|(end, _)| nominal_mm <= *end).map(|(_, t)| *t)).flatten()
}

/// ISO 2768-1:1989, Table 2, class m: upper end of each range of radii, mm, and the permissible deviation ±, mm.
const BROKEN_EDGES: [(f64, f64); 3] = [(3.0, 0.2), (6.0, 0.5), (f64::INFINITY, 1.0)];

/// The permissible deviation (±, mm) of a broken edge (an external radius, the height of a chamfer) by ISO 2768-1:1989, Table 2, class m; `None`
/// below 0.5 mm.
///
/// ```
/// use inspector::checks::iso2768::broken_edge;
/// assert_eq!((broken_edge(3.0), broken_edge(3.1), broken_edge(60.0)), (Some(0.2), Some(0.5), Some(1.0)));
/// assert_eq!((broken_edge(0.4), broken_edge(f64::NAN)), (None, None));
/// ```
pub fn broken_edge(radius_mm: f64) -> Option<f64> {
    of(&BROKEN_EDGES, radius_mm).filter(|_| radius_mm >= 0.5)
}

/// ISO 2768-1:1989, Table 3, classes f and m: upper end of each range of lengths of the shorter side, mm, and the permissible deviation ±, minutes.
const ANGLES: [(f64, f64); 5] = [(10.0, 60.0), (50.0, 30.0), (120.0, 20.0), (400.0, 10.0), (f64::INFINITY, 5.0)];

/// The permissible deviation (±, degrees) of an angle by ISO 2768-1:1989, Table 3, class m, from the length of its shorter side.
///
/// ```
/// use inspector::checks::iso2768::angle;
/// assert_eq!((angle(10.0), angle(10.1), angle(500.0)), (Some(1.0), Some(0.5), Some(5.0 / 60.0)));
/// assert_eq!((angle(-1.0), angle(f64::NAN)), (None, None));
/// ```
pub fn angle(shorter_side_mm: f64) -> Option<f64> {
    of(&ANGLES, shorter_side_mm).map(|minutes| minutes / 60.0)
}

/// ISO 2768-2:1989, Table 1, class K: upper end of each range of lengths, mm, and the straightness tolerance, mm.
const STRAIGHTNESS: [(f64, f64); 6] =
    [(10.0, 0.05), (30.0, 0.1), (100.0, 0.2), (300.0, 0.4), (1000.0, 0.6), (3000.0, 0.8)];
/// ISO 2768-2:1989, Table 4, class K: circular run-out, which no roundness may exceed, mm.
const RUN_OUT: f64 = 0.2;
/// ISO 2768-2:1989, Table 3, class K: upper end of each range of lengths, mm, and the symmetry tolerance, mm.
const SYMMETRY: [(f64, f64); 3] = [(300.0, 0.6), (1000.0, 0.8), (3000.0, 1.0)];

/// Straightness tolerance, mm, by ISO 2768-2:1989, Table 1, class K; `None` above 3000 mm.
///
/// Honest scope: that standard was withdrawn in 2021 (ISO 22081 asks for form tolerances on the drawing); it is taken as a house rule.
///
/// ```
/// use inspector::checks::iso2768::{roundness, straightness, symmetry};
/// assert_eq!((straightness(30.0), straightness(30.1), straightness(4000.0)), (Some(0.1), Some(0.2), None));
/// assert_eq!((roundness(5.0), roundness(100.0), roundness(0.1)), (Some(0.2), Some(0.2), None));
/// assert_eq!((symmetry(300.0), symmetry(301.0)), (Some(0.6), Some(0.8)));
/// ```
pub fn straightness(length_mm: f64) -> Option<f64> {
    of(&STRAIGHTNESS, length_mm)
}

/// Roundness tolerance, mm, by ISO 2768-2:1989, 5.1.2, class mK: the width of the diameter's tolerance, at most that of the circular run-out. As
/// [`straightness`] otherwise.
pub fn roundness(diameter_mm: f64) -> Option<f64> {
    medium(diameter_mm).map(|t| RUN_OUT.min(2.0 * t))
}

/// Symmetry tolerance, mm, by ISO 2768-2:1989, Table 3, class K, from the part's extent across the axis. As [`straightness`] otherwise.
pub fn symmetry(extent_mm: f64) -> Option<f64> {
    of(&SYMMETRY, extent_mm)
}

fn of(table: &[(f64, f64)], size: f64) -> Option<f64> {
    table.iter().find(|(end, _)| size > 0.0 && size <= *end).map(|(_, t)| *t)
}
