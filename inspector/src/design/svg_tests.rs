//! SVG, good and bad.

use super::tests::mangle;
use super::*;
use crate::synth::parts;
use proptest::prelude::*;
use std::f64::consts::PI;
use std::fmt::Write as _;

/// A drawing of 100 x 80 mm, one unit to the millimetre.
fn file(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\"\n width=\"100mm\" height=\"80mm\" viewBox=\"0 0 100 80\">\n{body}\n</svg>\n"
    )
}
fn open(body: &str) -> Result<Design, DesignError> {
    Design::open(file(body).as_bytes(), None)
}
fn refused(body: &str) -> String {
    open(body).unwrap_err().to_string()
}
const PLATE: &str = "<rect x=\"10\" y=\"10\" width=\"80\" height=\"60\"/>";
/// A plate with an opening in it.
fn plate(opening: &str) -> Design {
    open(&format!("{PLATE}\n{opening}")).unwrap_or_else(|e| panic!("{opening}: {e}"))
}
fn p(x: f64, y: f64) -> Point<DesignMm> {
    Point::new(x, y)
}
/// Centre and radius of the one hole.
fn hole(design: &Design) -> (f64, f64, f64) {
    match design.feature("hole-1").map(|f| f.0.kind) {
        Some(FeatureKind::Hole(c)) => (c.centre.x, c.centre.y, c.radius),
        _ => panic!("no hole: {:?}", design.features),
    }
}
fn close(found: (f64, f64, f64), expected: (f64, f64, f64), within: f64) {
    let far = (found.0 - expected.0).abs().max((found.1 - expected.1).abs()).max((found.2 - expected.2).abs());
    assert!(far <= within, "{found:?}, expected {expected:?}");
}

#[test]
fn shapes_lie_where_they_are_drawn_y_up() {
    let design = plate("<circle cx=\"30\" cy=\"20\" r=\"4\"/>");
    assert_eq!(design.bounds(), (p(10.0, -70.0), p(90.0, -10.0)));
    assert_eq!(hole(&design), (30.0, -20.0, 4.0));
    assert!(matches!(plate("<ellipse cx=\"50\" cy=\"40\" rx=\"9\" ry=\"6\"/>").features[1].kind, FeatureKind::Cutout));
    let area = |opening: &str| 4800.0 - plate(opening).area();
    assert!((area("<ellipse cx=\"50\" cy=\"40\" rx=\"9\" ry=\"6\"/>") - 54.0 * PI).abs() < 0.02);
    assert!(
        (area("<rect x=\"20\" y=\"20\" width=\"10\" height=\"6\" rx=\"2\"/>") - (60.0 - 4.0 * (4.0 - PI))).abs() < 1e-9
    );
    assert!((area("<polygon points=\"20,20 40,20 40 30\"/>") - 100.0).abs() < 1e-9);
    assert!((area("<polyline points=\"20,20 40,20 40 30\"/>") - 100.0).abs() < 1e-9);
    // A rectangle with full rounds is a slot, one as high as wide a hole.
    let slot = plate("<rect x=\"20\" y=\"20\" width=\"16\" height=\"6\" rx=\"3\"/>");
    assert!(
        matches!(slot.feature("slot-1").unwrap().0.kind, FeatureKind::Slot(s) if (s.width - 6.0).abs() < 1e-9 && (s.length() - 16.0).abs() < 1e-9)
    );
    close(hole(&plate("<rect x=\"20\" y=\"20\" width=\"6\" height=\"6\" rx=\"8\"/>")), (23.0, -23.0, 3.0), 1e-9);
    // Every kind of command, absolute and relative; all are one square of 10 mm.
    for d in [
        "M20 20 H30 V30 H20 Z",
        "m20,20 h10 v10 h-10 z",
        "M20 20 L30 20 30 30 20 30Z",
        "M30 20 m-10 0 l10 0 0 10-10 0z",
        "M20 20 Q25 20 30 20 V30 H20z",
    ] {
        let found = area(&format!("<path d=\"{d}\"/>"));
        assert!((found - 100.0).abs() < 1e-9, "{d}: {found}");
    }
    // Smooth cubics: the same wave as with its handles written out.
    let (short, long) =
        ("M20 40 C25 30 30 30 35 40 S45 50 50 40 V60 H20 z", "M20 40 C25 30 30 30 35 40 C40 50 45 50 50 40 V60 H20 z");
    assert_eq!(plate(&format!("<path d=\"{short}\"/>")), plate(&format!("<path d=\"{long}\"/>")));
}

