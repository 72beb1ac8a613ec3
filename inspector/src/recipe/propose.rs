//! From a design file to a recipe folder: what `assay recipe new` writes.

use super::told::{counted, names, sheet, unchecked};
use super::{Forecast, Recipe, RecipeError, assemble, forecast, names_svg, text};
use crate::Error;
use crate::calibration::mat::{Layout, Paper};
use crate::calibration::{Calibration, CalibrationPolicy, CameraRecord, Day, ScaleRecord};
use crate::checks::{Needs, REGISTRY};
use crate::design::{Design, DesignError, FeatureKind, Reference, Units};
use crate::models::Models;
use crate::photo::{DecodeLimits, Sha256, decode};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// What a drawing does not say.
#[derive(Clone, Debug)]
pub struct ProposeOptions {
    /// Part number.
    pub part: String,
    /// Revision of the part.
    pub revision: Option<String>,
    /// Where the scale comes from. Not used for a picture.
    pub scale: ProposedScale,
    /// Thickness of the part, mm: must be said of parts on a mat.
    pub thickness_mm: Option<f64>,
    /// Unit of the drawing, when it does not say one.
    pub units: Option<Units>,
    /// Name of the design file in the recipe's folder.
    pub file_name: String,
}

/// Where the scale of a proposed recipe comes from.
#[derive(Clone, Debug)]
pub enum ProposedScale {
    /// Size of a pixel of the camera at the part, mm; nothing else is known of the camera.
    MmPerPx(f64),
    /// As parts of known size told.
    Record(Box<ScaleRecord>),
    /// Every photo shows a printed mat.
    Mat(ProposedMat),
}

impl ProposedScale {
    /// About how large a pixel will be at the part, mm: people leave room around a mat.
    fn about_mm_per_px(&self) -> f64 {
        match self {
            Self::MmPerPx(mm) => *mm,
            Self::Record(record) => record.calibration.mm_per_px,
            Self::Mat(mat) => mat.mm_per_px() / FILLED,
        }
    }
}

/// The mat that parts will lie on.
#[derive(Clone, Debug)]
pub struct ProposedMat {
    /// Size of the sheet.
    pub paper: Paper,
    /// Its number; `None` for any mat of this paper.
    pub id: Option<u16>,
    /// Its distances as they were measured after printing, across and up, mm.
    pub measured_mm: [Option<f64>; 2],
    /// The day on which they were.
    pub measured_on: Option<Day>,
    /// Bytes of the camera's record.
    pub camera: Option<Vec<u8>>,
}

/// Share of a photo's width that a mat usually fills.
const FILLED: f64 = 0.75;

impl ProposedMat {
    /// Size of the photos, the longer side first, px: those of the camera's record, or 12 megapixels.
    fn photo_px(&self) -> [u32; 2] {
        let record = self.camera.as_deref().and_then(|bytes| CameraRecord::read(std::str::from_utf8(bytes).ok()?).ok());
        record.map_or([4000, 3000], |r| [r.width.max(r.height), r.width.min(r.height)])
    }
    /// Size of a pixel in a photo that the mat fills, mm.
    fn mm_per_px(&self) -> f64 {
        let ([short, long], [width, height]) = (sorted(self.paper.size_mm()), self.photo_px());
        (long / f64::from(width)).max(short / f64::from(height))
    }
}

/// A recipe that has not been written yet.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposedRecipe {
    /// Text of `recipe.toml`.
    pub recipe_toml: String,
    /// Name and bytes of the design file.
    pub design_file: (String, Vec<u8>),
    /// Name and bytes of the camera's record.
    pub camera_file: Option<(String, Vec<u8>)>,
    /// Text of [`NAMES`]: the drawing with the names of its features; `None` for a picture.
    pub names_svg: Option<String>,
    /// What the person who made it should know, one line each.
    pub notes: Vec<String>,
}

