//! Real boards against their template: boxes scored as the data set scores them, as they are and turned, shifted, scaled, relit and saved
//! as JPEG 80 by a resampler of this file.

use image::GrayImage;
use image::codecs::jpeg::JpegEncoder;
use inspector::decision::Verdict;
use inspector::inspect::{Inspection, inspect};
use inspector::photo::{DecodeLimits, decode};
use inspector::recipe::Recipe;
use std::path::PathBuf;

/// One pair: template and photo as files, and the boxes `[x0, y0, x1, y1]` that people drew.
struct Pair {
    id: String,
    template: Vec<u8>,
    photo: Vec<u8>,
    boxes: Vec<[f64; 4]>,
}

fn pairs() -> Vec<Pair> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/pcb_pairs");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no board pictures beside the project");
        return Vec::new();
    };
    let mut ids: Vec<String> =
        entries.filter_map(|e| Some(e.ok()?.file_name().to_str()?.strip_suffix("_temp.jpg")?.to_owned())).collect();
    ids.sort();
    let read = |name: String| std::fs::read(folder.join(name)).unwrap();
    let pair = |id: String| Pair {
        template: read(format!("{id}_temp.jpg")),
        photo: read(format!("{id}_test.jpg")),
        boxes: String::from_utf8(read(format!("{id}.txt")))
            .unwrap()
            .lines()
            .map(|line| {
                let n: Vec<f64> = line.split_whitespace().map(|v| v.parse().unwrap()).collect();
                [n[0], n[1], n[2], n[3]]
            })
            .collect(),
        id,
    };
    ids.into_iter().map(pair).collect()
}

fn judge(template: &[u8], photo: &[u8]) -> Inspection {
    let recipe = Recipe::from_picture("template.jpg", template).unwrap();
    inspect(&decode(photo, &DecodeLimits::default()).unwrap(), &recipe, |_| {})
}

fn boxes_of(inspection: &Inspection) -> Vec<[f64; 4]> {
    let regions = inspection.results.iter().flat_map(|r| &r.observation.regions);
    regions.map(|r| [r.x, r.y, r.x + r.w, r.y + r.h].map(f64::from)).collect()
}

fn iou(a: [f64; 4], b: [f64; 4]) -> f64 {
    let overlap = |k: usize| (a[k + 2].min(b[k + 2]) - a[k].max(b[k])).max(0.0);
    let area = |r: [f64; 4]| (r[2] - r[0]) * (r[3] - r[1]);
    let both = overlap(0) * overlap(1);
    both / (area(a) + area(b) - both)
}

/// Counts over many photos.
#[derive(Default)]
struct Score {
    right: usize,
    wrong: usize,
    escaped: usize,
    verdicts: [usize; 3],
}

impl Score {
    /// A box counts when it overlaps one that no earlier box has taken by more than 0.33.
    fn add(&mut self, id: &str, inspection: &Inspection, truth: &[[f64; 4]]) {
        let mut taken = vec![false; truth.len()];
        for found in boxes_of(inspection) {
            let free = (0..truth.len()).filter(|k| !taken[*k]);
            match free.max_by(|a, b| iou(found, truth[*a]).total_cmp(&iou(found, truth[*b]))) {
                Some(k) if iou(found, truth[k]) > 0.33 => {
                    taken[k] = true;
                    self.right += 1;
                }
                _ => {
                    println!("{id}: {found:?} is nobody's");
                    self.wrong += 1;
                }
            }
        }
        for (k, _) in taken.iter().enumerate().filter(|(_, t)| !**t) {
            println!("{id}: {:?} not found", truth[k]);
            self.escaped += 1;
        }
        self.verdicts[inspection.verdict as usize] += 1;
    }
    fn f1(&self, what: &str) -> f64 {
        let right = self.right as f64;
        let (precision, recall) =
            (right / (self.right + self.wrong) as f64, right / (self.right + self.escaped) as f64);
        let f1 = 2.0 * precision * recall / (precision + recall);
        let [pass, refer, fail] = self.verdicts;
        println!(
            "{what}: F1 {f1:.4}, precision {precision:.4}, recall {recall:.4}; {pass} PASS, {refer} REFER, {fail} FAIL"
        );
        f1
    }
}

#[test]
fn boxes_on_aligned_boards() {
    let pairs = pairs();
    if pairs.is_empty() {
        return;
    }
    let mut score = Score::default();
    for p in &pairs {
        score.add(&p.id, &judge(&p.template, &p.photo), &p.boxes);
    }
    assert!(score.f1("as they are") >= 0.98);
    assert_eq!(score.verdicts[Verdict::Pass as usize], 0, "every photo has nonconformities");
}

#[test]
fn boxes_on_boards_turned_shifted_scaled_relit_and_saved_again() {
    let pairs = pairs();
    if pairs.is_empty() {
        return;
    }
    let mut score = Score::default();
    for seed in [11, 12] {
        for (k, p) in pairs.iter().enumerate() {
            let change = Change::seeded(seed * 1000 + k as u64);
            let boxes: Vec<[f64; 4]> = p.boxes.iter().filter_map(|b| change.boxed(*b)).collect();
            score.add(&p.id, &judge(&p.template, &change.photographed(&p.photo)), &boxes);
        }
    }
    assert!(score.f1("changed") >= 0.93);
}

