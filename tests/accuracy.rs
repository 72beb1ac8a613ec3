//! The accuracy table: operator, sweep, bias and sigma, on pictures whose truth is exact.
//!
//! Printed with `cargo test --release -p acceptance accuracy -- --nocapture`. Envelopes are the bars of the product; the figures in
//! the comments are what was measured on 2026-11-22.

mod mat;

use inspector::calibration::{CalibrationPolicy, Tone, locate};
use inspector::design::Reference;
use inspector::geometry::{Angle, DesignMm, ImagePx, Point, Similarity, Vector};
use inspector::measure::Silhouette;
use inspector::measure::edge::{Probe, find_edge};
use inspector::photo::{DecodeLimits, decode};
use inspector::registration::register;
use inspector::synth::{Noise, Rendered, Scene, Seeded, parts};

/// Mean and standard deviation.
fn statistics(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt())
}

fn policy(mm_per_px: f64) -> CalibrationPolicy {
    CalibrationPolicy { u_edge_px: 0.02, ..CalibrationPolicy::of(mm_per_px) }
}

/// The least standard deviation, px, with which any unbiased estimator finds the place of a straight edge, over the noise of a pixel as a share of the step.
///
/// The light at distance d is b + a G(d - s), G the integral of a Gaussian of standard deviation `blur`; white noise; `length` px of edge. Of the place s
/// the pixels know a² length / noise² ∫ g² = a² length / (noise² 2 √π blur): the Cramér-Rao bound with all else known (Kay 1993, Fundamentals of Statistical
/// Signal Processing: Estimation Theory, 3.5). The derivatives for blur and for the height of the step, about its middle level, are odd about the edge where
/// the one for s is even: not to know them costs nothing. The one for the middle level is even: within `window` px across it takes (∫ g)² / window = 1 /
/// window of ∫ g² (Schur complement of the information matrix; Kay 1993, 3.7).
fn least_sigma(blur: f64, length: f64, window: f64) -> f64 {
    1.0 / (length * (1.0 / (2.0 * std::f64::consts::PI.sqrt() * blur) - 1.0 / window)).sqrt()
}

/// Straight edges at angles all round, blur 0.7 to 2.5 px, with noise of 1 % of the step (40 dB) and without. 2026-11-26, with noise: bias 0.001 px, at
/// no angle above 0.007 px; sigma 1.22 to 1.43 x the bound with all else known, which is 0.98 to 1.04 x the bound with what the fit finds out by itself. Without:
/// bias -0.003 to -0.006 px (rounding to 8 bits of linear light), at no angle above 0.012 px.
#[test]
fn straight_edges() {
    const LENGTH_PX: f64 = 6.0;
    let design = parts::rounded_rectangle(60.0, 40.0, 4.0, &[]);
    println!(
        "| blur px | SNR | edges | bias px | worst bias of an angle px | sigma px | over Cramér-Rao, all else known | levels and blur not known |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (blur, share) in [0.0, 0.01].into_iter().flat_map(|share| [0.7, 1.0, 1.6, 2.5].map(|blur| (blur, share))) {
        let mut random = Seeded::new(7, (blur * 10.0) as u64);
        let (mut offsets, mut of_angles) = (Vec::new(), Vec::new());
        for (k, degrees) in
            [0.0, 1.0, 7.0, 14.0, 22.5, 30.0, 45.0, 58.0, 73.0, 88.5, 200.0, 290.0].into_iter().enumerate()
        {
            let mut scene = Scene::new(&design, 900, 900, 0.1);
            scene.tone = Tone::Linear;
            scene.blur_px = blur;
            let step = scene.background.rgb[1] - scene.part.rgb[1];
            scene.noise = Noise { read: share * step, shot: 0.0 };
            scene.seed = k as u64;
            let shift = Vector::new(random.between(-3.0, 3.0), random.between(-3.0, 3.0));
            let scene = scene.placed(&design, 0.1, Angle::from_degrees(degrees), shift);
            let found = offsets_of(&scene, &design, 0.5 * LENGTH_PX);
            of_angles.push(statistics(&found).0);
            offsets.extend(found);
        }
        let (bias, sigma) = statistics(&offsets);
        let worst = of_angles.iter().fold(0.0_f64, |m, b| if b.abs() > m.abs() { *b } else { m });
        // The pixel's box is a blur of its own.
        let seen = (blur * blur + 1.0 / 12.0_f64).sqrt();
        // Half of the window that `find_edge` takes: 5 px, or 4.2 blurs when that is clearly more.
        let half = if 4.2 * seen < 6.0 { 5.0 } else { (4.2 * seen).min(9.0) };
        let [known, unknown] = [f64::INFINITY, 2.0 * half].map(|window| share * least_sigma(seen, LENGTH_PX, window));
        let (snr, over) = match share {
            0.0 => ("8 bits", "- | -".to_owned()),
            _ => ("40 dB", format!("{:.2} | {:.2}", sigma / known, sigma / unknown)),
        };
        println!("| {blur} | {snr} | {} | {bias:+.4} | {worst:+.4} | {sigma:.4} | {over} |", offsets.len());
        assert!(bias.abs() <= 0.02 && worst.abs() <= 0.02, "bias {bias}, at one angle {worst}, at blur {blur}");
        // Without noise what is left is the rounding to 8 bits.
        assert!(sigma <= if share > 0.0 { 1.5 * known } else { 0.01 }, "sigma {sigma} at blur {blur}, bound {known}");
    }
}