#[test]
fn circles_drawn_as_cubics_and_as_arcs_are_circles() {
    let cubics = |r: f64, kappa: f64, decimals: usize| {
        let n = |v: f64| format!("{:.decimals$}", v);
        let (k, c) = (kappa * r, (40.0, 40.0));
        let at = |x: f64, y: f64| format!("{},{}", n(c.0 + x), n(c.1 + y));
        let mut d = format!("M{}", at(r, 0.0));
        for (a, b, to) in [
            ((r, k), (k, r), (0.0, r)),
            ((-k, r), (-r, k), (-r, 0.0)),
            ((-r, -k), (-k, -r), (0.0, -r)),
            ((k, -r), (r, -k), (r, 0.0)),
        ] {
            write!(d, "C{} {} {}", at(a.0, a.1), at(b.0, b.1), at(to.0, to.1)).unwrap();
        }
        format!("<path d=\"{d}z\"/>")
    };
    for r in [0.8, 5.0, 25.0] {
        for kappa in [0.552_284_749_83, 0.551_915_024_5, 0.5523] {
            close(hole(&plate(&cubics(r, kappa, 6))), (40.0, -40.0, r), 1e-6);
            close(hole(&plate(&cubics(r, kappa, 3))), (40.0, -40.0, r), 1e-3);
        }
        // What no program draws for a circle is not taken for one.
        assert!(plate(&cubics(r, 0.6, 6)).feature("hole-1").is_none(), "{r}");
    }
    close(hole(&plate("<path d=\"M45 40 A5 5 0 0 1 35 40 A5 5 0 0 1 45 40z\"/>")), (40.0, -40.0, 5.0), 1e-9);
    close(hole(&plate("<path d=\"M45 40 a5 5 0 1 0 -10 0 5 5 0 1 0 10 0\"/>")), (40.0, -40.0, 5.0), 1e-9);
    // A whole turn cannot be written as one arc: a hair closes it.
    for (d, centre) in [("M40 35a5 5 0 1 1-.01 0z", (39.995, -40.0)), ("M45 40a5 5 0 1 0 0 .001z", (40.0, -40.0))] {
        close(hole(&plate(&format!("<path d=\"{d}\"/>"))), (centre.0, centre.1, 5.0), 0.001);
    }
    // Too small a radius grows; large and small arcs go the way they say.
    close(hole(&plate("<path d=\"M45 40 A1 1 0 0 1 35 40 A1 1 0 0 1 45 40z\"/>")), (40.0, -40.0, 5.0), 1e-9);
    let segment = plate("<path d=\"M30 40 A10 10 0 0 1 50 40 A10 10 0 0 1 40 50 L40 40z\"/>");
    assert!((4800.0 - segment.area() - 75.0 * PI).abs() < 1e-9, "{}", segment.area());
    let large = plate("<path d=\"M40 30 A10 10 0 1 0 50 40 L40 40z\"/>");
    assert!((4800.0 - large.area() - 75.0 * PI).abs() < 1e-9, "{}", large.area());
}

#[test]
fn free_curves_stay_within_a_micrometre() {
    let control = [(20.0, 60.0), (30.0, -20.0), (60.0, 90.0), (80.0, 30.0)];
    let design = plate("<path d=\"M20 60 C30 -20 60 90 80 30 L80 65 L20 65z\"/>");
    let lines = &design.contours[1].segments;
    for i in 0..=1000 {
        let t = f64::from(i) / 1000.0;
        let s = 1.0 - t;
        let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
        let at = |axis: fn(&(f64, f64)) -> f64| control.iter().zip(weights).map(|(c, w)| axis(c) * w).sum::<f64>();
        let place = p(at(|c| c.0), -at(|c| c.1));
        assert!(lines.iter().any(|s| super::crossing::lies_on(s, place, 0.001)), "{place:?}");
    }
}

