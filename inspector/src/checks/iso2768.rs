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
