//! Codes of squares: QR, Data Matrix, Aztec. rxing finds and decodes; here is what is asked of it, and what its refusals mean.

use super::guard::guarded;
use super::{Format, Formats};
use rxing::common::cpp_essentials::ConcentricPattern;
use rxing::common::{BitMatrix, DetectorRXingResult};
use rxing::qrcode::cpp_port::{decoder as qr, detector as qr_finder};
use rxing::{aztec, datamatrix};

/// Most QR symbols that are tried in one black and white picture: three finder patterns stand together by chance in texture.
const MAX_QR_SETS: usize = 60;

/// A corner in the view, px.
type Corner = (f64, f64);

/// A symbol that was found in a black and white picture.
#[derive(Clone, Debug)]
pub(super) struct Symbol {
    pub(super) format: Format,
    pub(super) corners: [Corner; 4],
    /// What it says; `None` when its squares do not make sense.
    pub(super) text: Option<String>,
}

/// Every symbol of these formats. `thorough` looks for Data Matrix symbols everywhere, not only through the middle.
pub(super) fn symbols(bits: &BitMatrix, formats: Formats, thorough: bool) -> Vec<Symbol> {
    let mut found = Vec::new();
    if formats.has(Format::Qr) {
        found.extend(guarded(|| Some(qr_symbols(bits))).unwrap_or_default());
    }
    if formats.has(Format::DataMatrix) {
        found.extend(guarded(|| Some(data_matrix_symbols(bits, thorough))).unwrap_or_default());
    }
    if formats.has(Format::Aztec) {
        found.extend(guarded(|| aztec_symbol(bits)));
    }
    found
}

fn qr_symbols(bits: &BitMatrix) -> Vec<Symbol> {
    let mut patterns = qr_finder::FindFinderPatterns(bits, true, 0);
    let sets = qr_finder::GenerateFinderPatternSets(&mut patterns);
    let mut found: Vec<Symbol> = Vec::new();
    let mut used: Vec<ConcentricPattern> = Vec::new();
    let mut broken: Option<Symbol> = None;
    for set in sets.iter().take(MAX_QR_SETS) {
        let three = [set.bl, set.tl, set.tr];
        if three.iter().any(|p| used.contains(p)) {
            continue;
        }
        let Some(sampled) = guarded(|| qr_finder::SampleQR(bits, set).ok()) else { continue };
        let text = guarded(|| qr::Decode(sampled.getBits()).ok()).filter(|d| d.isValid()).map(|d| d.text());
        let symbol = Symbol { format: Format::Qr, corners: corners(sampled.getPoints()), text };
        if symbol.text.is_some() {
            used.extend(three);
            found.push(symbol);
        } else if looks_real(bits, set, sampled.getBits()) {
            broken.get_or_insert(symbol);
        }
    }
    if found.is_empty() {
        found.extend(broken.or_else(|| two_finder_patterns(bits, &patterns)));
    }
    found
}

/// True when a symbol without a text is one all the same: both lines of dark and light in turn between the finder patterns are there, or one of
/// them and all three patterns, module by module, for a symbol that is torn or dirty in the middle. Texture has neither.
fn looks_real(bits: &BitMatrix, set: &qr_finder::FinderPatternSet, sampled: &BitMatrix) -> bool {
    match timing_lines(sampled) {
        2 => true,
        1 => {
            let (dx, dy) = (f64::from(set.tr.p.x - set.tl.p.x), f64::from(set.tr.p.y - set.tl.p.y));
            let module = f64::from(set.bl.size + set.tl.size + set.tr.size) / 21.0;
            let scale = module / (dx * dx + dy * dy).sqrt().max(1e-9);
            [set.bl, set.tl, set.tr].iter().all(|p| is_finder(bits, p, (dx * scale, dy * scale)))
        }
        _ => false,
    }
}

/// How many of the two timing lines are there for the most part.
fn timing_lines(modules: &BitMatrix) -> usize {
    let n = modules.getWidth();
    let line: Vec<u32> = (8..n.saturating_sub(8)).collect();
    let right = |at: &dyn Fn(u32) -> bool| line.iter().filter(|i| at(**i) == (**i % 2 == 0)).count();
    let good = |count: usize| usize::from(n >= 21 && 4 * count >= 3 * line.len());
    good(right(&|i| modules.get(i, 6))) + good(right(&|i| modules.get(6, i)))
}