#[test]
fn transforms_and_uses_and_symbols() {
    let at = |opening: &str, expected: (f64, f64, f64)| close(hole(&plate(opening)), expected, 1e-9);
    at("<g transform=\"translate(30 20)\"><circle r=\"2\" transform=\"scale(2)\"/></g>", (30.0, -20.0, 4.0));
    at("<circle cx=\"10\" r=\"4\" transform=\"translate(40,40) rotate(90)\"/>", (40.0, -50.0, 4.0));
    at("<circle cx=\"30\" cy=\"-40\" r=\"4\" transform=\"matrix(1 0 0 -1 0 0)\"/>", (30.0, -40.0, 4.0));
    at("<circle cx=\"-30\" cy=\"40\" r=\"4\" transform=\"scale(-1 1)\"/>", (30.0, -40.0, 4.0));
    at("<ellipse cx=\"15\" cy=\"40\" rx=\"2\" ry=\"4\" transform=\"scale(2 1)\"/>", (30.0, -40.0, 4.0));
    at("<defs><circle id=\"c\" r=\"4\"/></defs><use xlink:href=\"#c\" x=\"30\" y=\"40\"/>", (30.0, -40.0, 4.0));
    at(
        "<use href=\"#c\" x=\"30\" transform=\"translate(0 40)\"/><defs><g id=\"c\"><circle r=\"4\"/></g></defs>",
        (30.0, -40.0, 4.0),
    );
    at(
        "<symbol id=\"s\" viewBox=\"-1 -1 2 2\"><circle r=\"1\"/></symbol><use href=\"#s\" x=\"26\" y=\"36\" width=\"8\" height=\"8\"/>",
        (30.0, -40.0, 4.0),
    );
    at(
        "<svg x=\"26\" y=\"34\" width=\"8\" height=\"12\" viewBox=\"0 0 2 2\"><circle cx=\"1\" cy=\"1\" r=\"1\"/></svg>",
        (30.0, -40.0, 4.0),
    );
    at(
        "<defs><svg id=\"s\" transform=\"translate(20,30)\"><circle cx=\"10\" cy=\"10\" r=\"4\"/></svg></defs><use href=\"#s\"/>",
        (30.0, -40.0, 4.0),
    );
    // A circle under two different scales is an ellipse.
    assert!(
        (4800.0 - plate("<circle cx=\"20\" cy=\"40\" r=\"4\" transform=\"scale(2 1)\"/>").area() - 32.0 * PI).abs()
            < 0.02
    );
}

