//! `assay mat`: the sheet on which parts are photographed.

use super::{OK, write_new};
use anyhow::{Result, ensure};
use inspector::calibration::Tone;
use inspector::calibration::mat::{IDS, Layout, Paper};
use inspector::geometry::{PlaneMm, Point};
use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};
use std::io::Write as _;
use std::path::PathBuf;

/// Print the mat on which parts are photographed
#[derive(clap::Args)]
#[command(after_help = "Examples:
  assay mat --paper A4 mat.pdf
  assay mat --paper Letter --station lab-2 --id 17 mat.pdf

Print it at 100 % on matt paper, glue it to a flat board, and measure the distances between the crosses: printers are off by 0.2 to
0.5 %, differently across and up.")]
pub(super) struct Mat {
    /// Size of the sheet: A4, A3 or Letter
    #[arg(long, value_parser = paper)]
    paper: Paper,
    /// Station that will use it; printed on the sheet
    #[arg(long, default_value = "")]
    station: String,
    /// Number of this mat, 0 to 4095: the tags carry it, so that a mat is not taken for another one. Drawn by lot when left away
    #[arg(long)]
    id: Option<u16>,
    /// File to write; must not exist
    #[arg(value_name = "OUT")]
    out: PathBuf,
}

pub(super) fn paper(text: &str) -> Result<Paper, String> {
    let known = Paper::ALL.into_iter().find(|p| p.to_string().eq_ignore_ascii_case(text));
    known.ok_or_else(|| format!("expected A4, A3 or Letter, found {text:?}"))
}

impl Mat {
    pub(super) fn run(self) -> Result<u8> {
        let id = self.id.unwrap_or_else(by_lot);
        ensure!(id < IDS, "--id: expected 0 to {}, found {id}", IDS - 1);
        ensure!(
            self.station.chars().all(|c| c.is_ascii() && !c.is_ascii_control()),
            "--station: expected letters, digits and signs of ASCII, found {:?}",
            self.station
        );
        let pdf_name = self.out.extension().is_some_and(|e| e.eq_ignore_ascii_case("pdf"));
        ensure!(pdf_name, "the sheet is a PDF: expected a file name that ends in .pdf, found {}", self.out.display());
        let layout = Layout::new(self.paper, id);
        write_new(&self.out, &pdf(&layout, &self.station))?;
        let [x, y] = layout.distances.map(|d| d.nominal_mm());
        let [w, h] = layout.quiet_mm;
        let mut out = std::io::stdout().lock();
        writeln!(out, "Wrote {}: {}, mat {id}, {w:.0} x {h:.0} mm free for the part.", self.out.display(), self.paper)?;
        writeln!(
            out,
            "Print it at 100 % and glue it to a flat board. Measure from cross to cross: {x:.1} mm across, {y:.1} mm up."
        )?;
        Ok(OK)
    }
}

/// A number that two mats seldom share.
fn by_lot() -> u16 {
    let ulid = ulid::Ulid::generate().to_bytes();
    u16::from_be_bytes([ulid[14], ulid[15]]) % IDS
}

/// Points of PDF per millimetre.
const POINTS: f32 = 72.0 / 25.4;
/// Type that every viewer and printer has.
const TYPE: Name<'static> = Name(b"F1");
/// Half of a cross's arms along and across the gap between two tags, and its line, mm.
const CROSS: [f32; 2] = [5.0, 1.2];
const LINE: f32 = 0.1;
/// Size of the instructions' type, mm.
const SMALL: f32 = 2.1;

/// The sheet as a PDF of one page, exactly to size; the numbers in it are millimetres from its middle.
fn pdf(layout: &Layout, station: &str) -> Vec<u8> {
    let [catalog, pages, page_id, font, stream, info] = [1, 2, 3, 4, 5, 6].map(Ref::new);
    let mut pdf = Pdf::new();
    let mut root = pdf.catalog(catalog);
    root.pages(pages);
    // Viewers then offer 100 % first.
    root.viewer_preferences().pair(Name(b"PrintScaling"), Name(b"None"));
    root.finish();
    pdf.pages(pages).kids([page_id]).count(1);
    let [w, h] = layout.paper.size_mm().map(|s| s as f32 * POINTS);
    let mut page = pdf.page(page_id);
    page.media_box(Rect::new(0.0, 0.0, w, h)).parent(pages).contents(stream);
    page.resources().fonts().pair(TYPE, font);
    page.finish();
    pdf.type1_font(font).base_font(Name(b"Helvetica"));
    pdf.document_info(info).title(TextStr(&format!("Assay mat {:04}, {}", layout.id, layout.paper)));
    let mut content = Content::new();
    content.transform([POINTS, 0.0, 0.0, POINTS, 0.5 * w, 0.5 * h]);
    shapes(&mut content, layout);
    crosses(&mut content, layout);
    for line in layout.texts(station) {
        text(&mut content, line.at, line.size_mm as f32, &line.text);
    }
    instructions(&mut content, layout);
    pdf.stream(stream, &content.finish());
    pdf.finish()
}

