use super::super::{Models, Outcome};
use super::*;
use crate::calibration::{CalibrationPolicy, Tone, locate};
use crate::codes::read as read_codes;
use crate::decision::{Rule, Verdict, decide};
use crate::design::Reference;
use crate::geometry::Point;
use crate::photo::{Photo, Picture, Sha256};
use crate::registration::register;
use crate::synth::{PrintedCode, code, photographed};

fn photo_of(codes: &[(Format, &str, (f64, f64))]) -> Photo {
    let printed: Vec<PrintedCode> = codes
        .iter()
        .map(|(format, text, centre)| {
            PrintedCode::flat(code(*format, text).expect("a text it can say"), *centre, 4.0, 3.0)
        })
        .collect();
    let nothing = Sha256([0; 32]);
    let grey = photographed(&printed, (640, 400), 0.8, 3.0, 1);
    Photo { picture: Picture::Grey(grey), file_sha256: nothing, pixels_sha256: nothing }
}

fn open(text: &str) -> Result<Box<dyn Check>, EntryError> {
    let text = format!("type = \"code\"\n{text}");
    let table = toml::de::DeTable::parse(&text).expect("TOML").into_inner();
    let entry = Entry::new(toml::Spanned::new(0..text.len(), toml::de::DeValue::Table(table)));
    (TYPE.parse)(&entry, &Context { reference: &Reference::Photo, models: &Models::default() })
}

fn observe(entry: &str, photo: &Photo, said: &Identity) -> (Verdict, Observation) {
    let check = open(entry).expect(entry);
    let policy = CalibrationPolicy::unscaled(Tone::Srgb);
    let mut part = register(locate(photo, &policy), &Reference::Photo);
    part.said = said.clone();
    let observation = check.observe(&part).remove(0);
    (decide(&check.characteristics()[0], &observation, Rule::Guarded).verdict, observation)
}

fn reason(observation: &Observation) -> &'static str {
    match &observation.outcome {
        Outcome::NotMeasured(reason) => reason.code(),
        Outcome::Measured { .. } => "measured",
    }
}

fn said(serial: Option<&str>, lot: Option<&str>) -> Identity {
    Identity { serial: serial.map(str::to_owned), lot: lot.map(str::to_owned), order: None }
}

const QR: (Format, &str, (f64, f64)) = (Format::Qr, "LOT7/SN0042", (150.0, 200.0));
const OTHER: (Format, &str, (f64, f64)) = (Format::Code128, "BOX-9", (450.0, 200.0));

#[test]
fn the_text_passes_and_tells_who_the_part_is() {
    let photo = photo_of(&[QR]);
    let nobody = Identity::default();
    for (entry, expected) in [
        ("", Identity::default()),
        ("expect = \"LOT7/SN0042\"", Identity::default()),
        ("gives = \"serial\"", said(Some("LOT7/SN0042"), None)),
        ("pattern = 'LOT\\d+/SN(?<serial>\\d+)'", said(Some("0042"), None)),
        ("pattern = '(?<lot>LOT\\d+)/(?<serial>SN\\d+)'\nformats = [\"qr\"]", said(Some("SN0042"), Some("LOT7"))),
        ("region = [0.0, 0.1, 0.5, 0.8]\ngives = \"lot\"", said(None, Some("LOT7/SN0042"))),
    ] {
        let (verdict, observation) = observe(entry, &photo, &nobody);
        assert_eq!((verdict, &observation.gives), (Verdict::Pass, &expected), "{entry}: {observation:?}");
        assert_eq!(observation.text.as_deref(), Some("LOT7/SN0042"));
        assert_eq!(observation.regions.len(), 1);
    }
}

#[test]
fn another_text_fails_and_is_shown() {
    let photo = photo_of(&[QR]);
    for entry in ["expect = \"LOT7/SN0043\"", "pattern = 'LOT7'\ngives = \"serial\"", "pattern = 'lot\\d/SN\\d+'"] {
        let (verdict, observation) = observe(entry, &photo, &Identity::default());
        assert_eq!(verdict, Verdict::Fail, "{entry}: {observation:?}");
        assert_eq!(observation.text.as_deref(), Some("LOT7/SN0042"));
        assert_eq!(observation.gives, Identity::default(), "a wrong code tells nothing");
    }
}

#[test]
fn every_reason_is_its_own() {
    let nobody = Identity::default();
    let of = |entry: &str, photo: &Photo| {
        let (verdict, observation) = observe(entry, photo, &nobody);
        assert_eq!(verdict, Verdict::Refer, "{entry}: {observation:?}");
        reason(&observation)
    };
    assert_eq!(of("", &photo_of(&[])), "code-none");
    assert_eq!(of("formats = [\"aztec\"]", &photo_of(&[OTHER])), "code-none", "a code of another kind is none");
    assert_eq!(of("expect = \"BOX-9\"", &photo_of(&[QR, OTHER])), "code-several");
    assert_eq!(of("pattern = 'NO'\nothers = \"ignore\"", &photo_of(&[QR, OTHER])), "code-several");
    assert_eq!(of("gives = \"lot\"\nequals = \"lot\"", &photo_of(&[QR])), "code-nothing-to-compare");
    let mut broken = photo_of(&[QR]);
    let Picture::Grey(grey) = &mut broken.picture else { panic!("grey") };
    for (x, y, v) in grey.enumerate_pixels_mut() {
        // A corner is torn off; the three finder patterns and the lines between them stay.
        if (140..196).contains(&x) && (190..246).contains(&y) {
            v.0[0] = 225;
        }
    }
    assert_eq!(of("", &broken), "code-unreadable");
}