/// The file of a recipe that shows the names.
pub const NAMES: &str = "names.svg";
/// Types of checks that a recipe only shows, as text for people, and why: what nobody asked for must not send a part to a person.
const ON_REQUEST: [(&str, &str); 2] = [
    ("straightness", "profile holds it to its zone already"),
    ("symmetry", "profile and positions of holes hold it to theirs already"),
];
/// Most values that the camera cannot decide that are told; the recipe lists all.
const DOUBTFUL: usize = 8;
/// Name of the camera's record in a recipe's folder.
const CAMERA_FILE: &str = "camera.toml";
/// Smallest feature that checks measure, px.
const SMALLEST_PX: f64 = 8.0;

/// Proposes a recipe for a drawing (DXF or SVG): every registered check is asked what it would look at. A picture of a good part (anything but a
/// drawing that decodes) becomes a recipe that compares with it.
///
/// What is proposed opens: it is read back before it is given.
///
/// # Errors
/// [`Error::Design`] when the drawing is refused, [`Error::Recipe`] for options that a recipe refuses, such as an absurd scale.
///
/// Honest scope: tolerances are ISO 2768-1 m where the drawing's sizes fall under it, and marked "assumed" where no standard helps. A person must read them.
pub fn propose(design_file: &[u8], options: &ProposeOptions) -> Result<ProposedRecipe, Error> {
    let usable = text::inside(&options.file_name).is_ok()
        && !options.file_name.contains(|c: char| c == '/' || c.is_control())
        && !["recipe.toml", NAMES, CAMERA_FILE].contains(&options.file_name.as_str());
    let name = if usable { options.file_name.as_str() } else { "design" };
    let mut notes = Vec::new();
    let design = match Design::open(design_file, options.units) {
        Err(DesignError::NotADesign { .. }) if decode(design_file, &DecodeLimits::default()).is_ok() => None,
        read => Some(read?),
    };
    let mut out = head(options);
    let on_request = match &design {
        Some(design) => drawing(&mut out, design, name, options, &mut notes),
        None => {
            picture(&mut out, name);
            String::new()
        }
    };
    let camera = match &options.scale {
        ProposedScale::Mat(mat) if design.is_some() => mat.camera.as_deref(),
        _ => None,
    };
    let read = |file: &str| match camera {
        Some(record) if file == CAMERA_FILE => Some(Ok(record.to_vec())),
        _ => (file == name).then(|| Ok(design_file.to_vec())),
    };
    // What is only shown must open too, and the camera be able to decide it.
    let whole = format!("{out}\n{on_request}");
    let recipe = assemble(whole.as_bytes(), Sha256([0; 32]), read, Models::default(), REGISTRY)?;
    let names_svg = match &recipe.reference {
        Reference::Drawing(design) => {
            Some(names_svg(design, &recipe.part, &foretell(&recipe, design, &mut out, &mut notes)))
        }
        _ => None,
    };
    let design_file = (name.to_owned(), design_file.to_vec());
    let camera_file = camera.map(|record| (CAMERA_FILE.to_owned(), record.to_vec()));
    Ok(ProposedRecipe { recipe_toml: out, design_file, camera_file, names_svg, notes })
}