#[test]
fn units_come_from_width_height_and_view_box() {
    let width = |head: &str, units: Option<Units>| {
        let text = format!("<svg {head}><rect width=\"100\" height=\"50\"/></svg>");
        Design::open(text.as_bytes(), units).map(|d| d.bounds().1.x - d.bounds().0.x)
    };
    let near = |head: &str, units: Option<Units>, expected: f64| {
        let found = width(head, units).unwrap_or_else(|e| panic!("{head}: {e}"));
        assert!((found - expected).abs() < 1e-9 * expected, "{head}: {found}");
    };
    near("width='100mm' height='50mm' viewBox='0 0 100 50'", None, 100.0);
    near("width='10cm' viewBox='0 0 100 50'", None, 100.0);
    near("width='4in' height='2in' viewBox='0 0 200 100'", None, 50.8);
    near("width='72pt' height='36pt' viewBox='0 0 100 50'", None, 25.4);
    near("width='100mm' height='50mm'", None, 25.4 * 100.0 / 96.0);
    near("width='96px' height='48px' viewBox='0 0 100 50'", None, 25.4);
    near("width='100' height='50' viewBox='0 0 100 50'", Some(Units::Inch), 2540.0);
    near("viewBox='0 0 100 50'", Some(Units::Millimetre), 100.0);
    near("width='100%'", Some(Units::Millimetre), 100.0);
    near("width='100mm' height='50mm' viewBox='0 0 100 50'", Some(Units::Millimetre), 100.0);
    let fault = |head: &str, units: Option<Units>| width(head, units).unwrap_err().to_string();
    assert!(fault("width='100' height='50' viewBox='0 0 100 50'", None).contains("no units"));
    assert!(fault("width='100%' viewBox='0 0 100 50'", None).contains("no units"));
    assert!(fault("width='100mm' viewBox='0 0 100 50'", Some(Units::Inch)).contains("but the drawing says mm"));
    assert!(fault("width='100mm' height='100mm' viewBox='0 0 100 50'", None).contains("mixed units"));
    assert!(fault("width='100mm' height='50in' viewBox='0 0 100 50'", None).contains("mixed units"));
    assert!(fault("width='0mm' viewBox='0 0 100 50'", None).contains("above 0"));
    assert!(fault("width='10furlongs'", None).contains("<svg> at line 1"));
    // Points have a size and must not disagree; pixels have none, and give way.
    near("width='72pt' height='36pt' viewBox='0 0 100 50'", Some(Units::Point), 25.4);
    assert!(fault("width='72pt' viewBox='0 0 100 50'", Some(Units::Inch)).contains("but the drawing says pt"));
    near("width='96px' height='48px' viewBox='0 0 100 50'", Some(Units::Pixel), 25.4);
    near("width='96px' height='48px' viewBox='0 0 100 50'", Some(Units::Millimetre), 100.0);
    near("width='96' height='48' viewBox='0 0 96 48'", Some(Units::Pixel), 25.4 * 100.0 / 96.0);
    // Millimetres inside mean millimetres only where a unit is a pixel.
    assert!(refused("<circle cx='10mm' cy='5mm' r='2mm'/>").contains("mixed units: cx is \"10mm\""));
    let inside = "<svg width='100mm' height='80mm'><circle cx='10mm' cy='5mm' r='2mm'/></svg>";
    assert!(
        matches!(Design::open(inside.as_bytes(), None).unwrap().features[0].kind, FeatureKind::Outline(Some(c)) if (c.radius - 2.0).abs() < 1e-9)
    );
}

#[test]
fn a_pixel_is_as_large_as_the_program_that_made_the_file_has_it() {
    let read = |before: &str, attributes: &str| {
        let text = format!(
            "{before}<svg xmlns='http://www.w3.org/2000/svg' xmlns:inkscape='http://www.inkscape.org/namespaces/inkscape' {attributes}><rect width='90' height='50'/></svg>"
        );
        let design = Design::open(text.as_bytes(), None).unwrap();
        (design.bounds().1.x, design.drawn_in)
    };
    let illustrator = "<!-- Generator: Adobe Illustrator 24.0.1, SVG Export Plug-In . -->\n";
    let px = "width='200px' height='100px' viewBox='0 0 200 100'";
    let sheet = "width='210mm' height='297mm'";
    for (before, attributes, mm, unit) in [
        ("", px.to_owned(), 90.0 * 25.4 / 96.0, "px of 1/96 inch"),
        (illustrator, px.to_owned(), 90.0 * 25.4 / 72.0, "px of 1/72 inch, as Adobe Illustrator writes it"),
        (
            "",
            format!("{sheet} inkscape:version='0.48.4 r9939'"),
            25.4,
            "px of 1/90 inch, as Inkscape before 0.92 wrote it",
        ),
        ("", format!("{sheet} inkscape:version='0.92.3'"), 90.0 * 25.4 / 96.0, "px of 1/96 inch"),
        ("", format!("{sheet} inkscape:version='1.2 (dc2aeda)'"), 90.0 * 25.4 / 96.0, "px of 1/96 inch"),
        (
            "",
            "width='4in' height='2in' viewBox='0 0 200 100'".to_owned(),
            45.72,
            "inches (a unit of its viewBox is 0.508000 mm)",
        ),
        (illustrator, "width='100mm' viewBox='0 0 100 50'".to_owned(), 90.0, "mm"),
    ] {
        let (wide, words) = read(before, &attributes);
        assert!((wide - mm).abs() < 1e-9, "{attributes}: {wide}, expected {mm}");
        assert_eq!(words, unit, "{attributes}");
    }
}

