//! Every kind of photo that must be decoded, and every kind that must be refused, with pictures made here.

mod bad;
mod good;
mod make;
mod mangled;

use super::{DecodeLimits, Photo, PhotoError, decode};

fn decoded(bytes: &[u8]) -> Photo {
    decode(bytes, &DecodeLimits::default()).unwrap()
}

fn refused(bytes: &[u8]) -> PhotoError {
    decode(bytes, &DecodeLimits::default()).expect_err("this must be refused")
}

/// The refusal in words, which must hold in one line.
fn words(bytes: &[u8]) -> String {
    let words = refused(bytes).to_string();
    assert!(!words.contains('\n'), "{words}");
    words
}