/// Says what the camera will be able to decide, in the recipe and in the notes.
fn foretell(recipe: &Recipe, design: &Design, out: &mut String, notes: &mut Vec<String>) -> Vec<Forecast> {
    // On a mat every photo has another scale.
    let Calibration::Known(CalibrationPolicy { mm_per_px, .. }) = recipe.calibration else { return Vec::new() };
    let Some(forecasts) = forecast(recipe, design) else {
        notes.push(format!(
            "At {mm_per_px} mm per pixel no photo of a usual size (6144 x 4096 px at most) shows the whole part: what can be decided was not tried."
        ));
        return Vec::new();
    };
    let (shown, judged): (Vec<Forecast>, Vec<Forecast>) =
        forecasts.into_iter().partition(|f| why_on_request(f.check_type).is_some());
    let doubtful: Vec<&Forecast> = judged.iter().filter(|f| !f.is_decided()).collect();
    let (all, decided) = (judged.len(), judged.len() - doubtful.len());
    let summary = format!(
        "A camera of {mm_per_px} mm per pixel that looks straight down can decide {decided} of {all} values well (tolerance at least 8 u)."
    );
    add(out, format_args!("\n# {summary}\n"));
    notes.push(summary);
    for (i, f) in doubtful.iter().enumerate() {
        add(out, format_args!("# {f}\n"));
        if i < DOUBTFUL {
            notes.push(f.to_string());
        }
    }
    if doubtful.len() > DOUBTFUL {
        notes.push(format!("... and {} more, listed in recipe.toml.", doubtful.len() - DOUBTFUL));
    }
    for f in shown.iter().filter(|f| !f.is_decided()) {
        add(out, format_args!("# If it is taken in, {f}\n"));
    }
    judged
}

/// Why checks of that type are only shown; `None` for those that judge.
fn why_on_request(check_type: &str) -> Option<&'static str> {
    ON_REQUEST.iter().find(|(name, _)| *name == check_type).map(|(_, why)| *why)
}

fn quoted(s: &str) -> String {
    toml::Value::String(s.to_owned()).to_string()
}

fn head(options: &ProposeOptions) -> String {
    let mut out = String::from(
        "# An inspection recipe for Assay. Lengths are millimetres. Text after # is for people.\n\
         # Read every tolerance before you approve: \"ISO 2768-m\" is ISO 2768-1:1989, Tables 1 to 3, class m (medium);\n\
         # \"assumed\" is a proposal that no standard and no drawing asked for.\n\n\
         schema = 1\n",
    );
    add(&mut out, format_args!("part = {}\n", quoted(&options.part)));
    if let Some(revision) = &options.revision {
        add(&mut out, format_args!("revision = {}\n", quoted(revision)));
    }
    out
}

fn add(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String cannot fail");
}

fn drawing(out: &mut String, design: &Design, name: &str, options: &ProposeOptions, notes: &mut Vec<String>) -> String {
    let (low, high) = design.bounds();
    let size = high - low;
    let holes = design.features.iter().filter(|f| matches!(f.kind, FeatureKind::Hole(_))).count();
    let others = design.contours.len() - 1 - holes;
    let what = format!(
        "{:.3} x {:.3} mm, {}, {}",
        size.x,
        size.y,
        counted(holes, "round hole"),
        counted(others, "other opening")
    );
    let unit = &design.drawn_in;
    add(out, format_args!("\n# The drawing: {what}; drawn in {unit}.\n[design]\nfile = {}\n", quoted(name)));
    // Written whenever it was given, so that the recipe reads the drawing as it was read now.
    if let Some(units) = options.units {
        add(out, format_args!("units = \"{units}\"   # as given when the recipe was made\n"));
    }
    if let Some(thickness) = options.thickness_mm {
        add(
            out,
            format_args!(
                "thickness = {thickness:?}   # mm. either_side = true may be added: the part may lie on its face\n"
            ),
        );
    }
    notes.push(format!("Part: {what}."));
    let said = if options.units.is_some() { ", as --units says" } else { "" };
    notes.push(format!("Drawn in {unit}{said}: see that the sizes are right."));
    for remark in &design.remarks {
        add(out, format_args!("# {remark}\n"));
        notes.push(remark.clone());
    }
    if !design.passed_over.is_empty() {
        let what = format!(
            "Not read of the drawing: {}. See that none of it is a contour of the part.",
            design.passed_over.join(", ")
        );
        add(out, format_args!("# {what}\n"));
        notes.push(what);
    }
    notes.extend(sheet(design));
    notes.extend(names(design));
    notes.extend(unchecked(design));
    let mut told = |mm_per_px: f64| {
        let (w, h) = (size.x / mm_per_px, size.y / mm_per_px);
        notes.push(format!("At {mm_per_px} mm per pixel the part is {w:.0} x {h:.0} px in the photo."));
        mm_per_px
    };
    let mm_per_px = match &options.scale {
        ProposedScale::MmPerPx(mm_per_px) => {
            given(out, *mm_per_px);
            told(*mm_per_px)
        }
        ProposedScale::Record(record) => {
            recorded(out, record);
            told(record.calibration.mm_per_px)
        }
        ProposedScale::Mat(mat) => on_mat(out, mat, [size.x, size.y], notes),
    };
    out.push_str(
        "\n# guarded: PASS and FAIL only where the measuring uncertainty leaves no doubt (95 %), else a person looks (ISO 14253-1).\n\
         # simple: the uncertainty plays no part.\n[decision]\nrule = \"guarded\"\n",
    );
    let px = |mm: f64| mm / mm_per_px;
    for feature in &design.features {
        if let FeatureKind::Hole(circle) = feature.kind
            && px(2.0 * circle.radius) < SMALLEST_PX
        {
            let (name, found) = (&feature.name, px(2.0 * circle.radius));
            notes.push(format!(
                "{name} is only {found:.1} px wide, expected at least {SMALLEST_PX}: it needs a closer view."
            ));
        }
    }
    checks(out, design, options.scale.about_mm_per_px(), notes)
}

