//! scratch
use inspector::calibration::*;
use inspector::design::*;
use inspector::geometry::*;
use inspector::photo::*;
use inspector::registration::*;
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let edge: f64 = std::env::args().nth(2).map_or(0.0, |s| s.parse().unwrap());
    let tone = if std::env::args().nth(3).as_deref() == Some("srgb") { Tone::Srgb } else { Tone::Linear };
    let full = |c: Circle<DesignMm>, s: f64| Contour {
        segments: vec![Segment::Arc { circle: c, start: Angle::default(), sweep: Angle::from_degrees(s) }],
    };
    let o = Circle { centre: Point::new(0.0, 0.0), radius: 11.85 };
    let i = Circle { centre: Point::new(0.0, 0.0), radius: 9.5 };
    let design = Design {
        contours: vec![full(o, 360.0), full(i, -360.0)],
        features: vec![
            Feature { name: "outline".into(), kind: FeatureKind::Outline(Some(o)) },
            Feature { name: "hole-1".into(), kind: FeatureKind::Hole(i) },
        ],
    };
    let reference = Reference::Drawing(design);
    let text = std::fs::read_to_string(format!("{dir}/cmm.csv")).unwrap();
    let truth: Vec<(f64, f64)> = text
        .lines()
        .skip(2)
        .map(|l| {
            let f: Vec<&str> = l.split(',').collect();
            (f[1].parse().unwrap(), f[5].parse().unwrap())
        })
        .collect();
    let mut rows = vec![];
    for n in 1..=15 {
        let bytes = std::fs::read(format!("{dir}/CCD4/{n:04}.png")).unwrap();
        let photo = decode(&bytes, &DecodeLimits::default()).unwrap();
        let policy =
            CalibrationPolicy { mm_per_px: 0.017396, u_scale: 0.0002, edge_offset_px: edge, u_edge_px: 0.05, tone };
        let t0 = std::time::Instant::now();
        let part = register(locate(&photo, &policy), &reference);
        let t1 = t0.elapsed();
        let mut v = vec![];
        for (ty, toml) in [
            (&inspector::checks::outline::TYPE, "type='outline'\ndiameter={nominal=23.7,lower=-0.1,upper=0.1}"),
            (
                &inspector::checks::hole::TYPE,
                "type='hole'\nfeature='hole-1'\ndiameter={nominal=19.0,lower=-0.1,upper=0.1}",
            ),
        ] {
            let value = toml::Spanned::new(
                0..toml.len(),
                toml::de::DeValue::Table(toml::de::DeTable::parse(toml).unwrap().into_inner()),
            );
            let c = (ty.parse)(&inspector::checks::Entry::new(value), &reference).unwrap();
            v.push(c.observe(&part).remove(0));
        }
        let get = |o: &inspector::checks::Observation| match &o.outcome {
            inspector::checks::Outcome::Measured { value, u } => (*value, *u),
            o => {
                println!("{o:?}");
                (f64::NAN, 0.0)
            }
        };
        let (out, uo) = get(&v[0]);
        let (inn, ui) = get(&v[1]);
        println!(
            "{n} outer {out:.4} u {uo:.4} d {:+.2} um  inner {inn:.4} u {ui:.4} d {:+.2} um  reg {t1:?}",
            (out - truth[n - 1].1) * 1e3,
            (inn - truth[n - 1].0) * 1e3
        );
        rows.push((out, inn, truth[n - 1].1, truth[n - 1].0));
        if n == 1 {
            if let Ok(Pose::Drawing(p)) = &part.pose {
                let b: Vec<f64> = p.edges.iter().filter_map(|e| e.edge.ok().map(|e| e.blur_px)).collect();
                println!(
                    "blur {:?} scatter {} overlap {}",
                    b.iter().sum::<f64>() / b.len() as f64,
                    p.scatter_mm,
                    p.overlap
                );
            } else {
                println!("{:?}", part.pose.as_ref().err());
            }
        }
    }
    // scale s and edge e from parts 1..5: out_true = s*out - e', in_true = s*in + e'
    let (mut a, mut b) = ([[0.0; 2]; 2], [0.0; 2]);
    for r in &rows[..5] {
        for (m, t, sgn) in [(r.0, r.2, -1.0), (r.1, r.3, 1.0)] {
            let row = [m, sgn];
            for i in 0..2 {
                b[i] += row[i] * t;
                for j in 0..2 {
                    a[i][j] += row[i] * row[j];
                }
            }
        }
    }
    let x = solve_symmetric(a, b).unwrap();
    println!("scale {} edge {} um diameter", x[0], x[1] * 1e3);
    for part in ["outer", "inner"] {
        let d: Vec<f64> = rows[5..]
            .iter()
            .map(|r| if part == "outer" { x[0] * r.0 - x[1] - r.2 } else { x[0] * r.1 + x[1] - r.3 })
            .map(|d| d * 1e3)
            .collect();
        let m = d.iter().sum::<f64>() / d.len() as f64;
        let sd = (d.iter().map(|v| (v - m) * (v - m)).sum::<f64>() / (d.len() - 1) as f64).sqrt();
        let mut ab: Vec<f64> = d.iter().map(|v| v.abs()).collect();
        ab.sort_by(f64::total_cmp);
        println!(
            "{part} mean {m:.2} sd {sd:.2} median|e| {:.2} {:?}",
            (ab[4] + ab[5]) / 2.0,
            d.iter().map(|v| (v * 10.0).round() / 10.0).collect::<Vec<_>>()
        );
    }
}