fn shapes(content: &mut Content, layout: &Layout) {
    for shape in layout.shapes() {
        let [r, g, b] = shape.light.map(|l| Tone::Srgb.code(l) as f32);
        // Plain grey prints with black ink alone.
        if r == g && g == b {
            content.set_fill_gray(r)
        } else {
            content.set_fill_rgb(r, g, b)
        };
        for (i, p) in shape.outline.iter().enumerate() {
            let (x, y) = (p.x as f32, p.y as f32);
            if i == 0 {
                content.move_to(x, y)
            } else {
                content.line_to(x, y)
            };
        }
        content.close_path().fill_nonzero();
    }
}

/// Fine crosses at the ends of the two distances, long arms along the gap between the tags.
fn crosses(content: &mut Content, layout: &Layout) {
    content.set_stroke_gray(0.0).set_line_width(LINE);
    for (name, d) in ["x", "y"].into_iter().zip(layout.distances) {
        for p in [d.from, d.to] {
            let (x, y) = (p.x as f32, p.y as f32);
            let beside = |t: &&inspector::calibration::mat::Tag| (t.centre.y - p.y).abs() > (t.centre.x - p.x).abs();
            let nearest = layout.tags.iter().min_by(|a, b| a.centre.distance(p).total_cmp(&b.centre.distance(p)));
            // The gap runs across when the nearest tag lies above or below.
            let [dx, dy] = if nearest.as_ref().is_some_and(beside) { CROSS } else { [CROSS[1], CROSS[0]] };
            content.move_to(x - dx, y).line_to(x + dx, y).stroke();
            content.move_to(x, y - dy).line_to(x, y + dy).stroke();
            let at = if dx > dy { Point::new(p.x - 6.4, p.y - 0.6) } else { Point::new(p.x - 0.6, p.y - 6.6) };
            text(content, at, SMALL, name);
        }
    }
}

/// In the margins, which some printers cut: nothing is lost with them.
fn instructions(content: &mut Content, layout: &Layout) {
    let [x, y] = layout.half_ring_mm();
    let lines = [
        (y + 4.6, "1. Print at 100 %, not fitted to the page, on matt paper. Glue the sheet to a flat board."),
        (
            -y - 6.4,
            "2. Measure from cross to cross, x and y, with a caliper or a steel rule. Write the figures on the sheet.",
        ),
        (
            -y - 9.2,
            "3. Calibrate the camera once: assay calibrate. Fill the picture with the mat; keep parts off the tags.",
        ),
    ];
    for (y, line) in lines {
        text(content, Point::new(-x, y), SMALL, line);
    }
}

fn text(content: &mut Content, at: Point<PlaneMm>, size_mm: f32, line: &str) {
    content.set_fill_gray(0.0).begin_text().set_font(TYPE, size_mm).next_line(at.x as f32, at.y as f32);
    content.show(Str(line.as_bytes())).end_text();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The drawing's operators with their operands.
    fn operators(pdf: &[u8]) -> Vec<(Vec<f64>, String)> {
        let text = String::from_utf8_lossy(pdf);
        let start = text.find("stream\n").unwrap() + 7;
        let stream = &text[start..start + text[start..].find("endstream").unwrap()];
        let mut out = Vec::new();
        let mut operands = Vec::new();
        for word in stream.split_whitespace() {
            match word.parse::<f64>() {
                Ok(number) => operands.push(number),
                Err(_) => out.push((std::mem::take(&mut operands), word.to_owned())),
            }
        }
        out
    }

    #[test]
    fn the_page_has_its_size_and_every_corner_its_place() {
        for paper in Paper::ALL {
            let layout = Layout::new(paper, 99);
            let pdf = pdf(&layout, "lab-2");
            let text = String::from_utf8_lossy(&pdf);
            let [w, h] = paper.size_mm().map(|s| s * 72.0 / 25.4);
            let numbers = text.split("/MediaBox [").nth(1).unwrap().split(']').next().unwrap();
            let found: Vec<f64> = numbers.split_whitespace().map(|n| n.parse().unwrap()).collect();
            assert!((found[2] - w).abs() < 1e-3 && (found[3] - h).abs() < 1e-3, "{paper}: {found:?}");
            let drawn = operators(&pdf);
            let (matrix, _) = drawn.iter().find(|(_, o)| o == "cm").unwrap();
            assert!((matrix[0] - 72.0 / 25.4).abs() < 1e-6 && matrix[1] == 0.0 && matrix[0] == matrix[3]);
            assert!((matrix[4] - 0.5 * w).abs() < 1e-3 && (matrix[5] - 0.5 * h).abs() < 1e-3);
            // Every corner of every shape, in order, to a tenth of a micrometre.
            let path: Vec<&Vec<f64>> = drawn.iter().filter(|(_, o)| o == "m" || o == "l").map(|(n, _)| n).collect();
            let wanted: Vec<_> = layout.shapes().into_iter().flat_map(|s| s.outline).collect();
            assert!(path.len() > wanted.len());
            for (p, q) in wanted.iter().zip(path) {
                assert!((p.x - q[0]).abs() < 1e-4 && (p.y - q[1]).abs() < 1e-4, "{paper}: {p:?} {q:?}");
            }
            assert!(text.contains("lab-2") && text.contains("mat 0099"));
        }
    }
}