/// What every check against a drawing proposes; gives those that are only shown, as they would be without their `#`.
fn checks(out: &mut String, design: &Design, mm_per_px: f64, notes: &mut Vec<String>) -> String {
    let mut on_request = String::new();
    for check_type in REGISTRY.iter().filter(|t| t.needs == Needs::Drawing) {
        let proposed = (check_type.propose)(design, mm_per_px);
        if proposed.is_empty() {
            continue;
        }
        let entries: Vec<String> = proposed.iter().map(|entry| format!("[[check]]\n{entry}")).collect();
        add(out, format_args!("\n# {}: {}\n", check_type.name, check_type.measurand));
        if let Some(why) = why_on_request(check_type.name) {
            add(out, format_args!("# Not asked for by the drawing, and {why}. Take the # away where it matters:\n"));
            for entry in &entries {
                let text: String = entry.lines().map(|line| format!("# {line}\n")).collect();
                add(out, format_args!("{text}#\n"));
            }
            out.truncate(out.trim_end_matches("#\n").len());
            add(&mut on_request, format_args!("{}\n", entries.join("\n")));
            notes.push(format!("Shown only, {}: {}; {why}.", check_type.name, counted(entries.len(), "check")));
        } else {
            notes.push(assumptions(check_type.name, &entries));
            add(out, format_args!("{}\n", entries.join("\n\n")));
        }
    }
    let arcs = design.features.iter().filter(|f| matches!(f.kind, FeatureKind::Arc { .. })).count();
    let radii = out.matches("\ntype = \"arc\"").count();
    if radii == 0 && arcs > 0 {
        notes.push("No radii are proposed: this camera knows none of them well; profile looks at all arcs.".to_owned());
    } else if radii < arcs {
        notes.push(format!(
            "Proposed radii: {radii} of {arcs}, those that this camera knows best; profile looks at all arcs."
        ));
    }
    on_request
}

/// `[calibration]` of a scale of which nothing else is said.
fn given(out: &mut String, mm_per_px: f64) {
    let CalibrationPolicy { u_scale, edge_offset_px, u_edge_px, .. } = CalibrationPolicy::of(mm_per_px);
    out.push_str(
        "\n# Size of a pixel at the part, mm. What is marked \"assumed\" is measured with a part of known size (`assay calibrate scale`).\n[calibration]\n",
    );
    add(
        out,
        format_args!(
            "mm_per_px = {mm_per_px:?}\n\
             u_scale = {u_scale:?}         # assumed: its relative standard uncertainty\n\
             edge_offset_px = {edge_offset_px:?}     # assumed: how far outside the material the camera sees an edge, px; inside: negative\n\
             u_edge_px = {u_edge_px:?}          # assumed: standard uncertainty of that, px. Tone curve and sharpening of a camera do as much\n"
        ),
    );
}