#[test]
fn what_is_not_seen_is_passed_over() {
    let holes = |extra: &str| plate(extra).contours.len() - 1;
    let circle = |attributes: &str| format!("<circle cx=\"50\" cy=\"40\" r=\"4\" {attributes}/>");
    for attributes in [
        "display=\"none\"",
        "visibility=\"hidden\"",
        "opacity=\"0\"",
        "style=\"display:none\"",
        "style=\"opacity:0\"",
        "fill=\"none\"",
        "style=\"fill:none;stroke:none\"",
        "fill=\"none\" stroke=\"red\" stroke-width=\"0\"",
        "fill-opacity=\"0\"",
        "class=\"ghost\"",
        "id=\"gone\"",
    ] {
        let sheet = "<style>.ghost { display: none } #gone, .other { fill: none }</style>";
        assert_eq!(holes(&format!("{sheet}{}", circle(attributes))), 0, "{attributes}");
    }
    for attributes in [
        "",
        "fill=\"none\" stroke=\"#f00\"",
        "style=\"fill:none;stroke:red\"",
        "visibility=\"visible\"",
        "class=\"cut\" fill=\"none\"",
    ] {
        let sheet = "<style>.cut { stroke: blue }</style>";
        assert_eq!(holes(&format!("{sheet}<g visibility=\"inherit\">{}</g>", circle(attributes))), 1, "{attributes}");
    }
    assert_eq!(plate("<path d=\"M5 5z\"/>").passed_over, ["1 element without length"]);
    assert_eq!(holes(&format!("<g display=\"none\">{}</g>", circle(""))), 0);
    assert_eq!(holes(&format!("<g visibility=\"hidden\">{}</g>", circle("visibility=\"visible\""))), 1);
    assert_eq!(
        holes(&format!(
            "<text x=\"20\" y=\"20\">M6</text><metadata/><foo:bar xmlns:foo=\"urn:x\"/><image href=\"data:image/png;base64,AA\"/><title>t</title>{}",
            circle("")
        )),
        1
    );
    assert_eq!(holes(&format!("<switch><foreignObject requiredExtensions=\"x\"/><g>{}</g></switch>", circle(""))), 1);
    assert!(
        Design::open(file("<text>a</text><text>b</text>").as_bytes(), None).unwrap_err().to_string().contains("2 text")
    );
}

#[test]
fn a_stroke_shows_its_gap_a_fill_closes() {
    let path = "M20 20 H40 V40 H20";
    assert!((4800.0 - plate(&format!("<path d=\"{path}\"/>")).area() - 400.0).abs() < 1e-9);
    let error = refused(&format!("{PLATE}\n<path d=\"{path}\" fill=\"none\" stroke=\"red\"/>"));
    assert!(error.contains("open contour") && error.contains("file line 5"), "{error}");
    assert!(
        error.contains("(20.0000, -20.0000)")
            && error.contains("(20.0000, -40.0000)")
            && error.contains("20.0000 mm away"),
        "{error}"
    );
    // A stroke's width is that of the pen: the contour is the path.
    let pen =
        open("<rect x=\"10\" y=\"10\" width=\"80\" height=\"60\" fill=\"none\" stroke=\"black\" stroke-width=\"5\"/>")
            .unwrap();
    assert_eq!(pen.bounds(), (p(10.0, -70.0), p(90.0, -10.0)));
    let error = refused(&format!("{PLATE}\n<path d=\"M20 20 L40 40 H20 L40 20z\"/>"));
    assert!(error.contains("cross or touch at (30.0000, -30.0000)"), "{error}");
    assert!(
        refused(&format!("{PLATE}\n{PLATE}<rect x=\"200\" y=\"200\" width=\"5\" height=\"5\"/>"))
            .contains("expected one part, found 2")
    );
}

