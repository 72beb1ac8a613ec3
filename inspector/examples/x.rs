use inspector::design::*;
fn main() {
    for a in std::env::args().skip(1) {
        let b = std::fs::read(&a).unwrap();
        let t = std::time::Instant::now();
        let mut r = Design::open(&b, None);
        let mut note = "";
        if matches!(r, Err(DesignError::NoUnits { .. })) {
            note = "[no units; given mm] ";
            r = Design::open(&b, Some(Units::Millimetre));
        }
        let n = a.rsplit('/').next().unwrap();
        match r {
            Ok(d) => {
                let (l, h) = d.bounds();
                println!(
                    "{n}: {note}OK {:.3} x {:.3} area {:.3} segs {} {:?} {:?}",
                    h.x - l.x,
                    h.y - l.y,
                    d.area(),
                    d.contours.iter().map(|c| c.segments.len()).sum::<usize>(),
                    d.features
                        .iter()
                        .map(|f| match f.kind {
                            FeatureKind::Hole(c) =>
                                format!("{} d{:.3}@{:.2},{:.2}", f.name, 2.0 * c.radius, c.centre.x, c.centre.y),
                            _ => f.name.clone(),
                        })
                        .collect::<Vec<_>>(),
                    t.elapsed()
                );
                let back = Design::open(write_dxf(&d).as_bytes(), None).unwrap();
                assert_eq!(back.features.len(), d.features.len());
                assert!((back.area() - d.area()).abs() < 1e-6);
            }
            Err(e) => println!("{n}: {note}ERR {e}"),
        }
    }
}
