use super::*;
use crate::photo::{Picture, Sha256};
use crate::synth::{PrintedCode, Seeded, code, photographed};
use image::GrayImage;

/// Texts that each format can say.
const TEXTS: [(Format, &str); 11] = [
    (Format::Qr, "WAZI-0042"),
    (Format::DataMatrix, "SN:K7-00193"),
    (Format::Aztec, "lot 2026-11 / 7"),
    (Format::Code128, "Ab-12_34"),
    (Format::Ean13, "4006381333931"),
    (Format::UpcA, "036000291452"),
    (Format::Ean8, "96385074"),
    (Format::UpcE, "01234565"),
    (Format::Code93, "TEST93"),
    (Format::Code39, "M19-VISOR"),
    (Format::Itf, "0817605453"),
];

pub(crate) fn photo(grey: GrayImage) -> Photo {
    let nothing = Sha256([0; 32]);
    Photo { picture: Picture::Grey(grey), file_sha256: nothing, pixels_sha256: nothing }
}

fn printed(format: Format, text: &str, centre: (f64, f64), module_px: f64, degrees: f64) -> PrintedCode {
    PrintedCode::flat(code(format, text).unwrap_or_else(|e| panic!("{format} {text}: {e}")), centre, module_px, degrees)
}

fn texts(reading: &Reading) -> Vec<(Format, &str)> {
    reading.codes.iter().map(|c| (c.format, c.text.as_str())).collect()
}

#[test]
fn what_was_printed_is_read_upright_turned_blurred_and_noisy() {
    for (format, text) in TEXTS {
        for (degrees, module_px, blur_px, noise) in
            [(0.0, 4.0, 0.8, 3.0), (90.0, 3.0, 0.6, 3.0), (180.0, 4.0, 1.2, 6.0), (7.0, 4.0, 0.8, 4.0)]
        {
            let one = printed(format, text, (331.0, 322.0), module_px, degrees).from_the_side(3.0, 5);
            let photo = photo(photographed(&[one], (660, 640), blur_px, noise, 9));
            let reading = read(&photo, None, Formats::ALL);
            assert_eq!(texts(&reading), [(format, text)], "{degrees} degrees, {module_px} px a module: {reading:?}");
            let at = reading.codes[0].region(&photo).expect("in the photo");
            assert!(at.x < 331 && at.x + at.w > 331 && at.y < 322 && at.y + at.h > 322, "{format}: {at:?}");
        }
    }
}

#[test]
fn white_on_black_is_read() {
    for (format, text) in [(Format::Qr, "WAZI-0042"), (Format::DataMatrix, "SN:K7-00193")] {
        let mut grey = photographed(&[printed(format, text, (150.0, 150.0), 5.0, 0.0)], (300, 300), 0.8, 2.0, 1);
        grey.iter_mut().for_each(|v| *v = 255 - *v);
        assert_eq!(texts(&read(&photo(grey), None, Formats::ALL)), [(format, text)]);
    }
}

#[test]
fn control_characters_and_group_separators_come_back() {
    // GS1: FNC1 stands first and between fields of variable length. The writer says FNC1 as U+00F1.
    let one = printed(Format::Code128, "\u{f1}10LOT7\u{f1}21SN9", (400.0, 100.0), 3.0, 0.0);
    let reading = read(&photo(photographed(&[one], (800, 200), 0.6, 2.0, 1)), None, Formats::ALL);
    assert_eq!(texts(&reading), [(Format::Code128, "10LOT7\u{1d}21SN9")]);
    for text in ["line\r\nfeed\t\u{1}", "\u{963f}\u{1f600} caf\u{e9}"] {
        let one = printed(Format::Qr, text, (150.0, 150.0), 4.0, 0.0);
        let reading = read(&photo(photographed(&[one], (300, 300), 0.6, 2.0, 1)), None, Formats::ALL);
        assert_eq!(texts(&reading), [(Format::Qr, text)]);
    }
}

#[test]
fn nothing_is_nothing() {
    let blank = GrayImage::from_pixel(640, 480, image::Luma([180]));
    assert_eq!(read(&photo(blank), None, Formats::ALL), Reading::default());
}

#[test]
fn a_qr_code_beyond_repair_is_unreadable() {
    let mut drawn = code(Format::Qr, "WAZI-0042").expect("a code");
    // Everything but the finder patterns is turned over in a third of the modules.
    let n = drawn.width();
    for (x, y, v) in drawn.enumerate_pixels_mut() {
        let finder = (x < 8 || x >= n - 8) && (y < 8 || y >= n - 8) && !(x >= n - 8 && y >= n - 8);
        if !finder && (x * 7 + y * 5) % 3 == 0 {
            v.0[0] = 255 - v.0[0];
        }
    }
    let grey = photographed(&[PrintedCode::flat(drawn, (150.0, 150.0), 5.0, 3.0)], (300, 300), 0.8, 2.0, 1);
    let reading = read(&photo(grey), None, Formats::ALL);
    assert!(reading.codes.is_empty(), "{reading:?}");
    assert!(
        reading.suspects.iter().any(|s| s.fault == Fault::Unreadable && s.format == Some(Format::Qr)),
        "{reading:?}"
    );
}

#[test]
fn smeared_bars_are_unreadable() {
    let one = printed(Format::Code128, "Ab-12_34", (300.0, 120.0), 3.0, 0.0);
    let mut grey = photographed(&[one], (600, 240), 0.6, 2.0, 1);
    // Four bars in the middle run into each other.
    for (x, _, v) in grey.enumerate_pixels_mut() {
        if (270..292).contains(&x) {
            v.0[0] = 40;
        }
    }
    let reading = read(&photo(grey), None, Formats::ALL);
    assert!(reading.codes.is_empty(), "{reading:?}");
    assert!(reading.suspects.iter().any(|s| s.fault == Fault::Unreadable), "{reading:?}");
}