/// A loop inside another is an opening where it is seen as one: by its rule of filling, or by a line.
#[test]
fn loops_that_are_seen_are_openings() {
    let (outer, same, other) = ("M20 20H60V60H20z", "M30 30H40V40H30z", "M30 30V40H40V30z");
    for (inner, attributes) in [
        (other, ""),
        (same, "fill-rule=\"evenodd\""),
        (same, "style=\"fill-rule:evenodd\""),
        (same, "fill=\"none\" stroke=\"red\""),
        (&format!("{other}{other}"), ""),
    ] {
        let design = open(&format!("<path d=\"{outer}{inner}\" {attributes}/>")).unwrap();
        assert!((design.area() - 1500.0).abs() < 1e-9 && design.remarks.is_empty(), "{attributes}");
    }
    let remark = "2 shapes are filled in one colour: one that lies on another is not seen, and taken as an opening.";
    assert_eq!(plate("<circle cx=\"50\" cy=\"40\" r=\"4\" fill=\"#000\"/>").remarks, [remark]);
    assert!(plate("<circle cx=\"50\" cy=\"40\" r=\"4\" fill=\"white\"/>").remarks.is_empty());
    // Rules that are not understood do no harm where they hide nothing.
    let dark =
        "<style>@media (prefers-color-scheme: dark) { rect { fill: white } } circle:hover { opacity: .5 }</style>";
    assert!(open(&format!("{dark}{PLATE}")).is_ok());
}

