//! Codes on real photos and on photos without any: what is read, what is not, and that nothing is read wrong.

use inspector::codes::{Format, Formats, Reading, read};
use inspector::photo::{DecodeLimits, Photo, decode};
use inspector::synth::{PrintedCode, Seeded, code, photographed};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn shared(folder: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: no pictures of {folder} beside the project");
    None
}

/// Every picture below a folder, in order.
fn pictures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()) {
            let extension = entry.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
            if entry.is_dir() {
                folders.push(entry);
            } else if ["png", "jpg", "jpeg", "bmp", "tif", "tiff"].contains(&extension.as_str()) {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

fn photo(path: &Path) -> Photo {
    decode(&std::fs::read(path).unwrap(), &DecodeLimits::default()).unwrap()
}

fn photo_of(grey: &image::GrayImage) -> Photo {
    let mut png = std::io::Cursor::new(Vec::new());
    grey.write_to(&mut png, image::ImageFormat::Png).unwrap();
    decode(png.get_ref(), &DecodeLimits::default()).unwrap()
}

/// Bar: at least 28 of 30 texts exact (zxing-cpp reads 27), no wrong text.
#[test]
fn real_codes_are_read_and_none_is_read_wrong() {
    let Some(folder) = shared("barcodes") else { return };
    // Exact, other text, none.
    let mut table: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for path in pictures(&folder) {
        let Ok(expected) = std::fs::read_to_string(path.with_extension("txt")) else { continue };
        let set = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let Reading { codes, .. } = read(&photo(&path), None, Formats::ALL);
        let column = match codes.as_slice() {
            [] => 2,
            all if all.iter().all(|c| c.text == expected) => 0,
            _ => 1,
        };
        if column > 0 {
            println!("{}: {codes:?}", path.display());
        }
        table.entry(set).or_default()[column] += 1;
    }
    println!("{:14} exact other none", "set");
    for (set, [exact, other, none]) in &table {
        println!("{set:14} {exact:5} {other:5} {none:4}");
    }
    let sum = |column: usize| table.values().map(|row| row[column]).sum::<usize>();
    println!("{:14} {:5} {:5} {:4}", "all", sum(0), sum(1), sum(2));
    assert_eq!(sum(1), 0, "a wrong text is worse than none");
    assert!(sum(0) >= 28 || sum(0) + sum(2) != 30, "expected at least 28 of 30 exact, found {}", sum(0));
}

/// One picture in `every` of each folder: boards, screws, washers, papers, prints.
fn false_reads(every: usize) {
    let mut looked_at = 0;
    for folder in ["pcb_pairs", "metrology", "anomaly", "presence_screws", "print3d_failure"] {
        let Some(folder) = shared(folder) else { continue };
        let all = pictures(&folder);
        for path in all.iter().filter(|p| !p.to_string_lossy().contains("ground_truth")).step_by(every) {
            let Ok(photo) = decode(&std::fs::read(path).unwrap(), &DecodeLimits::default()) else { continue };
            let reading = read(&photo, None, Formats::ALL);
            assert!(reading.codes.is_empty(), "{}: {:?}", path.display(), reading.codes);
            looked_at += 1;
        }
    }
    println!("{looked_at} pictures without a code: no text read");
}

#[test]
fn pictures_without_a_code_give_no_text() {
    false_reads(40);
}

#[test]
#[ignore = "long: every picture"]
fn no_picture_without_a_code_gives_a_text() {
    false_reads(1);
}

/// A text that a format can say, and the code.
fn random_code(format: Format, stream: &mut Seeded) -> (String, image::GrayImage) {
    let mut pick =
        |from: &[u8], n: usize| -> String { (0..n).map(|_| char::from(*stream.pick(from).unwrap())).collect() };
    let with_check = |digits: String| {
        let weighted = |(i, d): (usize, u8)| u32::from(d - b'0') * if i % 2 == 0 { 3 } else { 1 };
        let sum: u32 = digits.bytes().rev().enumerate().map(weighted).sum();
        format!("{digits}{}", (10 - sum % 10) % 10)
    };
    let text = match format {
        Format::Ean13 => with_check(pick(b"123456789", 1) + &pick(b"0123456789", 11)),
        Format::UpcA => with_check(pick(b"0123456789", 11)),
        Format::Ean8 => with_check(pick(b"0123456789", 7)),
        Format::UpcE => pick(b"0", 1) + &pick(b"0123456789", 6),
        Format::Itf => pick(b"0123456789", 10),
        Format::Code39 | Format::Code93 => pick(b"ABCDEFGHJKLMNPQRSTUVWXYZ0123456789-", 8),
        _ => pick(b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghij0123456789-/:", 12),
    };
    let drawn = code(format, &text).unwrap();
    (text, drawn)
}

/// Random codes, turned by any angle, from the side, blurred up to half a module, noisy: read or not read, but never read wrong.
fn sweep(each: u64) {
    println!("{:12} read none", "format");
    let mut all = 0;
    for format in Format::ALL {
        let (mut exact, mut none) = (0, 0);
        for i in 0..each {
            let mut stream = Seeded::new(i, format as u64);
            let (text, drawn) = random_code(format, &mut stream);
            let module_px = stream.between(1.6, 5.0);
            let side = f64::from(drawn.width().max(drawn.height())) * module_px * 1.3 + 120.0;
            let centre = (0.5 * side + stream.between(-20.0, 20.0), 0.5 * side + stream.between(-20.0, 20.0));
            let degrees = stream.between(0.0, 360.0);
            let one = PrintedCode::flat(drawn, centre, module_px, degrees);
            let one = one.from_the_side(stream.between(0.0, 0.03) * side, i);
            let (blur, noise) = (stream.between(0.0, 0.5) * module_px, stream.between(0.0, 15.0));
            let grey = photographed(&[one], (side as u32 + 60, side as u32), blur, noise, i);
            let reading = read(&photo_of(&grey), None, Formats::ALL);
            // UPC-E's check digit is not part of what was asked for.
            let right = |t: &str| t == text || (format == Format::UpcE && t.starts_with(&text));
            match reading.codes.as_slice() {
                [] => none += 1,
                [one] if one.format == format && right(&one.text) => exact += 1,
                wrong => panic!("{format} {text:?} number {i}: {wrong:?}"),
            }
        }
        println!("{format:12} {exact:4} {none:4}");
        all += exact;
    }
    let printed = each * Format::ALL.len() as u64;
    assert!(4 * all >= 3 * printed, "only {all} of {printed} read");
}

#[test]
fn random_codes_are_read_or_not_but_never_wrong() {
    sweep(3);
}

#[test]
#[ignore = "long: 200 codes of each format"]
fn two_hundred_codes_of_each_format() {
    sweep(200);
}

/// Pictures with pieces turned over, shifted, stretched, cut: whatever rxing makes of them, it ends, and gives the text or none.
fn mutated(each: u64) {
    let mut read_right = 0;
    for format in Format::ALL {
        for i in 0..each {
            let mut stream = Seeded::new(i, 100 + format as u64);
            let (text, drawn) = random_code(format, &mut stream);
            let one = PrintedCode::flat(drawn, (200.0, 150.0), stream.between(1.0, 3.0), stream.between(0.0, 90.0));
            let mut grey = photographed(&[one], (400, 300), 0.6, 4.0, i);
            for _ in 0..stream.below(6) {
                let (w, h) = (1 + stream.below(120) as u32, 1 + stream.below(90) as u32);
                let (x, y) = (stream.below(400) as u32, stream.below(300) as u32);
                let kind = stream.below(3);
                for (px, py, v) in grey.enumerate_pixels_mut() {
                    if (x..x + w).contains(&px) && (y..y + h).contains(&py) {
                        v.0[0] = match kind {
                            0 => 255 - v.0[0],
                            1 => stream.bits() as u8,
                            _ => 128,
                        };
                    }
                }
            }
            let (w, h) = (1 + stream.below(400) as u32, 1 + stream.below(300) as u32);
            let cut =
                image::imageops::crop_imm(&grey, stream.below(100) as u32, stream.below(100) as u32, w, h).to_image();
            for reading in [read(&photo_of(&grey), None, Formats::ALL), read(&photo_of(&cut), None, Formats::ALL)] {
                for found in &reading.codes {
                    let right = found.text == text || (format == Format::UpcE && found.text.starts_with(&text));
                    assert!(right, "{format} {text:?} number {i}: {found:?}");
                    read_right += 1;
                }
            }
        }
    }
    println!("{} mutated pictures: {read_right} texts, none wrong", 2 * 11 * each);
}

#[test]
fn mutated_codes_end_and_are_never_wrong() {
    mutated(3);
}

#[test]
#[ignore = "long: 4,400 pictures"]
fn many_mutated_codes() {
    mutated(200);
}