/// The bars of an EAN-13 whose last digit is not its check digit.
fn wrong_check_digit() -> GrayImage {
    const L: [&str; 10] =
        ["0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011"];
    // First digit 4: LGLLGG.
    let digits = [0, 0, 6, 3, 8, 1, 3, 3, 3, 9, 3, 2];
    let turned = |s: &str| -> String { s.chars().map(|c| if c == '0' { '1' } else { '0' }).collect() };
    let mut bits = "101".to_owned();
    for (digit, set) in digits[..6].iter().zip("LGLLGG".chars()) {
        let g = || turned(L[*digit]).chars().rev().collect::<String>();
        bits += &if set == 'L' { L[*digit].to_owned() } else { g() };
    }
    bits += "01010";
    digits[6..].iter().for_each(|d| bits += &turned(L[*d]));
    bits += "101";
    GrayImage::from_raw(95, 1, bits.bytes().map(|b| if b == b'1' { 0 } else { 255 }).collect()).expect("95 modules")
}

#[test]
fn a_wrong_check_digit_is_told_with_its_digits() {
    let one = PrintedCode::flat(wrong_check_digit(), (250.0, 120.0), 4.0, 0.0);
    let reading = read(&photo(photographed(&[one], (500, 240), 0.8, 2.0, 1)), None, Formats::ALL);
    assert!(reading.codes.is_empty(), "{reading:?}");
    let told = reading.suspects.iter().find(|s| s.fault == Fault::CheckDigit).unwrap_or_else(|| panic!("{reading:?}"));
    assert_eq!((told.format, told.digits.as_deref()), (Some(Format::Ean13), Some("4006381333932")));
}

/// What was not asked for is not read as something else.
#[test]
fn only_the_formats_that_were_asked_for_are_read() {
    for (format, text) in TEXTS {
        let others: Vec<Format> = Format::ALL.into_iter().filter(|f| *f != format).collect();
        let one = printed(format, text, (331.0, 322.0), 4.0, 0.0);
        let photo = photo(photographed(&[one], (660, 640), 0.8, 3.0, 9));
        let found = read(&photo, None, Formats::of(&others));
        // The bars of a UPC-A are those of an EAN-13.
        let upc_a = [(Format::Ean13, "0036000291452")];
        let expected: &[(Format, &str)] = if format == Format::UpcA { &upc_a } else { &[] };
        assert_eq!(texts(&found), expected, "{format}");
    }
}

#[test]
fn two_codes_are_two() {
    let codes = [
        printed(Format::Qr, "WAZI-0042", (150.0, 160.0), 5.0, 4.0),
        printed(Format::Qr, "WAZI-0043", (450.0, 180.0), 5.0, -8.0),
        printed(Format::Code128, "LOT-7", (300.0, 420.0), 3.0, 0.0),
    ];
    let photo = photo(photographed(&codes, (600, 520), 0.8, 3.0, 2));
    let reading = read(&photo, None, Formats::ALL);
    let mut found = texts(&reading);
    found.sort_unstable();
    assert_eq!(found, [(Format::Qr, "WAZI-0042"), (Format::Qr, "WAZI-0043"), (Format::Code128, "LOT-7")]);
    // A region shows one of them, a format another.
    let right = PixelRect { x: 300, y: 0, w: 300, h: 330 };
    assert_eq!(texts(&read(&photo, Some(right), Formats::ALL)), [(Format::Qr, "WAZI-0043")]);
    assert_eq!(texts(&read(&photo, None, Formats::of(&[Format::Code128]))), [(Format::Code128, "LOT-7")]);
}

/// A code that the photo cuts off is never read as a shorter one.
#[test]
fn half_a_code_gives_no_text() {
    for (format, text) in TEXTS.iter().filter(|(f, _)| f.is_linear()) {
        for cut in [0.15, 0.4] {
            let drawn = code(*format, text).expect("a code");
            let width = f64::from(drawn.width()) * 4.0;
            // The left end lies outside the photo.
            let one = PrintedCode::flat(drawn, (width * (0.5 - cut), 100.0), 4.0, 0.0);
            let reading = read(&photo(photographed(&[one], (width as u32, 200), 0.6, 2.0, 1)), None, Formats::ALL);
            assert!(reading.codes.is_empty(), "{format} cut by {cut}: {reading:?}");
        }
    }
}

/// Noise, stripes and tiny pictures: no text, no panic.
#[test]
fn odd_pictures_give_nothing() {
    let mut stream = Seeded::new(4, 4);
    for (w, h) in [(1, 1), (1, 400), (400, 1), (16, 16), (17, 2000), (3000, 20), (64, 64), (300, 200)] {
        for kind in 0..4 {
            let grey = GrayImage::from_fn(w, h, |x, y| {
                image::Luma([match kind {
                    0 => stream.bits() as u8,
                    1 => 255 * u8::from(stream.bits() & 1 == 1),
                    2 => 255 * u8::from(x / 3 % 2 == 0),
                    _ => 255 * u8::from((x / 5 + y / 5) % 2 == 0),
                }])
            });
            let reading = read(&photo(grey), None, Formats::ALL);
            assert!(reading.codes.is_empty(), "{w} x {h}, kind {kind}: {reading:?}");
        }
    }
}

#[test]
fn the_same_photo_gives_the_same_reading() {
    let codes = [printed(Format::DataMatrix, "SN:K7-00193", (150.0, 160.0), 4.0, 31.0)];
    let photo = photo(photographed(&codes, (400, 320), 1.0, 8.0, 2));
    assert_eq!(read(&photo, None, Formats::ALL), read(&photo, None, Formats::ALL));
}
