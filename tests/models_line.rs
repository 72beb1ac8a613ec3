//! A station whose recipe asks a model, when the model answers, lies, hangs and dies: the part is referred, the alarm is raised, the line goes on.

use acceptance::onnx::{Element, Onnx, int, ints};
use inspector::decision::Verdict;
use inspector::models::Runtime;
use inspector::photo::Sha256;
use station::inspection::{Job, JobInfo, Line, LineOptions, Metrics};
use station::ledger::{Act, Ledger, LedgerOptions, Mode};
use station::models::{ModelRuntime, ModelsConfig};
use station::recipes::{self, LookupError, ModelState, RecipeBook};
use station::record::InspectionRecord;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::models::{both, own_program, running};

/// Scores of "dark" and "light" out of the mean of the picture; no number (0 / 0) for a black one.
fn lightness() -> Vec<u8> {
    Onnx::new("x", &[1, 3, 8, 8])
        .node("ReduceMean", &["x"], &["mean"], vec![ints("axes", &[1, 2, 3]), int("keepdims", 0)])
        .integers("row", &[1, 1])
        .node("Reshape", &["mean", "row"], &["m"], vec![])
        .node("Div", &["m", "m"], &["one"], vec![])
        .node("Mul", &["m", "one"], &["light"], vec![])
        .node("Sub", &["one", "light"], &["dark"], vec![])
        .node("Concat", &["dark", "light"], &["scores"], vec![int("axis", 1)])
        .output("scores", Element::Float)
        .bytes()
}

/// An `.npy` file (NEP 1).
fn npy(shape: &str, numbers: &[f32]) -> Vec<u8> {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    header += &" ".repeat((64 - (10 + header.len() + 1) % 64) % 64);
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.bytes());
    file.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
    file
}