/// How far edges along the two long sides of the plate are found outside of the truth, px.
fn offsets_of(scene: &Scene, design: &inspector::design::Design, half_length_px: f64) -> Vec<f64> {
    let rendered = Rendered::new(scene, design, None).expect("a good part");
    let plane = Tone::Linear.linear(&rendered.picture);
    let silhouette = Silhouette::find(&plane, 240_000.0, None).expect("a part").remove(0);
    let offset = |side: f64, place: i32| {
        let at = Point::<DesignMm>::new(f64::from(place) * 2.0, 20.0 * side);
        let normal = scene.image_from_design.apply_vector(Vector::new(0.0, side)).unit().expect("a direction");
        // Aim beside the edge: the search must bring it home.
        let p = scene.image_from_design.apply(at) + normal * 1.3;
        let probe = Probe { p, normal, curvature: 0.0, reach_px: 6.0, half_length_px, relief: None };
        find_edge(&plane, &silhouette.light, &probe).expect("an edge").offset_px + 1.3
    };
    [-1.0, 1.0]
        .into_iter()
        .flat_map(|side| (-10..=10).map(move |place| (side, place)))
        .map(|(s, p)| offset(s, p))
        .collect()
}

/// Hole diameters in 6-megapixel photos: any turn, blur 0.7 to 1.6 px, noise, uneven light, sRGB, JPEG 90. The bar: bias 0.02 px,
/// sigma 0.03 px.
#[test]
fn hole_diameters() {
    let mut errors = Vec::new();
    let mut poses = Vec::new();
    for k in 0..12 {
        let mut random = Seeded::new(11, k);
        let design = parts::random_plate(k);
        let scale = 0.06;
        let mut scene = Scene::new(&design, 3000, 2000, scale);
        scene.blur_px = random.between(0.7, 1.6);
        scene.noise = Noise { read: 0.004, shot: 1e-4 };
        scene.illumination.right = random.between(-0.2, 0.2);
        scene.illumination.down = random.between(-0.2, 0.2);
        scene.seed = k;
        let scene = scene.placed(
            &design,
            scale,
            Angle::from_degrees(random.between(0.0, 360.0)),
            Vector::new(random.between(-30.0, 30.0), 5.0),
        );
        let rendered = Rendered::new(&scene, &design, None).expect("a good part");
        let photo = decode(&rendered.jpeg(90), &DecodeLimits::default()).expect("a photo");
        let recipe = support::recipe(design.clone(), policy(scale));
        let found = inspector::inspect::inspect(&photo, &recipe, |_| ());
        for result in &found.results {
            let id = &result.characteristic.id;
            let inspector::checks::Outcome::Measured { value, .. } = result.observation.outcome else {
                panic!("{id} of part {k}: {:?}", result.observation)
            };
            if let Some(name) = id.strip_suffix(".diameter") {
                let truth = rendered.truth.features.iter().find(|f| f.name == name).and_then(|f| f.diameter_mm);
                errors.push((value - truth.expect("a hole")) / scale);
            } else if id.ends_with(".position") {
                poses.push(value / 2.0 / scale);
            }
        }
    }
    let (bias, sigma) = statistics(&errors);
    let worst = errors.iter().fold(0.0_f64, |m, e| m.max(e.abs()));
    let (centre, _) = statistics(&poses);
    println!(
        "holes {}: diameter bias {bias:+.4} px, sigma {sigma:.4} px, worst {worst:.4} px; centres off by {centre:.4} px on average",
        errors.len()
    );
    assert!(errors.len() >= 40);
    assert!(bias.abs() <= 0.02 && sigma <= 0.03, "bias {bias}, sigma {sigma}");
    assert!(centre < 0.1);
}

