//! What of a DXF is told or refused, because it may not be what is meant.

use super::tests::{circle, rectangle, with_tables};
use super::*;

/// A part drawn through a reference that stands in another file, or one of two blocks of a name, must not lack its holes in silence.
#[test]
fn blocks_that_are_not_in_the_file_are_refused() {
    let insert = rectangle(0.0, 0.0, 10.0, 5.0) + "0\nINSERT\n2\nHOLES\n";
    let block = |more: &str| format!("0\nBLOCK\n2\nHoles\n{more}{}0\nENDBLK\n", circle(2.0, 2.0, 1.0));
    let read = |blocks: &str| {
        let section = format!("0\nSECTION\n2\nBLOCKS\n{blocks}0\nENDSEC\n");
        Design::open(with_tables(&section, &insert).as_bytes(), None)
    };
    assert_eq!(read(&block("70\n0\n")).unwrap().contours.len(), 2);
    for flags in ["70\n4\n1\nholes.dwg\n", "70\n12\n"] {
        let error = read(&block(flags)).unwrap_err().to_string();
        assert!(
            error.contains("INSERT at line") && error.contains("bind the external reference \"HOLES\" first"),
            "{error}"
        );
    }
    let error = read(&(block("") + &block(""))).unwrap_err().to_string();
    assert!(error.contains("found two named \"HOLES\""), "{error}");
}

/// What may be no contour, or not where its line runs, is taken and told.
#[test]
fn line_types_widths_and_layers_that_are_not_plotted() {
    let layer = |name: &str, more: &str| format!("0\nLAYER\n2\n{name}\n70\n0\n62\n7\n{more}");
    let tables = format!(
        "0\nSECTION\n2\nTABLES\n0\nTABLE\n2\nLAYER\n{}{}{}0\nENDTAB\n0\nENDSEC\n",
        layer("AXES", "6\nCENTER2\n"),
        layer("HELP", "290\n0\n"),
        layer("CUT", "6\nContinuous\n290\n1\n"),
    );
    let on = |layer: &str, entity: String| entity.replace("8\n0\n", &format!("8\n{layer}\n"));
    let read = |entities: &str| {
        let design = Design::open(with_tables(&tables, entities).as_bytes(), None)?;
        Ok::<_, DesignError>((design.contours.len() - 1, design.passed_over, design.remarks))
    };
    let plate = on("CUT", rectangle(0.0, 0.0, 50.0, 50.0));
    let none = Vec::<String>::new();
    assert_eq!(read(&plate).unwrap(), (0, none.clone(), none.clone()));
    let hidden = vec!["1 entity on hidden layers or paper".to_owned()];
    assert_eq!(read(&(plate.clone() + &on("HELP", circle(10.0, 10.0, 1.0)))).unwrap(), (0, hidden, none.clone()));
    let broken = circle(10.0, 10.0, 1.0).replace("8\n0\n", "8\n0\n6\nHidden\n");
    let twice = on("AXES", circle(20.0, 10.0, 1.0)) + &on("AXES", circle(30.0, 10.0, 1.0));
    let (holes, _, remarks) = read(&(plate.clone() + &broken + &twice)).unwrap();
    assert_eq!(holes, 3);
    assert!(remarks[0].starts_with("2 entities have line type CENTER2: taken as contours."), "{remarks:?}");
    assert!(remarks[1].starts_with("1 entity has line type HIDDEN: taken as a contour."), "{remarks:?}");
    let wide = plate.replace("70\n1\n", "70\n1\n43\n0.5\n");
    assert_eq!(read(&wide).unwrap().2, ["1 polyline is drawn 0.5 mm wide: its middle line is taken."]);
    let donut = "0\nLWPOLYLINE\n70\n1\n43\n2\n10\n10\n20\n10\n42\n1\n10\n20\n20\n10\n42\n1\n";
    let error = read(&(plate.clone() + donut)).unwrap_err().to_string();
    assert!(error.contains("found a donut (a circle drawn 2 mm wide)"), "{error}");
    assert_eq!(read(&(plate + &donut.replace("43\n2\n", ""))).unwrap().0, 1);
}