/// Two finder patterns of one size at a distance that a symbol has: what is left of a QR code when a corner is torn off.
fn two_finder_patterns(bits: &BitMatrix, patterns: &[ConcentricPattern]) -> Option<Symbol> {
    for (i, a) in patterns.iter().enumerate() {
        for b in &patterns[i + 1..] {
            let (size_a, size_b) = (f64::from(a.size), f64::from(b.size));
            let (dx, dy) = (f64::from(b.p.x - a.p.x), f64::from(b.p.y - a.p.y));
            let size = 0.5 * (size_a + size_b);
            let apart = (dx * dx + dy * dy).sqrt() / size;
            // 7 modules a pattern; centres of a symbol are 14 to 170 modules apart, 1.4 times more on the diagonal.
            if size_a.min(size_b) < 10.0 || (size_a / size_b - 1.0).abs() >= 0.2 || !(2.0..16.0).contains(&apart) {
                continue;
            }
            // The line between them runs along the symbol's side, or along its diagonal.
            let side = (dx / (7.0 * apart), dy / (7.0 * apart));
            let h = std::f64::consts::FRAC_1_SQRT_2;
            let slanting = ((side.0 - side.1) * h, (side.0 + side.1) * h);
            let both = |step: (f64, f64)| is_finder(bits, a, step) && is_finder(bits, b, step);
            if both(side) || both(slanting) {
                let (x, y) = (f64::from(a.p.x + b.p.x) * 0.5, f64::from(a.p.y + b.p.y) * 0.5);
                let half = 0.5 * apart * size + size;
                let corners = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)];
                return Some(Symbol { format: Format::Qr, corners, text: None });
            }
        }
    }
    None
}

/// True when at least 45 of the 49 modules round the pattern's centre are those of a finder pattern; `step` leads from module to module.
fn is_finder(bits: &BitMatrix, pattern: &ConcentricPattern, step: (f64, f64)) -> bool {
    let (x, y) = (f64::from(pattern.p.x), f64::from(pattern.p.y));
    let module = |i: i32, j: i32| {
        let (i, j) = (f64::from(i), f64::from(j));
        let (px, py) = (x + i * step.0 - j * step.1, y + i * step.1 + j * step.0);
        let inside = px >= 0.0 && py >= 0.0 && px < f64::from(bits.getWidth()) && py < f64::from(bits.getHeight());
        inside && bits.get(px as u32, py as u32)
    };
    let fits = |(i, j): (i32, i32)| module(i, j) == (i.abs().max(j.abs()) != 2);
    let all = (-3..=3).flat_map(|j| (-3..=3).map(move |i| (i, j)));
    all.filter(|at| fits(*at)).count() >= 45
}

fn data_matrix_symbols(bits: &BitMatrix, thorough: bool) -> Vec<Symbol> {
    let decoder = datamatrix::decoder::Decoder::new();
    let detected = guarded(|| datamatrix::detector::zxing_cpp_detector::detect(bits, thorough, true).ok());
    let mut found: Vec<Symbol> = Vec::new();
    for symbol in detected.unwrap_or_default() {
        let text = guarded(|| decoder.decode(symbol.getBits()).ok()).map(|d| d.getText().to_owned());
        found.push(Symbol { format: Format::DataMatrix, corners: corners(symbol.getPoints()), text });
    }
    if thorough && !found.iter().any(|s| s.text.is_some()) {
        // The older detector copes with other pictures.
        let older = guarded(|| datamatrix::detector::Detector::new(bits).ok()?.detect().ok());
        if let Some(symbol) = older {
            let text = guarded(|| decoder.decode(symbol.getBits()).ok()).map(|d| d.getText().to_owned());
            if text.is_some() {
                found.push(Symbol { format: Format::DataMatrix, corners: corners(symbol.getPoints()), text });
            }
        }
    }
    found
}

/// The one symbol round the middle of the picture.
fn aztec_symbol(bits: &BitMatrix) -> Option<Symbol> {
    for mirrored in [false, true] {
        let detected = guarded(|| aztec::detector::Detector::new(bits).detect(mirrored).ok());
        let Some(detected) = detected else { continue };
        let text = guarded(|| aztec::decoder::decode(&detected).ok()).map(|d| d.getText().to_owned());
        if text.is_some() || mirrored {
            return Some(Symbol { format: Format::Aztec, corners: corners(detected.getPoints()), text });
        }
    }
    None
}

/// The four corners that were found, or the corners of the box round all points.
fn corners(points: &[rxing::Point]) -> [Corner; 4] {
    let place = |p: &rxing::Point| (f64::from(p.x), f64::from(p.y));
    if let [a, b, c, d] = points {
        return [place(a), place(b), place(c), place(d)];
    }
    let (mut lo, mut hi) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
    for (x, y) in points.iter().map(place) {
        lo = (lo.0.min(x), lo.1.min(y));
        hi = (hi.0.max(x), hi.1.max(y));
    }
    [lo, (hi.0, lo.1), hi, (lo.0, hi.1)]
}