#[test]
fn what_a_drawing_must_not_hold_is_refused_with_its_line() {
    let cases = [
        ("<script>alert(1)</script>", "<script> at line 5: a drawing must not hold a script"),
        ("<defs><script href=\"x.js\"/></defs>", "<script> at line 5"),
        ("<rect onclick=\"f()\" width=\"1\" height=\"1\"/>", "remove onclick"),
        ("<a href=\" JavaScript:f()\"><rect width=\"1\" height=\"1\"/></a>", "must not hold a script"),
        (
            "<image href=\"http://example.com/a.png\"/>",
            "<image> at line 5: refers to something outside the file, \"http://example.com/a.png\"",
        ),
        ("<image xlink:href=\"../photo.png\"/>", "outside the file"),
        ("<use href=\"other.svg#part\"/>", "outside the file"),
        ("<use href=\"#nobody\"/>", "<use> at line 5: expected the id of an element of the file, found \"#nobody\""),
        ("<rect fill=\"url(http://example.com/#g)\" width=\"1\" height=\"1\"/>", "outside the file"),
        ("<rect style=\"fill:url('x.svg#g')\" width=\"1\" height=\"1\"/>", "outside the file"),
        ("<style>@import \"x.css\";</style>", "<style> at line 5: refers to something outside"),
        ("<style>@font-face { src: url(https://example.com/f.woff) }</style>", "outside"),
        ("<circle r=\"1\"><animate attributeName=\"r\"/></circle>", "<animate> at line 5: a drawing must not move"),
        ("<g clip-path=\"url(#c)\"/>", "under a clip-path"),
        ("<g style=\"mask:url(#c)\"/>", "under a mask"),
        ("<circle style=\"r:4px\"/>", "found r in a style"),
        ("<g style=\"transform:rotate(3deg)\"/>", "found transform in a style"),
        ("<g transform=\"rotate(3\"/>", "<g> at line 5: transform"),
        ("<path d=\"M0 0 L10 10 X\"/>", "<path> at line 5: path data"),
        ("<circle r=\"-1\"/>", "r: expected 0 or more, found -1"),
        ("<circle r=\"50%\"/>", "expected a number, found \"50%\""),
        ("<polygon points=\"1 2 3\"/>", "found only x"),
        ("<foreignObject/>", "<foreignObject> at line 5: expected paths"),
        ("<rect width=\"1e300\" height=\"1e300\"/>", "below 1e9"),
    ];
    for (body, expected) in cases {
        // The body stands on the fifth line.
        let error = refused(&format!("<g/>\n{body}"));
        assert!(error.contains(expected), "{body}: {error}");
    }
    for (body, expected) in [
        ("<style>circle:not(.k) { display: none }</style>", "the rule \"circle:not(.k)\" shows or hides"),
        ("<style>/* a */ circle:nth-of-type(2){visibility:hidden}</style>", "nth-of-type"),
        ("<style>@media screen { .h { display: none } }</style>", "\"@media screen\""),
        ("<style>.a ~ .b { fill: none }</style>", "\".a ~ .b\""),
        (
            "<symbol id=\"s\" viewBox=\"0 0 10 10\" refX=\"5\"><circle r=\"5\"/></symbol><use href=\"#s\" width=\"10\" height=\"10\"/>",
            "found refX",
        ),
        (
            "<path d=\"M20 20H60V60H20zM30 30H40V40H30z\"/>",
            "the loop at (35.0000, -30.0000) mm runs the same way round as the one about it",
        ),
    ] {
        let error = refused(body);
        assert!(error.contains(expected), "{body}: {error}");
    }
    let turned = file(PLATE).replace("<svg ", "<svg transform=\"scale(2)\" ");
    assert!(Design::open(turned.as_bytes(), None).unwrap_err().to_string().contains("found transform for all of it"));
    let whole = |text: &str| Design::open(text.as_bytes(), None).unwrap_err().to_string();
    let bomb = "<!DOCTYPE svg [\n<!ENTITY a \"ha\">\n<!ENTITY b \"&a;&a;\">]>\n<svg>&b;</svg>";
    assert!(whole(bomb).contains("line 2: ") && whole(bomb).contains("XML entity"), "{}", whole(bomb));
    assert!(
        whole("<?xml version=\"1.0\"?>\n<?xml-stylesheet href=\"a.css\"?>\n<svg width=\"1mm\"/>").contains("line 2: ")
    );
    assert!(whole("<svg>\n<g>\n</svg>").starts_with("line 3: expected XML"), "{}", whole("<svg>\n<g>\n</svg>"));
    assert!(whole("<html/>").contains("XML of another kind, <html>"));
    assert!(
        Design::open(b"<svg>\n\xff</svg>", None).unwrap_err().to_string().starts_with("line 2: expected text in UTF-8")
    );
    // The document type that old programs write is no harm.
    let old =
        "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\">\n";
    assert!(Design::open(file(PLATE).replacen("?>\n", &format!("?>\n{old}"), 1).as_bytes(), None).is_ok());
}

#[test]
fn bombs_end_in_bounded_time() {
    let nested = |n: usize| format!("{}{PLATE}{}", "<g>".repeat(n), "</g>".repeat(n));
    assert!(open(&nested(60)).is_ok());
    assert!(refused(&nested(20_000)).contains("nested deeper"));
    let snake = "<g id=\"a\"><use href=\"#b\"/></g><g id=\"b\"><use href=\"#a\"/></g>";
    assert!(refused(snake).contains("nested deeper"));
    // Ten uses of ten uses of ...: 10^12 circles.
    let mut bomb = String::from("<defs><circle id=\"u0\" r=\"1\"/>");
    for k in 0..12 {
        let uses = format!("<use href=\"#u{k}\" x=\"3\"/>").repeat(10);
        write!(bomb, "<g id=\"u{}\">{uses}</g>", k + 1).unwrap();
    }
    assert!(matches!(open(&format!("{bomb}</defs><use href=\"#u12\"/>")), Err(DesignError::TooMany { .. })));
    let rules = ".a{fill:none}".repeat(1001);
    assert!(matches!(
        open(&format!("<style>{rules}</style>{PLATE}")),
        Err(DesignError::TooMany { what: "style rules", .. })
    ));
    let mut large = b"<svg>".to_vec();
    large.resize((32 << 20) + 1, b' ');
    assert!(matches!(Design::open(&large, None), Err(DesignError::TooLarge { .. })));
}