#[test]
fn not_one_box_on_good_boards_changed_the_same_way() {
    for seed in [21, 22] {
        for (k, p) in pairs().iter().enumerate() {
            let change = Change::seeded(seed * 1000 + k as u64);
            let inspection = judge(&p.template, &change.photographed(&p.template));
            assert_eq!(boxes_of(&inspection), [[0.0; 4]; 0], "{} {change:?}", p.id);
            assert_eq!(inspection.verdict, Verdict::Pass, "{} {change:?}", p.id);
        }
    }
}

#[test]
fn another_board_never_passes() {
    let pairs = pairs();
    for (k, p) in pairs.iter().enumerate() {
        let other = &pairs[(k + 1) % pairs.len()];
        let inspection = judge(&other.template, &p.photo);
        assert_ne!(inspection.verdict, Verdict::Pass, "{} against the template of {}", p.id, other.id);
    }
}

/// What is done to a picture before it is judged.
#[derive(Debug)]
struct Change {
    /// Scale times cosine and sine of the turn, about the picture's centre.
    a: f64,
    b: f64,
    shift: [f64; 2],
    gain: f64,
    cubic: bool,
    /// Code beyond the picture; `None` repeats its border.
    beyond: Option<f64>,
}

impl Change {
    fn seeded(seed: u64) -> Self {
        let mut state = seed;
        // SplitMix64, DOI 10.1145/2714064.2660195.
        let mut uniform = move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        };
        let degrees = (0.5 + 4.5 * uniform()) * if uniform() < 0.5 { -1.0 } else { 1.0 };
        let scale = 0.98 + 0.04 * uniform();
        let turn = degrees.to_radians();
        Self {
            a: scale * turn.cos(),
            b: scale * turn.sin(),
            shift: [40.0 * uniform() - 20.0, 40.0 * uniform() - 20.0],
            gain: 0.8 + 0.4 * uniform(),
            cubic: uniform() < 0.5,
            beyond: [None, Some(0.0), Some(255.0), Some(128.0)][(4.0 * uniform()) as usize],
        }
    }

    /// Where a position of a picture of 640 x 640 lands.
    fn forward(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (x, y) = (x - 319.5, y - 319.5);
        [self.a * x - self.b * y + 319.5 + self.shift[0], self.b * x + self.a * y + 319.5 + self.shift[1]]
    }

    /// The upright box around a changed box, cut to the picture; `None` when it has left it.
    fn boxed(&self, [x0, y0, x1, y1]: [f64; 4]) -> Option<[f64; 4]> {
        let corners = [[x0, y0], [x1, y0], [x0, y1], [x1, y1]].map(|c| self.forward(c));
        let low = |k: usize| corners.iter().map(|c| c[k]).fold(f64::INFINITY, f64::min).clamp(0.0, 640.0);
        let high = |k: usize| corners.iter().map(|c| c[k]).fold(f64::NEG_INFINITY, f64::max).clamp(0.0, 640.0);
        let cut = [low(0), low(1), high(0), high(1)];
        (cut[2] - cut[0] > 4.0 && cut[3] - cut[1] > 4.0).then_some(cut)
    }

    fn photographed(&self, file: &[u8]) -> Vec<u8> {
        let source = image::load_from_memory(file).unwrap().to_luma8();
        let norm = self.a * self.a + self.b * self.b;
        let changed = GrayImage::from_fn(source.width(), source.height(), |x, y| {
            let (x, y) = (f64::from(x) - 319.5 - self.shift[0], f64::from(y) - 319.5 - self.shift[1]);
            let (x, y) = ((self.a * x + self.b * y) / norm + 319.5, (self.a * y - self.b * x) / norm + 319.5);
            let code = self.sample(&source, x, y).clamp(0.0, 255.0) * self.gain;
            image::Luma([code.round().clamp(0.0, 255.0) as u8])
        });
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 80).encode_image(&changed).unwrap();
        jpeg
    }

    /// Bilinear, or Keys' cubic convolution (a = -1/2).
    fn sample(&self, source: &GrayImage, x: f64, y: f64) -> f64 {
        let at = |x: i64, y: i64| {
            let (w, h) = (i64::from(source.width()), i64::from(source.height()));
            let inside = (0..w).contains(&x) && (0..h).contains(&y);
            let repeated = f64::from(source.get_pixel(x.clamp(0, w - 1) as u32, y.clamp(0, h - 1) as u32).0[0]);
            if inside { repeated } else { self.beyond.unwrap_or(repeated) }
        };
        let kernel = |t: f64| {
            let t = t.abs();
            match (self.cubic, t) {
                (false, _) => (1.0 - t).max(0.0),
                (true, 0.0..1.0) => (1.5 * t - 2.5) * t * t + 1.0,
                (true, 1.0..2.0) => ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0,
                _ => 0.0,
            }
        };
        let (xi, yi) = (x.floor() as i64, y.floor() as i64);
        let row = |yy: i64| (xi - 1..=xi + 2).map(|xx| kernel(x - xx as f64) * at(xx, yy)).sum::<f64>();
        (yi - 1..=yi + 2).map(|yy| kernel(y - yy as f64) * row(yy)).sum()
    }
}
