//! Photos from outside: what cannot be used is refused in one line that a worker understands, and never judged half.

use image::{DynamicImage, ImageBuffer, ImageFormat, LumaA, RgbImage};
use inspector::photo::{DecodeLimits, PhotoError, Picture, decode};

fn scene() -> RgbImage {
    RgbImage::from_fn(120, 80, |x, y| image::Rgb([(2 * x) as u8, (3 * y) as u8, (x + y) as u8]))
}

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    image.into().write_to(&mut out, format).expect("memory takes every byte");
    out.into_inner()
}

/// A JPEG with EXIF orientation 6: the camera was turned, width and height change places.
fn portrait() -> Vec<u8> {
    let jpeg = encoded(scene(), ImageFormat::Jpeg);
    let exif = b"\xFF\xE1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    [&jpeg[..2], exif, &jpeg[2..]].concat()
}

/// A file of the given kind that must be refused, and words of its refusal.
fn bad_files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let (jpeg, png) = (encoded(scene(), ImageFormat::Jpeg), encoded(scene(), ImageFormat::Png));
    let frame = |width: u16, height: u16, components: u8| {
        let [(h1, h0), (w1, w0)] = [height, width].map(|v| ((v >> 8) as u8, v as u8));
        let mut out = vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 8 + 3 * components, 8, h1, h0, w1, w0, components];
        (1..=components).for_each(|id| out.extend([id, 0x11, 0]));
        out.extend([0xFF, 0xD9]);
        out
    };
    let see_through = ImageBuffer::from_pixel(9, 9, LumaA([90u8, 40]));
    let mut black = jpeg[..jpeg.len() / 2].to_vec();
    black.extend([0xFF, 0xD9]);
    vec![
        ("empty", Vec::new(), "the file is empty"),
        ("half a JPEG", jpeg[..jpeg.len() / 2].to_vec(), "incomplete"),
        ("half a JPEG with an end mark", black, "damaged"),
        ("half a PNG", png[..png.len() / 2].to_vec(), "incomplete"),
        ("a letter", b"Dear Sir, please find attached".to_vec(), "not a picture"),
        ("60,000 x 60,000", frame(60_000, 60_000, 3), "declares 60000 x 60000"),
        ("no rows", frame(640, 0, 3), "640 x 0 pixels"),
        ("CMYK", frame(640, 480, 4), "CMYK"),
        ("transparent", encoded(see_through, ImageFormat::Png), "81 transparent pixels of 81"),
        ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), "HEIC"),
        ("PDF", b"%PDF-1.4".to_vec(), "PDF"),
        ("GIF", b"GIF89a\x01\0\x01\0\0\0\0".to_vec(), "GIF"),
    ]
}

#[test]
fn bad_photos_are_refused_in_one_clear_line() {
    for (what, bytes, words) in bad_files() {
        let error = decode(&bytes, &DecodeLimits::default()).expect_err(what).to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{what}: {error}");
    }
}

#[test]
fn good_photos_are_upright_and_whole() {
    let photo = decode(&portrait(), &DecodeLimits::default()).unwrap();
    assert_eq!((photo.width(), photo.height()), (80, 120));
    let Picture::Colour(p) = &photo.picture else { panic!("a colour photo stays one") };
    // The scene's first pixel, dark, was seen at the top right.
    assert!(p.get_pixel(79, 0).0.iter().all(|v| *v < 30), "{:?}", p.get_pixel(79, 0));

    let deep = ImageBuffer::<image::Luma<u16>, _>::from_fn(30, 20, |x, y| image::Luma([(900 * x + y) as u16]));
    let photo = decode(&encoded(deep.clone(), ImageFormat::Png), &DecodeLimits::default()).unwrap();
    assert!(matches!(photo.picture, Picture::Grey16(p) if p == deep));
}

#[test]
fn limits_are_the_callers() {
    let bytes = encoded(scene(), ImageFormat::Png);
    let limits = DecodeLimits { max_pixels: 120 * 80 - 1, ..Default::default() };
    assert_eq!(
        decode(&bytes, &limits).unwrap_err(),
        PhotoError::TooManyPixels { width: 120, height: 80, limit: 120 * 80 - 1 }
    );
}

#[test]
fn every_photo_of_the_data_sets_is_decoded() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let mut folders = vec![data.join("pcb_pairs"), data.join("metrology"), data.join("presence_screws")];
    if !folders.iter().all(|f| f.is_dir()) {
        eprintln!("skipped: the shared data are not here");
        return;
    }
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
            if path.is_dir() {
                folders.push(path);
            } else if ["jpg", "jpeg", "png", "bmp", "tif", "tiff"].contains(&&extension[..]) {
                if let Err(e) = decode(&std::fs::read(&path).unwrap(), &DecodeLimits::default()) {
                    panic!("{e}: {}", path.display());
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "only {seen} photos found");
}