/// `[calibration]` as parts of known size told.
fn recorded(out: &mut String, record: &ScaleRecord) {
    let by = record.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    let made = record.made.as_deref().map(|made| format!(" on {made}")).unwrap_or_default();
    let from: String = format!("{}{by}{made}", record.artefact).chars().filter(|c| !c.is_control()).collect();
    add(out, format_args!("\n# Measured with a part of known size: {from}.\n[calibration]\n"));
    out.push_str(&toml::to_string(&record.calibration).expect("numbers and words are always TOML"));
}

/// `[calibration]` of parts on a mat; gives the size of a pixel in a photo that the mat fills.
fn on_mat(out: &mut String, mat: &ProposedMat, part: [f64; 2], notes: &mut Vec<String>) -> f64 {
    let layout = Layout::new(mat.paper, mat.id.unwrap_or(0));
    out.push_str("\n# The part lies on the printed mat, which tells scale, pose, light and focus in every photo.\n[calibration]\n");
    out.push_str(match mat.camera {
        Some(_) => "camera = \"camera.toml\"   # record of `assay calibrate`, for photos of its size, zoom and focus\n",
        None => "# camera = \"camera.toml\"   # record of `assay calibrate`: without it every photo must tell the lens, which it does poorly\n",
    });
    add(out, format_args!("\n[calibration.mat]\npaper = \"{}\"\n", mat.paper));
    match mat.id {
        Some(id) => add(out, format_args!("id = {id}\n")),
        None => out.push_str(
            "# id = 17         # the mat's number, printed on it: without it any mat of this paper is taken\n",
        ),
    }
    out.push_str(
        "# From cross to cross, as measured after printing, mm: without it up to 0.4 % of uncertainty is assumed.\n",
    );
    for (name, measured, distance) in [("x", mat.measured_mm[0], 0), ("y", mat.measured_mm[1], 1)] {
        match measured {
            Some(mm) => add(out, format_args!("{name} = {mm:?}\n")),
            None => add(out, format_args!("# {name} = {:.1}\n", layout.distances[distance].nominal_mm())),
        }
    }
    if let Some(day) = mat.measured_on.filter(|_| mat.measured_mm != [None; 2]) {
        add(
            out,
            format_args!(
                "measured = {day}   # the day of that. Paper moves: 30 days add 0.01 %, up to 0.05 %; measure it again and write the new day\n"
            ),
        );
    }
    out.push_str("u_distance = 0.15   # of x and y, mm: a steel rule; a caliper 0.05\n");
    out.push_str("u_flat = 0.5        # how flat the sheet lies, mm: a loose one; glued to a board 0.1\n");
    let (free, part) = (sorted(layout.quiet_mm), sorted(part));
    if part[0] > free[0] || part[1] > free[1] {
        let fits = if fits_aslant(part, free) { "fits only aslant" } else { "does not fit, however it is turned" };
        notes.push(format!(
            "The part is {:.0} x {:.0} mm, the free middle of the {} mat {:.0} x {:.0} mm: it {fits}. Use a larger mat.",
            part[1], part[0], mat.paper, free[1], free[0]
        ));
    }
    let ([width, height], mm_per_px) = (mat.photo_px(), mat.mm_per_px());
    notes.push(format!(
        "In a photo of {width} x {height} px that the {} mat fills, a pixel is {mm_per_px:.3} mm and the part {:.0} x {:.0} px.",
        mat.paper,
        part[1] / mm_per_px,
        part[0] / mm_per_px
    ));
    for (missing, what) in [
        (
            mat.measured_mm.contains(&None),
            "Measure the mat from cross to cross and write x and y into the recipe: sizes are uncertain by 0.4 % until then.",
        ),
        (
            mat.camera.is_none(),
            "Calibrate the camera (`assay calibrate`) and give its record with --camera: one photo cannot tell the lens well.",
        ),
    ] {
        if missing {
            notes.push(what.to_owned());
        }
    }
    mm_per_px
}