#[test]
fn one_text_twice_is_one_and_others_may_be_ignored() {
    let nobody = Identity::default();
    let twice = photo_of(&[(Format::Qr, "A-1", (150.0, 200.0)), (Format::Qr, "A-1", (450.0, 200.0))]);
    let (verdict, observation) = observe("expect = \"A-1\"", &twice, &nobody);
    assert_eq!((verdict, observation.regions.len()), (Verdict::Pass, 2), "{observation:?}");
    // A code outside the region is none of its business.
    let (verdict, observation) = observe("region = [0.0, 0.1, 0.45, 0.8]", &photo_of(&[QR, OTHER]), &nobody);
    assert_eq!((verdict, observation.text.as_deref()), (Verdict::Pass, Some(QR.1)), "{observation:?}");
    let (verdict, observation) = observe("expect = \"BOX-9\"\nothers = \"ignore\"", &photo_of(&[QR, OTHER]), &nobody);
    assert_eq!((verdict, observation.text.as_deref()), (Verdict::Pass, Some("BOX-9")));
}

#[test]
fn a_worker_who_says_otherwise_is_never_overruled_in_silence() {
    let photo = photo_of(&[QR]);
    let entry = "pattern = '(?<lot>LOT\\d+)/(?<serial>SN\\d+)'";
    let (verdict, observation) = observe(entry, &photo, &said(Some("SN0042"), Some("LOT7")));
    assert_eq!(verdict, Verdict::Pass, "the same is no contradiction: {observation:?}");
    let (verdict, observation) = observe(entry, &photo, &said(Some("SN0041"), None));
    assert_eq!((verdict, reason(&observation)), (Verdict::Refer, "code-disagrees"));
    let Outcome::NotMeasured(why) = &observation.outcome else { panic!("{observation:?}") };
    let words = why.to_string();
    assert!(words.contains("\"SN0042\"") && words.contains("\"SN0041\""), "{words}");
}

#[test]
fn equals_compares_with_what_the_worker_gave() {
    let photo = photo_of(&[QR]);
    for entry in [
        "pattern = '(?<lot>LOT\\d+)/.*'\nequals = \"lot\"",
        "pattern = '(?<lot>LOT\\d+)/.*'\nequals = \"lot\"\ngives = \"lot\"",
    ] {
        assert_eq!(observe(entry, &photo, &said(None, Some("LOT7"))).0, Verdict::Pass);
        let (verdict, observation) = observe(entry, &photo, &said(None, Some("LOT8")));
        assert_eq!((verdict, observation.text.as_deref()), (Verdict::Fail, Some("LOT7/SN0042")), "{entry}");
    }
}

#[test]
fn a_group_that_did_not_match_tells_nothing() {
    let photo = photo_of(&[QR]);
    let entry = "pattern = 'LOT7/SN0042(?<lot>-.*)?'";
    let nobody = Identity::default();
    let (verdict, observation) = observe(&format!("{entry}\ngives = \"lot\""), &photo, &nobody);
    assert_eq!((verdict, &observation.gives), (Verdict::Pass, &nobody), "{observation:?}");
    // All of the text is not the lot either.
    let given = said(None, Some("LOT7/SN0042"));
    assert_eq!(observe(&format!("{entry}\nequals = \"lot\""), &photo, &given).0, Verdict::Fail);
}

#[test]
fn contradicting_texts_are_not_ignored_beside_a_code() {
    use crate::codes::{Code, Suspect};
    let photo = photo_of(&[]);
    let corners = [(10.0, 10.0), (50.0, 10.0), (50.0, 50.0), (10.0, 50.0)].map(|(x, y)| Point::new(x, y));
    let reading = Reading {
        codes: vec![Code { text: "A-1".into(), format: Format::Qr, corners }],
        suspects: vec![Suspect { fault: Fault::Unreadable, format: None, digits: None, corners }],
    };
    for (others, expected) in [(Others::Refuse, "code-unreadable"), (Others::Ignore, "measured")] {
        let check = CodeCheck {
            formats: Formats::ALL,
            region: Region::Photo,
            demand: Demand::Text("A-1".to_owned()),
            gives: None,
            equals: None,
            others,
            characteristics: [open("").expect("an entry").characteristics()[0].clone()],
        };
        assert_eq!(reason(&check.judge_texts(&photo, &reading, &Identity::default())), expected);
    }
}

#[test]
fn a_text_that_cannot_be_a_serial_is_referred() {
    let long = "x".repeat(101);
    for text in ["a\u{1d}b", long.as_str(), "   "] {
        let photo = photo_of(&[(Format::Qr, text, (250.0, 200.0))]);
        assert_eq!(read_codes(&photo, None, Formats::ALL).codes.len(), 1);
        let (verdict, observation) = observe("gives = \"serial\"", &photo, &Identity::default());
        assert_eq!((verdict, reason(&observation)), (Verdict::Refer, "code-unfit"), "{text:?}: {observation:?}");
    }
}

#[test]
fn bad_entries_are_refused() {
    for (entry, expected) in [
        ("expect = \"A\"\npattern = \"B\"", "found both"),
        ("expect = \"\"", "an empty one"),
        ("formats = []", "at least one"),
        ("formats = [\"qrcode\"]", "unknown variant `qrcode`"),
        ("pattern = \"(\"", "no regular expression"),
        ("pattern = \"(?<colour>a)\"", "serial, lot or order"),
        ("region = [0.5, 0.5, 0.6, 0.1]", "fractions"),
        ("region = [0.5, 0.5, 0.0, 0.1]", "above 0"),
        ("gives = \"colour\"", "unknown variant `colour`"),
        ("name = \"a b\"", "letters"),
    ] {
        let message = open(entry).expect_err(entry).message;
        assert!(message.contains(expected), "{entry}: {message}");
    }
}