/// The design as paths with arcs, as programs write them.
fn svg_of(design: &Design) -> String {
    let mut d = String::new();
    for contour in &design.contours {
        let start = contour.segments[0].at(0.0);
        write!(d, "M{:?} {:?}", start.x, -start.y).unwrap();
        for s in &contour.segments {
            match s {
                Segment::Line { to, .. } => write!(d, "L{:?} {:?}", to.x, -to.y).unwrap(),
                // In halves: an arc that ends where it starts cannot be written.
                Segment::Arc { circle, sweep, .. } => [s.at(0.5), s.at(1.0)].iter().for_each(|to| {
                    let flag = u8::from(sweep.radians() < 0.0);
                    write!(d, "A{0:?} {0:?} 0 0 {flag} {1:?} {2:?}", circle.radius, to.x, -to.y).unwrap();
                }),
            }
        }
        d += "z";
    }
    format!("<svg width=\"300mm\" viewBox=\"0 0 300 300\"><path d=\"{d}\"/></svg>")
}

#[test]
fn the_same_part_comes_out_of_svg_and_dxf() {
    for part in [parts::bracket(), parts::visor(), parts::frame(), parts::random_plate(7)] {
        let text = svg_of(&part);
        let again = Design::open(text.as_bytes(), None).unwrap();
        let names = |d: &Design| d.features.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&again), names(&part));
        // The middle of a half circle is known to the root of the last bit: 1e-8 of its radius.
        assert!((again.area() - part.area()).abs() < 1e-7 * part.area(), "{} {}", again.area(), part.area());
        for (a, b) in part.features.iter().zip(&again.features) {
            if let (Some(a), Some(b)) = (a.circle(), b.circle()) {
                assert!(a.centre.distance(b.centre) < 1e-6 && (a.radius - b.radius).abs() < 1e-6, "{a:?} {b:?}");
            }
        }
    }
}

/// One of everything that is read.
fn zoo() -> Vec<u8> {
    let body = [
        PLATE,
        "<style>.c { fill: none; stroke: red } g > .d { display: none }</style>",
        "<g transform=\"translate(1 2) rotate(3)\"><circle class=\"c\" cx=\"30\" cy=\"30\" r=\"3\"/><circle class=\"d\" r=\"9\"/></g>",
        "<path d=\"M50 50 c2 0 3 1 3 3 s-1 3-3 3 q-3 0-3-3 t3-3z m20 0 a3 2 30 1 1 1 1z\"/>",
        "<defs><ellipse id=\"e\" rx=\"3\" ry=\"2\"/></defs><use href=\"#e\" x=\"20\" y=\"60\"/>",
        "<polygon points=\"60,20 70,20 65,25\"/>",
    ];
    file(&body.join("\n")).into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Design::open(&[b"<svg width='9mm'>", &bytes[..]].concat(), Some(Units::Millimetre));
    }
    #[test]
    fn no_change_of_a_drawing_makes_the_reader_panic(
        changes in proptest::collection::vec((0..4usize, any::<prop::sample::Index>(), any::<u8>()), 1..6), digits: bool,
    ) {
        let mut bytes = zoo();
        prop_assert_eq!(Design::open(&bytes, None).unwrap().contours.len(), 6);
        for (kind, place, byte) in changes {
            bytes.push(b'\n');
            let i = place.index(bytes.len());
            let byte = if digits { b"0123456789-.eEMCAz"[usize::from(byte % 18)] } else { byte };
            mangle(&mut bytes, kind, i, byte);
        }
        if let Ok(design) = Design::open(&bytes, None) {
            prop_assert!(design.area().is_finite() && design.area() > 0.0);
            prop_assert!(design.symmetry().residual_mm.is_finite());
        }
    }
}