fn picture(colour: [u8; 3]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image::RgbImage::from_pixel(64, 64, image::Rgb(colour)).write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

fn grey(code: u8) -> Vec<u8> {
    picture([code; 3])
}

/// A recipe that expects light parts. `mean` is what its parity sample, a picture of mean code 204, is said to give.
fn recipe(dir: &Path, mean: f32) {
    let sample = [250, 204, 158];
    let planes: Vec<f32> = sample.iter().flat_map(|code| [f32::from(*code) / 255.0; 64]).collect();
    let model = dir.join("models/lightness");
    fs::create_dir_all(model.join("parity/light")).unwrap();
    let onnx = lightness();
    let manifest = format!(
        "schema = 1\ntask = \"classify\"\nsha256 = \"{}\"\nlicence = \"MIT\"\nlabels = [\"dark\", \"light\"]\n\
         [input]\nname = \"x\"\nwidth = 8\nheight = 8\nlayout = \"nchw\"\ncolour = \"rgb\"\nfit = \"stretch\"\nresample = \"bilinear\"\n\
         [output]\nscores = \"scores\"\nactivation = \"none\"\n",
        Sha256::of(&onnx).hex()
    );
    for (file, bytes) in [
        ("model.onnx", onnx),
        ("model.toml", manifest.into_bytes()),
        ("MODEL.md", b"How light a picture is.\n".to_vec()),
        ("parity/light/input.npy", npy("(1, 3, 8, 8)", &planes)),
        ("parity/light/input.png", picture(sample)),
        ("parity/light/output-0.npy", npy("(1, 2)", &[1.0 - mean, mean])),
    ] {
        fs::write(model.join(file), bytes).unwrap();
    }
    let text = "schema = 1\npart = \"P-1\"\n[design]\nnone = true\n\
                [[check]]\ntype = \"classify\"\nmodel = \"lightness\"\nexpect = \"light\"\nscore = 0.6\n";
    fs::write(dir.join("recipe.toml"), text).unwrap();
}

struct Shop {
    _dir: tempfile::TempDir,
    ledger: Ledger,
    book: RecipeBook,
    line: Line,
    metrics: Arc<Metrics>,
}

impl Shop {
    fn open(runtime: ModelRuntime, mean: f32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        recipe(&dir.path().join("recipes/light"), mean);
        let options = LedgerOptions { min_free_bytes: 0, ..LedgerOptions::default() };
        let (ledger, _) = Ledger::open(&dir.path().join("data"), options).unwrap();
        let runtime: Arc<dyn Runtime> = Arc::new(runtime);
        let book = RecipeBook::open(&ledger, &[dir.path().join("recipes")], runtime).unwrap();
        recipes::approve(&ledger, "light", "p-7").unwrap();
        let metrics = Arc::new(Metrics::default());
        let options = LineOptions { threads: 1, ..LineOptions::new(Mode::Production) };
        let line = Line::start(ledger.clone(), metrics.clone(), options).unwrap();
        Self { _dir: dir, ledger, book, line, metrics }
    }

    /// Has a part judged that is as light as that.
    async fn judge(&self, code: u8) -> InspectionRecord {
        let recipe = self.book.approved(&self.ledger, "light").unwrap();
        let info = JobInfo { image: format!("{code}.png"), ..JobInfo::default() };
        let job = Job { photo: grey(code).into(), decoded: None, info, recipe, key: None };
        let entry = self.line.submit(job).unwrap().recorded().await.unwrap();
        let Act::Inspection { inspection, .. } = entry.act else { panic!("{entry:?}") };
        *inspection
    }

    /// Has good parts judged until the model is open again; how many came too early and were referred.
    async fn until_it_passes(&self) -> u64 {
        let begun = Instant::now();
        for early in 0.. {
            let record = self.judge(230).await;
            if record.verdict == Verdict::Pass {
                return early;
            }
            assert_model_fault(&record, "it is being opened again");
            assert!(begun.elapsed() < Duration::from_secs(20), "never opened again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!()
    }

    fn alarms(&self) -> u64 {
        self.line.alarm().borrow().count
    }
}

fn signal(signal: &str, program: &Path) {
    let [worker] = running(program)[..] else { panic!("one worker, found {:?}", running(program)) };
    assert!(Command::new("kill").args([signal, &worker.to_string()]).status().unwrap().success());
}

/// The part is referred because of its model, with words a worker can act on.
fn assert_model_fault(record: &InspectionRecord, what: &str) {
    let check = &record.checks[0];
    assert_eq!((record.verdict, check.reason_code.as_deref()), (Verdict::Refer, Some("model-fault")), "{check:?}");
    let reason = check.reason.as_ref().unwrap();
    assert!(reason.contains(what) && reason.contains("by hand"), "expected {what:?}, found {reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_lies_hangs_or_dies_refers_the_part_and_the_line_goes_on() {
    let (_dir, program): (_, PathBuf) = own_program();
    for runtime in both(&ModelsConfig { run_ms: 500, ..ModelsConfig::default() }) {
        let name = runtime.choice().name();
        let shop = Shop::open(runtime.with_program(&program), 0.8);
        shop.book.open_models(&shop.ledger, |_, why| panic!("{why}")).unwrap();
        assert_eq!(shop.book.models()["light"], ModelState::Ready);

        let good = shop.judge(230).await;
        assert_eq!(good.verdict, Verdict::Pass, "{:?}", good.checks);
        let [model] = &good.models[..] else { panic!("{:?}", good.models) };
        assert_eq!((model.name.as_str(), model.sha256, &model.runtime), ("lightness", Sha256::of(&lightness()), &name));
        assert_eq!((shop.judge(30).await.verdict, shop.alarms()), (Verdict::Fail, 0));

        // Not a number.
        assert_model_fault(&shop.judge(0).await, "finite");
        assert_eq!((shop.alarms(), shop.judge(230).await.verdict), (1, Verdict::Pass));

        // Stopped by somebody: it hangs.
        signal("-STOP", &program);
        let start = Instant::now();
        assert_model_fault(&shop.judge(230).await, "no answer within 500 ms");
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(shop.alarms(), 2);
        let early = shop.until_it_passes().await;
        assert_eq!(shop.alarms(), 2 + early, "each part that is referred because of the model raises the alarm");

        // Killed by somebody.
        signal("-KILL", &program);
        assert_model_fault(&shop.judge(230).await, "signal: 9");
        let referred = 3 + early + shop.until_it_passes().await;
        assert_eq!(shop.alarms(), referred);

        let metrics = shop.metrics.text(0, 0, 0);
        for line in [
            &format!("assay_errors_total{{kind=\"Model\"}} {referred}"),
            "assay_parts_total{verdict=\"pass\"} 4",
            &format!("assay_parts_total{{verdict=\"refer\"}} {referred}"),
            "assay_parts_total{verdict=\"fail\"} 1",
        ] {
            assert!(metrics.contains(line), "{line}: {metrics}");
        }
        shop.line.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_does_not_reproduce_its_samples_is_told_at_the_start() {
    for runtime in both(&ModelsConfig::default()) {
        let shop = Shop::open(runtime, 0.7);
        let mut told = Vec::new();
        shop.book.open_models(&shop.ledger, |name, why| told.push((name.to_owned(), why.to_string()))).unwrap();
        let [(name, why)] = &told[..] else { panic!("{told:?}") };
        assert!(name == "light" && why.contains("does not reproduce"), "{why}");
        assert!(
            matches!(&shop.book.models()["light"], ModelState::Failed(cause) if cause.contains("does not reproduce"))
        );
        // The next part does not try again at once, and is told the same.
        let start = Instant::now();
        let refused = shop.book.approved(&shop.ledger, "light").unwrap_err();
        assert!(
            matches!(&refused, LookupError::Broken { cause, .. } if cause.contains("does not reproduce")),
            "{refused}"
        );
        assert!(start.elapsed() < Duration::from_millis(100));
    }
}
