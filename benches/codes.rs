//! Reading codes: every format, at 2 and 12 megapixels, and photos without a code, which cost most.
//!
//! `cargo bench -p benches --bench codes`.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{Criterion, criterion_group, criterion_main};
use inspector::codes::{Format, Formats, read};
use inspector::photo::{DecodeLimits, Photo, decode};
use inspector::synth::{PrintedCode, code, photographed};
use std::hint::black_box;

const SIZES: [(&str, (u32, u32)); 2] = [("2 MP", (1632, 1224)), ("12 MP", (4000, 3000))];

const TEXTS: [(Format, &str); 9] = [
    (Format::Qr, "WAZI-0042"),
    (Format::DataMatrix, "SN:K7-00193"),
    (Format::Aztec, "lot 2026-11 / 7"),
    (Format::Code128, "Ab-12_34"),
    (Format::Ean13, "4006381333931"),
    (Format::UpcA, "036000291452"),
    (Format::Code93, "TEST93"),
    (Format::Code39, "M19-VISOR"),
    (Format::Itf, "0817605453"),
];

/// A photo with these codes in its middle, a third of its width, turned by 7 degrees.
fn photo(codes: &[(Format, &str)], size: (u32, u32)) -> Photo {
    let centre = (0.45 * f64::from(size.0), 0.55 * f64::from(size.1));
    let print = |(format, text): &(Format, &str)| {
        let drawn = code(*format, text).expect("a text it can say");
        let module_px = f64::from(size.0) / 3.0 / f64::from(drawn.width().max(60));
        PrintedCode::flat(drawn, centre, module_px, 7.0)
    };
    let grey = photographed(&codes.iter().map(print).collect::<Vec<_>>(), size, 1.0, 3.0, 1);
    let mut png = std::io::Cursor::new(Vec::new());
    grey.write_to(&mut png, image::ImageFormat::Png).expect("in memory");
    decode(png.get_ref(), &DecodeLimits::default()).expect("a photo")
}

fn codes(c: &mut Criterion) {
    for (name, size) in SIZES {
        let mut group = c.benchmark_group(format!("codes {name}"));
        group.sample_size(10);
        for one in TEXTS {
            let photo = photo(&[one], size);
            assert_eq!(read(&photo, None, Formats::ALL).codes.len(), 1, "{} at {name}", one.0);
            group.bench_function(one.0.word(), |b| b.iter(|| read(black_box(&photo), None, Formats::ALL)));
        }
        let blank = photo(&[], size);
        group.bench_function("blank", |b| b.iter(|| read(black_box(&blank), None, Formats::ALL)));
        group.finish();
    }
}

criterion_group!(benches, codes);
criterion_main!(benches);