/// True when a rectangle that is longer than another one lies in it aslant; shorter sides first (Carver, Amer. Math. Monthly 64 (1957), 114).
fn fits_aslant([q, p]: [f64; 2], [b, a]: [f64; 2]) -> bool {
    let (square, over) = (p * p + q * q, p * p + q * q - a * a);
    p > a && q <= b && b * square >= 2.0 * p * q * a + (p * p - q * q) * over.max(0.0).sqrt()
}

/// The shorter side first.
fn sorted([a, b]: [f64; 2]) -> [f64; 2] {
    if a <= b { [a, b] } else { [b, a] }
}

/// How many checks of a type are proposed, and where their limits come from.
fn assumptions(name: &str, entries: &[String]) -> String {
    let count = |word: &str| entries.iter().map(|e| e.matches(word).count()).sum::<usize>();
    let (by_standard, assumed) = (count("# ISO 2768-m"), count("# assumed"));
    let origin = match (by_standard, assumed) {
        (0, a) => format!("{} assumed", counted(a, "limit")),
        (s, 0) => format!("{} by ISO 2768-m", counted(s, "limit")),
        (s, a) => format!("{} by ISO 2768-m, {a} assumed", counted(s, "limit")),
    };
    format!("Proposed {name}: {}, {origin}.", counted(entries.len(), "check"))
}

fn picture(out: &mut String, name: &str) {
    add(
        out,
        format_args!(
            "\n# A picture of a good part; every photo is compared with it.\n[design]\npicture = {}\n\n\
             [[check]]\ntype = \"reference\"\n",
            quoted(name)
        ),
    );
}

impl ProposedRecipe {
    /// Writes the folder `dir`, whole or not at all: into a folder beside it first, synced, then renamed. Folders above it are made.
    ///
    /// # Errors
    /// [`RecipeError::Unwritable`] when something of that name exists already, or the system refuses.
    pub fn write_to(&self, dir: &Path) -> Result<(), RecipeError> {
        let shown = || dir.display().to_string();
        let unwritable = |e: std::io::Error| RecipeError::Unwritable { file: shown(), cause: e.to_string() };
        let exists =
            || RecipeError::Unwritable { file: shown(), cause: "it exists already; nothing was changed".to_owned() };
        if dir.symlink_metadata().is_ok() {
            return Err(exists());
        }
        let Some(name) = dir.file_name() else { return Err(exists()) };
        let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let partial = parent.join(format!(".{}.partial-{}", name.to_string_lossy(), std::process::id()));
        fs::create_dir_all(parent).and_then(|()| fs::create_dir(&partial)).map_err(unwritable)?;
        let written = self.fill(&partial).and_then(|()| fs::rename(&partial, dir)).and_then(|()| sync_folder(parent));
        written.map_err(|e| {
            // Nothing half-written stays behind; if even that fails, the first error is the one to tell.
            let _ = fs::remove_dir_all(&partial);
            unwritable(e)
        })
    }

    fn fill(&self, dir: &Path) -> std::io::Result<()> {
        let names = self.names_svg.iter().map(|svg| (NAMES, svg.as_bytes()));
        let recipe = ("recipe.toml", self.recipe_toml.as_bytes());
        let given = [Some(&self.design_file), self.camera_file.as_ref()];
        let given = given.into_iter().flatten().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        for (name, bytes) in std::iter::once(recipe).chain(given).chain(names) {
            let mut file = File::create_new(dir.join(name))?;
            file.write_all(bytes)?;
            file.sync_all()?;
        }
        sync_folder(dir)
    }
}

/// Makes the names in a folder durable; Windows has no such act.
fn sync_folder(dir: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}
