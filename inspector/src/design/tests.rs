//! Drawings, good and bad.

use super::*;
use crate::geometry::{Angle, Circle, Vector};
use proptest::prelude::*;
use std::f64::consts::PI;

const HEADER_MM: &str = "0\nSECTION\n2\nHEADER\n9\n$INSUNITS\n70\n4\n0\nENDSEC\n";

fn file(entities: &str) -> String {
    format!("{HEADER_MM}0\nSECTION\n2\nENTITIES\n{entities}0\nENDSEC\n0\nEOF\n")
}
pub(super) fn with_tables(tables_and_blocks: &str, entities: &str) -> String {
    format!("{HEADER_MM}{tables_and_blocks}0\nSECTION\n2\nENTITIES\n{entities}0\nENDSEC\n0\nEOF\n")
}
fn line(x1: f64, y1: f64, x2: f64, y2: f64) -> String {
    format!("0\nLINE\n8\n0\n10\n{x1}\n20\n{y1}\n11\n{x2}\n21\n{y2}\n")
}
pub(super) fn circle(x: f64, y: f64, r: f64) -> String {
    format!("0\nCIRCLE\n8\n0\n10\n{x}\n20\n{y}\n40\n{r}\n")
}
fn polygon(points: &[(f64, f64)]) -> String {
    let vertices: String = points.iter().map(|(x, y)| format!("10\n{x}\n20\n{y}\n")).collect();
    format!("0\nLWPOLYLINE\n8\n0\n90\n{}\n70\n1\n{vertices}", points.len())
}
pub(super) fn rectangle(x: f64, y: f64, w: f64, h: f64) -> String {
    polygon(&[(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
}
fn open(entities: &str) -> Result<Design, DesignError> {
    Design::open(file(entities).as_bytes(), None)
}
fn refused(entities: &str) -> String {
    open(entities).unwrap_err().to_string()
}
fn names(design: &Design) -> Vec<&str> {
    design.features.iter().filter(|f| f.is_contour()).map(|f| f.name.as_str()).collect()
}
fn p(x: f64, y: f64) -> Point<DesignMm> {
    Point::new(x, y)
}

#[test]
fn features_are_named_in_reading_order_whatever_the_order_of_the_file() {
    let outline = rectangle(0.0, 0.0, 100.0, 50.0);
    // The second hole of the upper row lies 1e-9 mm higher: it stays second.
    let openings = [
        circle(10.0, 40.0, 3.0),
        circle(50.0, 40.0 + 1e-9, 4.0),
        circle(10.0, 10.0, 5.0),
        rectangle(70.0, 30.0, 10.0, 10.0),
        rectangle(70.0, 5.0, 10.0, 10.0),
    ];
    let forwards = open(&(outline.clone() + &openings.concat())).unwrap();
    let backwards = open(&(openings.iter().rev().cloned().collect::<String>() + &outline)).unwrap();
    assert_eq!(forwards, backwards);
    assert_eq!(names(&forwards), ["outline", "hole-1", "hole-2", "cutout-1", "hole-3", "cutout-2"]);
    let radius = |name: &str| match forwards.feature(name).unwrap().0.kind {
        FeatureKind::Hole(c) => c.radius,
        _ => panic!("{name} is no hole"),
    };
    assert_eq!([radius("hole-1"), radius("hole-2"), radius("hole-3")], [3.0, 4.0, 5.0]);
    assert_eq!(forwards.feature("cutout-1").unwrap().1.bounds(), (p(70.0, 30.0), p(80.0, 40.0)));
}

#[test]
fn material_lies_to_the_left() {
    // Outline drawn clockwise, hole counter-clockwise.
    let design =
        open(&(polygon(&[(0.0, 0.0), (0.0, 20.0), (20.0, 20.0), (20.0, 0.0)]) + &circle(10.0, 10.0, 5.0))).unwrap();
    let area = 400.0 - 25.0 * PI;
    assert!((design.area() - area).abs() < 1e-9);
    assert!(design.contours[0].signed_area() > 0.0 && design.contours[1].signed_area() < 0.0);
    for contour in &design.contours {
        for point in contour.sample(1.0) {
            assert!(design.contains(point.p - point.normal * 0.01), "inside at {:?}", point.p);
            assert!(!design.contains(point.p + point.normal * 0.01), "outside at {:?}", point.p);
        }
    }
    assert_eq!(design.bounds(), (p(0.0, 0.0), p(20.0, 20.0)));
}

#[test]
fn corner_distance_reaches_over_tangent_joints() {
    // A slot: two lines, two half circles, no corner at all.
    let bulge = |x: f64, y: f64, b: f64| format!("10\n{x}\n20\n{y}\n42\n{b}\n");
    let slot = [
        "0\nLWPOLYLINE\n90\n4\n70\n1\n",
        &bulge(0.0, 0.0, 0.0),
        &bulge(10.0, 0.0, 1.0),
        &bulge(10.0, 4.0, 0.0),
        &bulge(0.0, 4.0, 1.0),
    ]
    .concat();
    let slot = open(&slot).unwrap();
    assert!((slot.area() - (40.0 + 4.0 * PI)).abs() < 1e-9);
    assert!(slot.contours[0].sample(0.1).iter().all(|c| c.corner_distance == f64::INFINITY));
    // A D: the arc's joints with the flat are corners, the joint in the middle of the arc is none.
    let half = |from: i32, to: i32| format!("0\nARC\n10\n0\n20\n0\n40\n10\n50\n{from}\n51\n{to}\n");
    let d = open(&(half(0, 90) + &half(90, 180) + &line(-10.0, 0.0, 10.0, 0.0))).unwrap();
    for point in d.contours[0].sample(0.05) {
        let along_arc = 10.0 * libm::atan2(point.p.y, point.p.x);
        let expected = if point.p.y > 1e-9 { along_arc.min(10.0 * PI - along_arc) } else { 10.0 - point.p.x.abs() };
        assert!((point.corner_distance - expected).abs() < 1e-9, "{point:?} {expected}");
    }
    // Every corner of a square counts, also over the contour's start.
    let square = open(&rectangle(0.0, 0.0, 4.0, 4.0)).unwrap();
    let sampled = square.contours[0].sample(1.0);
    assert_eq!(sampled.len(), 16);
    assert!(sampled.iter().enumerate().all(|(i, c)| c.corner_distance == [0.5, 1.5, 1.5, 0.5][i % 4]));
}

#[test]
fn room_before_a_contour_ends_at_the_next() {
    let slot = rectangle(5.0, 5.0, 10.0, 3.0);
    let text = rectangle(0.0, 0.0, 40.0, 20.0) + &slot + &circle(30.0, 10.0, 4.0);
    let flat = open(&text).unwrap();
    let looked = |design: &Design, contour: &Contour| {
        let mut points = contour.sample(1.0);
        design.look_around(&mut points);
        points
    };
    let free = |contour| looked(&flat, contour).iter().all(|at| at.room == f64::INFINITY);
    assert!(flat.contours.iter().all(free), "nothing stands up");
    let solid = Design { body: Body { thickness_mm: 2.0, ..flat.body }, ..flat.clone() };
    let room = |at: &ContourPoint| match at.normal {
        n if n.y.abs() > 0.99 => 3.0,
        _ => 10.0,
    };
    for contour in &solid.contours {
        let points = looked(&solid, contour);
        let wide = contour.bounds().1.x - contour.bounds().0.x;
        for at in points {
            let expected = match wide {
                w if w > 30.0 => f64::INFINITY,
                w if w > 9.0 => room(&at),
                // Across the middle of the hole.
                _ => 8.0,
            };
            let same = (at.room - expected).abs() < 1e-9 || at.room == expected;
            assert!(same, "{:?}: {} instead of {expected}", at.p, at.room);
        }
    }
}

#[test]
fn inches_become_millimetres_and_units_must_be_said_once() {
    let body = |units: &str| format!("{units}0\nSECTION\n2\nENTITIES\n{}0\nENDSEC\n0\nEOF\n", circle(0.0, 0.0, 1.0));
    let header = |code: i32| body(&HEADER_MM.replace("70\n4", &format!("70\n{code}")));
    let area = |text: String, units| Design::open(text.as_bytes(), units).map(|d| d.area() / PI);
    for (code, mm) in [(1, 25.4), (2, 304.8), (4, 1.0), (5, 10.0), (6, 1000.0), (9, 0.0254), (13, 0.001), (14, 100.0)] {
        // A circle of 1 µm is a dot.
        if mm > 0.001 {
            assert!((area(header(code), None).unwrap() / (mm * mm) - 1.0).abs() < 1e-12, "{code}");
        }
    }
    assert_eq!(area(body(""), None), Err(DesignError::NoUnits { found: "$INSUNITS is absent" }));
    assert_eq!(area(header(0), None), Err(DesignError::NoUnits { found: "$INSUNITS is 0" }));
    assert!((area(header(0), Some(Units::Centimetre)).unwrap() - 100.0).abs() < 1e-9);
    assert_eq!(area(header(3), None), Err(DesignError::UnknownUnits { code: 3 }));
    let disagree = DesignError::UnitsDisagree { given: Units::Inch, found: Units::Millimetre };
    assert_eq!(area(header(4), Some(Units::Inch)), Err(disagree));
}

#[test]
fn curves_become_arcs_within_a_micrometre() {
    // An ellipse of 40 x 10 mm, turned by 30°.
    let (s, c) = libm::sincos(30.0 * PI / 180.0);
    let ellipse = open(&format!(
        "0\nELLIPSE\n10\n5\n20\n6\n11\n{}\n21\n{}\n40\n0.25\n41\n0\n42\n{}\n",
        20.0 * c,
        20.0 * s,
        2.0 * PI
    ))
    .unwrap();
    assert!((ellipse.area() - PI * 20.0 * 5.0).abs() < 0.02, "{}", ellipse.area());
    let mut worst = 0.0_f64;
    for point in ellipse.contours[0].sample(0.05) {
        let d = point.p - p(5.0, 6.0);
        let (u, v) = ((d.x * c + d.y * s) / 20.0, (d.y * c - d.x * s) / 5.0);
        // First-order distance to the implicit curve.
        let gradient = Vector::<DesignMm>::new(u / 20.0, v / 5.0).length();
        worst = worst.max(((u * u + v * v - 1.0) / (2.0 * gradient)).abs());
        assert_eq!(point.corner_distance, f64::INFINITY, "{:?}", point.p);
    }
    assert!(worst < 0.001, "{worst}");
    assert!(ellipse.contours[0].segments.len() < 100, "{}", ellipse.contours[0].segments.len());

    // A circle as a rational quadratic spline (The NURBS Book, example 7.5) is a hole again.
    let w = std::f64::consts::FRAC_1_SQRT_2;
    let control = [
        (1.0, 0.0),
        (1.0, 1.0),
        (0.0, 1.0),
        (-1.0, 1.0),
        (-1.0, 0.0),
        (-1.0, -1.0),
        (0.0, -1.0),
        (1.0, -1.0),
        (1.0, 0.0),
    ];
    let mut spline = String::from("0\nSPLINE\n71\n2\n");
    [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4].iter().for_each(|k| spline += &format!("40\n{k}\n"));
    (0..9).for_each(|i| spline += &format!("41\n{}\n", if i % 2 == 1 { w } else { 1.0 }));
    control.iter().for_each(|(x, y)| spline += &format!("10\n{}\n20\n{}\n30\n0\n", 7.0 * x, 7.0 * y));
    let design = open(&(rectangle(-10.0, -10.0, 20.0, 20.0) + &spline)).unwrap();
    let FeatureKind::Hole(hole) = design.feature("hole-1").unwrap().0.kind else { panic!("{:?}", design.features) };
    assert!((hole.radius - 7.0).abs() < 1e-6 && hole.centre.distance(p(0.0, 0.0)) < 1e-6);
}

/// An angle written with few digits, or a turn too far: still a whole hole.
#[test]
fn a_turn_that_is_whole_give_or_take_its_digits_is_whole() {
    let plate = rectangle(-20.0, -20.0, 40.0, 40.0);
    let opening = |text: String| 1600.0 - open(&(plate.clone() + &text)).unwrap().area();
    for (start, end) in [
        ("0", "360.000001"),
        ("0", "360.0001"),
        ("-180.0000000001", "180"),
        ("359.99999999", "720"),
        ("0", "359.9999"),
        ("30", "30"),
        ("30", "30.0000001"),
    ] {
        let area = opening(format!("0\nARC\n10\n0\n20\n0\n40\n5\n50\n{start}\n51\n{end}\n"));
        assert!((area - 25.0 * PI).abs() < 1e-9, "{start} to {end}: {area}");
    }
    for end in ["6.283185", "6.28318531", "6.283186", "6.28319", "6.2832", "0", "12.566371"] {
        for (minor, within) in [("0.5", 0.02), ("1", 1e-9)] {
            let area = opening(format!("0\nELLIPSE\n10\n0\n20\n0\n11\n8\n21\n0\n40\n{minor}\n41\n0\n42\n{end}\n"));
            let whole = 64.0 * PI * minor.parse::<f64>().unwrap();
            assert!((area - whole).abs() < within, "{end}: {area}, expected {whole}");
        }
    }
    // A short arc of a large circle is one.
    let flat = open(
        &(line(0.0, 0.0, 1e5, 0.0)
            + "0\nARC\n10\n0\n20\n0\n40\n100000\n50\n0\n51\n0.001\n"
            + &line(1e5 * libm::cos(1.745_329_251_994_33e-5), 1e5 * libm::sin(1.745_329_251_994_33e-5), 0.0, 0.0)),
    );
    assert!(flat.is_ok(), "{flat:?}");
    // What draws nothing is told.
    let specks = "0\nARC\n10\n0\n20\n0\n40\n0.0000001\n50\n0\n51\n90\n0\nPOLYLINE\n70\n0\n0\nVERTEX\n70\n16\n10\n1\n20\n1\n0\nSEQEND\n";
    let design = open(&(plate + specks)).unwrap();
    assert_eq!(design.passed_over, ["1 ARC without length", "1 POLYLINE without length"]);
}

#[test]
fn round_contours_are_circles_and_flats_are_not() {
    let around = |n: usize, r: f64| -> Vec<(f64, f64)> {
        (0..n).map(|i| libm::sincos(i as f64 * 2.0 * PI / n as f64)).map(|(s, c)| (r * c, r * s)).collect()
    };
    let kind = |opening: &str| open(&(rectangle(-20.0, -20.0, 40.0, 40.0) + opening)).unwrap().features[1].kind;
    // Sides up to 0.02 mm inside the circle stand for it; flats that can be felt are a polygon, and that is told.
    for (n, r) in [(16, 1.0), (64, 5.0), (100, 20.0), (360, 300.0)] {
        let hole = open(&(rectangle(-400.0, -400.0, 800.0, 800.0) + &polygon(&around(n, r)))).unwrap();
        assert!(matches!(hole.features[1].kind, FeatureKind::Hole(c) if (c.radius - r).abs() < 1e-9), "{n} {r}");
        assert!(hole.remarks.is_empty());
    }
    for (n, r) in [(16, 5.0), (24, 10.0), (48, 15.0)] {
        let cutout = open(&(rectangle(-20.0, -20.0, 40.0, 40.0) + &polygon(&around(n, r)))).unwrap();
        assert_eq!(cutout.features[1].kind, FeatureKind::Cutout, "{n} {r}");
        assert!(cutout.remarks[0].contains("1 contour is a polygon"), "{:?}", cutout.remarks);
    }
    // A circle of an arc that a hair closes.
    let arc = "0\nARC\n10\n0\n20\n0\n40\n5\n50\n0\n51\n359.99\n";
    let (s, c) = libm::sincos(359.99 * PI / 180.0);
    assert!(
        matches!(kind(&(arc.to_owned() + &line(5.0 * c, 5.0 * s, 5.0, 0.0))), FeatureKind::Hole(c) if (c.radius - 5.0).abs() < 1e-9)
    );
    assert_eq!(kind(&polygon(&around(12, 5.0))), FeatureKind::Cutout);
    // A D-shaped hole drawn with chords: every vertex on the circle, but one side is a flat.
    assert_eq!(kind(&polygon(&around(64, 5.0)[..56])), FeatureKind::Cutout);
    // One vertex 0.02 mm off.
    let mut dented = around(64, 5.0);
    dented[10].0 *= 0.996;
    assert_eq!(kind(&polygon(&dented)), FeatureKind::Cutout);
    let round = open(&polygon(&around(90, 20.0))).unwrap();
    assert!(matches!(round.features[0].kind, FeatureKind::Outline(Some(c)) if (c.radius - 20.0).abs() < 1e-9));
    assert_eq!(round.contours[0].segments.len(), 1);
}

#[test]
fn blocks_are_drawn_where_they_are_inserted() {
    let block = format!(
        "0\nSECTION\n2\nBLOCKS\n0\nBLOCK\n2\nB\n10\n1\n20\n0\n{}{}0\nENDBLK\n0\nENDSEC\n",
        rectangle(1.0, 0.0, 4.0, 2.0),
        circle(2.0, 0.5, 0.25)
    );
    let hole = |insert: &str| {
        let text = with_tables(&block, &format!("0\nINSERT\n2\nb\n{insert}"));
        let design = Design::open(text.as_bytes(), None).unwrap();
        let FeatureKind::Hole(c) = design.features[1].kind else { panic!() };
        (c.centre, c.radius, design.area())
    };
    let near = |found: (Point<DesignMm>, f64, f64), x: f64, y: f64, scale: f64| {
        assert!(found.0.distance(p(x, y)) < 1e-9 && (found.1 - 0.25 * scale).abs() < 1e-9, "{found:?}");
        assert!((found.2 - scale * scale * (8.0 - PI / 16.0)).abs() < 1e-9, "{found:?}");
    };
    near(hole("10\n100\n20\n50\n"), 101.0, 50.5, 1.0);
    near(hole("10\n100\n20\n50\n41\n2\n42\n2\n50\n90\n"), 99.0, 52.0, 2.0);
    near(hole("10\n100\n20\n50\n41\n-1\n42\n1\n"), 99.0, 50.5, 1.0);
    near(hole("10\n100\n20\n50\n41\n1\n42\n-1\n50\n90\n"), 100.5, 51.0, 1.0);
    // Drawn from below: x of the insertion point is mirrored too.
    near(hole("10\n100\n20\n50\n230\n-1\n"), -101.0, 50.5, 1.0);
    let stretched = with_tables(&block, "0\nINSERT\n2\nB\n41\n2\n42\n1\n");
    let error = Design::open(stretched.as_bytes(), None).unwrap_err().to_string();
    assert!(error.contains("INSERT at line") && error.contains("found 2 and 1"), "{error}");
    // A row of three is three parts.
    let row = with_tables(&block, "0\nINSERT\n2\nB\n70\n3\n44\n10\n");
    assert!(matches!(Design::open(row.as_bytes(), None), Err(DesignError::SeveralParts { found: 3, .. })));
    // A block that holds itself ends.
    let snake =
        with_tables(&block.replace("0\nENDBLK", "0\nINSERT\n2\nB\n0\nINSERT\n2\nB\n0\nENDBLK"), "0\nINSERT\n2\nB\n");
    assert!(Design::open(snake.as_bytes(), None).unwrap_err().to_string().contains("nested deeper"));
}

#[test]
fn hidden_layers_and_annotations_are_passed_over() {
    let layer = |name: &str, flags: i32, colour: i32| format!("0\nLAYER\n2\n{name}\n70\n{flags}\n62\n{colour}\n");
    let tables = format!(
        "0\nSECTION\n2\nTABLES\n0\nTABLE\n2\nLAYER\n{}{}0\nENDTAB\n0\nENDSEC\n",
        layer("ICE", 1, 7),
        layer("Dark", 0, -7)
    );
    let on = |layer: &str| line(-5.0, 1.0, 50.0, 1.0).replace("8\n0\n", &format!("8\n{layer}\n"));
    let notes = "0\nTEXT\n10\n0\n20\n0\n1\nM6\n0\nPOINT\n10\n1\n20\n1\n0\nDIMENSION\n2\n*D1\n0\nHATCH\n10\n0\n20\n0\n";
    let entities = [
        &rectangle(0.0, 0.0, 10.0, 5.0),
        notes,
        &on("ice"),
        &on("DARK"),
        &on("Defpoints"),
        &on("0").replace("8\n0", "67\n1"),
    ]
    .concat();
    let design = Design::open(with_tables(&tables, &entities).as_bytes(), None).unwrap();
    assert_eq!(names(&design), ["outline"]);
    // Nothing but annotations: says what was there.
    let error = refused(notes);
    assert!(error.contains("no closed contour") && error.contains("1 HATCH") && error.contains("1 TEXT"), "{error}");
    assert!(refused("0\n3DSOLID\n").contains("3DSOLID at line 15"));
}

#[test]
fn drawings_that_are_not_flat_are_refused_with_entity_and_place() {
    let tilted = rectangle(0.0, 0.0, 10.0, 5.0) + &line(1.0, 2.0, 3.0, 4.0).replace("11\n", "31\n2\n11\n");
    let error = refused(&tilted);
    assert!(
        error.contains("LINE at line") && error.contains("(3.0000, 4.0000)") && error.contains("z = 2 mm"),
        "{error}"
    );
    let error = refused(&circle(1.0, 2.0, 3.0).replace("40\n", "210\n1\n220\n0\n230\n0\n40\n"));
    assert!(error.contains("CIRCLE") && error.contains("extrusion (1, 0, 0)"), "{error}");
    // A flat drawing at another height is flat.
    assert!(open(&circle(1.0, 2.0, 3.0).replace("40\n", "30\n7\n40\n")).is_ok());
    assert!(refused("0\nPOLYLINE\n70\n64\n0\nSEQEND\n").contains("mesh"));
}

#[test]
fn open_contours_name_both_ends_and_the_gap() {
    let u = [line(0.0, 0.0, 10.0, 0.0), line(10.0, 0.0, 10.0, 5.0), line(10.0, 5.0, 0.0, 5.0)].concat();
    let almost = u.clone() + &line(0.0, 5.0, 0.0, 0.02);
    let error = refused(&almost);
    assert!(
        error.contains("(0.0000, 0.0000)") && error.contains("(0.0000, 0.0200)") && error.contains("0.0200 mm away"),
        "{error}"
    );
    assert!(error.contains("2 free ends"), "{error}");
    assert!(error.contains(", layer \"0\")"), "{error}");
    let error = refused(&(u.clone() + &line(0.0, 5.0, 0.0, 0.010_001)));
    assert!(error.contains("0.010001 mm away, expected at most 0.01 mm"), "{error}");
    let joined = open(&(u.clone() + &line(0.0, 5.0, 0.0, 0.009))).unwrap();
    assert_eq!(joined.contours[0].segments.len(), 4);
    // Ends were moved onto each other.
    let segments = &joined.contours[0].segments;
    assert!((0..4).all(|i| segments[i].at(1.0) == segments[(i + 1) % 4].at(0.0)));
    // A contour finer than the gap that is closed keeps its shape.
    let fine: Vec<(f64, f64)> =
        (0..2000).map(|i| libm::sincos(f64::from(i) * PI / 1000.0)).map(|(s, c)| (2.0 * c, s)).collect();
    assert!((open(&polygon(&fine)).unwrap().area() - 2.0 * PI).abs() < 1e-4);
}

#[test]
fn forks_doubles_and_crossings() {
    let square = [
        line(0.0, 0.0, 10.0, 0.0),
        line(10.0, 0.0, 10.0, 10.0),
        line(10.0, 10.0, 0.0, 10.0),
        line(0.0, 10.0, 0.0, 0.0),
    ];
    // Drawn twice, once the other way round, and a dot: as if drawn once.
    let twice = square.concat() + &square[0] + &line(0.0, 10.0, 10.0, 10.0) + &line(3.0, 3.0, 3.0, 3.0);
    let read = open(&twice).unwrap();
    assert_eq!(read.passed_over, ["1 LINE without length"]);
    assert_eq!(Design { passed_over: Vec::new(), ..read }, open(&square.concat()).unwrap());
    assert_eq!(open(&(circle(0.0, 0.0, 5.0) + &circle(0.0, 0.0, 5.0))).unwrap().contours.len(), 1);
    // A line drawn twice in part ends on the other.
    assert!(refused(&(square.concat() + &line(0.0, 0.0, 4.0, 0.0))).contains("a fork, or a line drawn twice"));
    assert!(refused(&(square.concat() + &line(3.0, 0.0, 4.0, 0.0))).contains("a fork, or a line drawn twice"));
    // A whole circle and an arc pair of the same circle.
    let halves = "0\nARC\n10\n0\n20\n0\n40\n5\n50\n0\n51\n180\n0\nARC\n10\n0\n20\n0\n40\n5\n50\n180\n51\n0\n";
    assert!(matches!(open(&(circle(0.0, 0.0, 5.0) + halves)), Err(DesignError::Crossing { .. })));
    let bow = polygon(&[(0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 10.0)]);
    assert!(refused(&bow).contains("cross or touch at (5.0000, 5.0000)"));
    // A spike back along its own line.
    let spike = polygon(&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (10.0, 5.0), (0.0, 5.0)]);
    assert!(matches!(open(&spike), Err(DesignError::Crossing { .. } | DesignError::Fork { .. })));
    assert!(
        matches!(open(&(square.concat() + &circle(10.0, 5.0, 2.0))), Err(DesignError::Crossing { x, .. }) if (x - 10.0).abs() < 1e-9)
    );
    // A hole that touches the outline from inside.
    assert!(matches!(open(&(square.concat() + &circle(5.0, 8.0, 2.0))), Err(DesignError::Crossing { .. })));
}

#[test]
fn one_part_and_nothing_inside_its_openings() {
    let frame = rectangle(0.0, 0.0, 100.0, 100.0);
    let error = refused(&(frame.clone() + &rectangle(200.0, 0.0, 10.0, 10.0) + &circle(300.0, 0.0, 1.0)));
    assert!(error.contains("found 3 outer contours") && error.contains("(205.0000, 5.0000)"), "{error}");
    let error = refused(&(frame + &rectangle(20.0, 20.0, 50.0, 50.0) + &circle(40.0, 40.0, 3.0)));
    assert!(error.contains("inside an opening, around (40.0000, 40.0000)"), "{error}");
}

#[test]
fn foreign_files_are_named() {
    let found = |bytes: &[u8]| Design::open(bytes, None).unwrap_err().to_string();
    assert!(found(b"").contains("an empty file"));
    assert!(found(b"AutoCAD Binary DXF\r\n\x1a\0").contains("save it as ASCII DXF"));
    assert!(found(b"AC1027\0\0").contains("a DWG drawing"));
    assert!(found(b"\x89PNG\r\n\x1a\n").contains("expected a DXF or SVG drawing, found"));
    assert!(found(b"\xff\xfe0\0\n\0").contains("text in UTF-16: save it as UTF-8"));
    let whole = file(&circle(0.0, 0.0, 1.0));
    let cut = &whole[..whole.len() - 20];
    assert!(found(cut.as_bytes()).contains("cut off"), "{}", found(cut.as_bytes()));
    assert!(matches!(Design::open(&vec![b' '; (32 << 20) + 1], None), Err(DesignError::TooLarge { .. })));
    // The last hole of the drawing has a comma in its radius: it must not vanish.
    let comma = file(&(rectangle(-5.0, -5.0, 10.0, 10.0) + &circle(0.0, 0.0, 1.0).replace("40\n1", "40\n1,0")));
    assert_eq!(found(comma.as_bytes()), "line 48: expected a number below 1e9 with a decimal point, found \"1,0\"");
    assert!(found(comma.replace("1,0", "NaN").as_bytes()).contains("found \"NaN\""));
    // Ends of lines of Windows and of old Macs, a mark of byte order, comments.
    for eol in ["\r\n", "\r", "\n"] {
        let text = format!("\u{feff}999\nmade by hand\n{whole}").replace('\n', eol);
        assert_eq!(Design::open(text.as_bytes(), None).unwrap().features.len(), 1);
    }
}

#[test]
fn what_is_written_opens_again() {
    let tab = "0\nLWPOLYLINE\n90\n4\n70\n1\n10\n0\n20\n0\n10\n30.1\n20\n0\n42\n0.3\n10\n30.1\n20\n12.7\n42\n-0.2\n10\n0\n20\n12.7\n";
    let design = open(&(tab.to_owned() + &circle(15.0, 5.0, 2.05) + &rectangle(4.0, 4.0, 3.0, 3.0))).unwrap();
    let text = write_dxf(&design);
    let back = Design::open(text.as_bytes(), None).unwrap();
    assert_eq!(names(&back), names(&design));
    assert_eq!(back.features.len(), design.features.len());
    for (a, b) in design.contours.iter().zip(&back.contours) {
        let (a, b) = (a.sample(0.5), b.sample(0.5));
        assert!(a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.p.distance(b.p) < 1e-9));
    }
    // Another reader sees the same.
    let other = ::dxf::Drawing::load(&mut text.as_bytes()).unwrap();
    assert_eq!(other.header.default_drawing_units, ::dxf::enums::Units::Millimeters);
    assert_eq!(other.entities().count(), design.contours.iter().map(|c| c.segments.len()).sum::<usize>());
}

#[test]
fn a_drawing_too_large_is_read_or_refused_in_bounded_time() {
    let wave = |n: u32| {
        let vertices: String = (0..n)
            .map(|i| {
                let a = f64::from(i) / f64::from(n) * 2.0 * PI;
                let (s, c) = libm::sincos(a);
                let r = 300.0 + 20.0 * libm::sin(7.0 * a);
                format!("10\n{:.4}\n20\n{:.4}\n", r * c, r * s)
            })
            .collect();
        format!("0\nLWPOLYLINE\n70\n1\n{vertices}")
    };
    assert_eq!(open(&wave(200_000)).unwrap().contours.len(), 1);
    assert!(matches!(open(&wave(1_000_001)), Err(DesignError::TooMany { limit: 1_000_000, .. })));
    // A million holes.
    let bomb = "0\nSECTION\n2\nBLOCKS\n0\nBLOCK\n2\nB\n0\nCIRCLE\n10\n0\n20\n0\n40\n1\n0\nENDBLK\n0\nENDSEC\n";
    let bomb = with_tables(bomb, "0\nINSERT\n2\nB\n70\n30000\n71\n30000\n44\n5\n45\n5\n");
    assert!(matches!(Design::open(bomb.as_bytes(), None), Err(DesignError::TooMany { .. })));
}

#[test]
fn designs_are_made_without_a_file_too() {
    let ring = |r: f64, turns: f64| Contour {
        segments: vec![Segment::Arc {
            circle: Circle { centre: p(0.0, 0.0), radius: r },
            start: Angle::default(),
            sweep: Angle::from_degrees(360.0 * turns),
        }],
    };
    let washer = Design::from_contours(vec![ring(3.0, 1.0), ring(6.0, -1.0)]).unwrap();
    assert!((washer.area() - 27.0 * PI).abs() < 1e-9);
    assert_eq!(names(&washer), ["outline", "hole-1"]);
}

/// One of every entity that is read.
fn zoo() -> Vec<u8> {
    let block = format!("0\nSECTION\n2\nBLOCKS\n0\nBLOCK\n2\nB\n{}0\nENDBLK\n0\nENDSEC\n", circle(0.0, 0.0, 1.0));
    let vertex = |x: f64, y: f64| format!("0\nVERTEX\n10\n{x}\n20\n{y}\n30\n0\n42\n0.1\n");
    let polyline = [
        "0\nPOLYLINE\n70\n1\n",
        &vertex(0.0, 0.0),
        &vertex(50.0, 0.0),
        &vertex(50.0, 40.0),
        &vertex(0.0, 40.0),
        "0\nSEQEND\n",
    ]
    .concat();
    let arcs = "0\nARC\n10\n40\n20\n30\n40\n3\n50\n0\n51\n180\n0\nARC\n10\n40\n20\n30\n40\n3\n50\n180\n51\n360\n";
    let ellipse = "0\nELLIPSE\n10\n10\n20\n30\n11\n4\n21\n0\n40\n0.5\n";
    let mut spline = String::from("0\nSPLINE\n70\n8\n71\n3\n");
    [0, 0, 0, 0, 1, 1, 1, 1].iter().for_each(|k| spline += &format!("40\n{k}\n"));
    [(20, 10), (20, 20), (30, 20), (30, 10)].iter().for_each(|(x, y)| spline += &format!("10\n{x}\n20\n{y}\n30\n0\n"));
    let insert = "0\nINSERT\n2\nB\n10\n10\n20\n10\n41\n2\n42\n2\n50\n15\n";
    let entities = [&polyline, arcs, ellipse, &spline, &line(30.0, 10.0, 20.0, 10.0), insert].concat();
    with_tables(&block, &entities).into_bytes()
}

/// One change of a file: a byte replaced, put in or taken out, or the rest cut off.
pub(super) fn mangle(bytes: &mut Vec<u8>, kind: usize, i: usize, byte: u8) {
    match kind {
        0 => bytes[i] = byte,
        1 => bytes.insert(i, byte),
        2 => drop(bytes.remove(i)),
        _ => bytes.truncate(i.max(1)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Design::open(&bytes, Some(Units::Millimetre));
    }
    #[test]
    fn no_change_of_a_drawing_makes_the_reader_panic(
        changes in proptest::collection::vec((0..4usize, any::<prop::sample::Index>(), any::<u8>()), 1..6),
        digits: bool,
    ) {
        let mut bytes = zoo();
        prop_assert_eq!(Design::open(&bytes, None).unwrap().contours.len(), 5);
        for (kind, place, byte) in changes {
            bytes.push(b'\n');
            let i = place.index(bytes.len());
            let byte = if digits { b"0123456789-.eE\n\n"[usize::from(byte % 16)] } else { byte };
            mangle(&mut bytes, kind, i, byte);
        }
        if let Ok(design) = Design::open(&bytes, None) {
            prop_assert!(design.area().is_finite() && design.area() > 0.0);
            prop_assert!(design.contours.iter().all(|c| c.sample(1.0).iter().all(|s| s.p.is_finite() && s.normal.is_finite())));
        }
    }
}
