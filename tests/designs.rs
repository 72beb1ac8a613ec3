//! Real drawings: every DXF of the shared data opens with the features that a person counts in it, or is refused with the reason.

use inspector::design::{Design, DesignError, FeatureKind, Units, write_dxf};
use std::path::{Path, PathBuf};

/// A drawing and what is in it.
struct Row {
    /// Start of the file's name.
    file: &'static str,
    /// False for files without `$INSUNITS`, which are refused until millimetres are given.
    says_units: bool,
    /// Width and height, mm.
    size: (f64, f64),
    /// Diameters of the round holes in reading order, mm.
    holes: &'static [f64],
    /// Other openings.
    cutouts: usize,
}

const ROWS: [Row; 13] = [
    row("COVID-001-Face-Shield-Frame-R01", true, (182.405, 218.949), &[], 0),
    row("COVID-001-Face-Shield-Frame_CNC", true, (185.702, 220.727), &[], 0),
    row("COVID-002-Visor-7mm-holes", true, (558.8, 247.65), &[7.0; 5], 0),
    row(
        "6mm 2x 01.04.01 Side",
        true,
        (210.0, 135.0),
        &[9.0, 10.5, 9.0, 10.5, 42.0, 10.5, 9.0, 9.0, 10.5, 4.234, 4.234],
        2,
    ),
    row("EXTPRO-V1 2100.06-A", true, (25.0, 25.0), &[3.3], 0),
    row("Jack mount lower", true, (200.0, 80.0), &[18.0], 0),
    row("Rib upper B1", true, (1457.711, 100.0), &[6.0, 6.0, 6.0, 6.0, 8.0, 8.0], 0),
    row("SHRPRO-V1 1120.04-A", false, (126.431, 135.924), &[], 1),
    row("SHRPRO-V1 1120.08-A", false, (126.431, 135.924), &[], 1),
    row("SHRPRO-V1 1140.01-A", false, (254.0, 76.295), &[], 1),
    row("SHRPRO-V1 1140.02-A", false, (304.5, 84.0), &[11.0, 11.0], 0),
    row("SHRPRO-V1 1140.04-A", false, (122.0, 58.634), &[], 0),
    row("SHRPRO-V1 1300.01-A", false, (416.5, 356.0), &[13.5, 26.0, 26.0, 13.5, 13.5, 26.0, 26.0, 13.5], 5),
];

const fn row(file: &'static str, says_units: bool, size: (f64, f64), holes: &'static [f64], cutouts: usize) -> Row {
    Row { file, says_units, size, holes, cutouts }
}

/// DXF files below a folder, sorted.
fn drawings(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(drawings(&path));
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("dxf")) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn real_drawings_open_with_what_a_person_counts_in_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/designs");
    let files = drawings(&folder);
    if files.is_empty() {
        eprintln!("skipped: no drawings in {}", folder.display());
        return;
    }
    let mut matched = 0;
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        let Some(row) = ROWS.iter().find(|r| name.starts_with(r.file)) else {
            // A drawing that came later: it opens or says why.
            eprintln!("{name}: {:?}", Design::open(&bytes, None).map(|d| d.features.len()));
            continue;
        };
        matched += 1;
        let design = match Design::open(&bytes, None) {
            Err(DesignError::NoUnits { .. }) if !row.says_units => {
                Design::open(&bytes, Some(Units::Millimetre)).unwrap()
            }
            opened => {
                assert!(row.says_units, "{name}");
                opened.unwrap_or_else(|e| panic!("{name}: {e}"))
            }
        };
        let (low, high) = design.bounds();
        assert!(
            (high.x - low.x - row.size.0).abs() < 1e-3 && (high.y - low.y - row.size.1).abs() < 1e-3,
            "{name}: {low:?} {high:?}"
        );
        let holes: Vec<f64> = design
            .features
            .iter()
            .filter_map(|f| match f.kind {
                FeatureKind::Hole(c) => Some(2.0 * c.radius),
                _ => None,
            })
            .collect();
        assert_eq!(holes.len(), row.holes.len(), "{name}: {holes:?}");
        assert!(holes.iter().zip(row.holes).all(|(a, b)| (a - b).abs() < 1e-3), "{name}: {holes:?}");
        assert_eq!(design.contours.len(), 1 + row.holes.len() + row.cutouts, "{name}");
        // What is written is the same drawing.
        let again = Design::open(write_dxf(&design).as_bytes(), None).unwrap();
        assert_eq!(again.features.len(), design.features.len());
        assert!((again.area() - design.area()).abs() < 1e-6, "{name}");
    }
    assert_eq!(matched, ROWS.len());
}