/// The pose itself: how far the drawing's corners land from the truth.
#[test]
fn poses() {
    let mut worst = 0.0_f64;
    for k in 0..12_u64 {
        let mut random = Seeded::new(5, k);
        let design = [parts::visor(), parts::frame(), parts::bracket()][k as usize % 3].clone();
        let (w, h, _) = parts::extent(&design);
        let scale = w.hypot(h) / 1150.0;
        let mut scene = Scene::new(&design, 1600, 1200, scale);
        scene.noise = Noise { read: 0.004, shot: 1e-4 };
        let scene =
            scene.placed(&design, scale, Angle::from_degrees(random.between(0.0, 360.0)), Vector::new(8.0, -5.0));
        let rendered = Rendered::new(&scene, &design, None).expect("a good part");
        let reference = Reference::Drawing(design.clone());
        let photo = rendered.photo();
        let part = register(locate(&photo, &policy(scale)), &reference);
        let pose = part.drawing().unwrap_or_else(|reason| panic!("part {k}: {reason}"));
        let image = |p: Point<DesignMm>| -> Point<ImagePx> {
            part.located.camera().image_from_plane(pose.plane_from_design.apply(p), inspector::geometry::Mm(0.0))
        };
        let truth: Similarity<DesignMm, ImagePx> = scene.image_from_design;
        for p in design.contours[0].polygon(0.5) {
            worst = worst.max(image(p).distance(truth.apply(p)));
        }
    }
    println!("pose: worst point of the outline {worst:.4} px from the truth");
    assert!(worst < 0.06);
}

/// What the tests build by hand.
mod support {
    use inspector::calibration::{Calibration, CalibrationPolicy};
    use inspector::checks::{Context, Entry, REGISTRY};
    use inspector::decision::Rule;
    use inspector::design::{Design, Reference};
    use inspector::models::Models;
    use inspector::photo::Sha256;
    use inspector::recipe::Recipe;

    /// The checks that are proposed for a design: diameters, positions, profiles, what is missing and what is too much.
    pub(super) fn recipe(design: Design, calibration: CalibrationPolicy) -> Recipe {
        let wanted = ["outline", "hole", "profile", "missing", "extra"];
        let types = REGISTRY.iter().filter(|t| wanted.contains(&t.name));
        let entries: Vec<String> = types.flat_map(|t| (t.propose)(&design, calibration.mm_per_px)).collect();
        recipe_of(design, Calibration::Known(calibration), &entries)
    }

    /// A recipe of these `[[check]]` entries.
    pub(super) fn recipe_of(design: Design, calibration: Calibration, entries: &[String]) -> Recipe {
        let reference = Reference::Drawing(design);
        let models = Models::default();
        let context = Context { reference: &reference, models: &models };
        let check = |text: &String| {
            let table = toml::de::DeTable::parse(text).expect("TOML").into_inner();
            let entry = Entry::new(toml::Spanned::new(0..text.len(), toml::de::DeValue::Table(table)));
            let word = entry.type_name().expect("a type");
            let check_type = REGISTRY.iter().find(|t| t.name == word).expect("a check");
            (check_type.parse)(&entry, &context).expect("the entry opens")
        };
        let checks = entries.iter().map(check).collect();
        let (part, hash) = ("P".into(), Sha256([0; 32]));
        Recipe {
            part,
            revision: None,
            hash,
            calibration,
            rule: Rule::Guarded,
            reference,
            models,
            checks,
            scale_by_hand: None,
        }
    }
}
