//! Reading NumPy's `.npy` files (NEP 1) that anybody may have written.

use ndarray::{ArrayD, ArrayViewD, IxDyn};
use ndarray_npy::{ReadNpyExt, ReadableElement, ViewElement, ViewNpyError, ViewNpyExt};

/// The numbers of an `.npy` file as `f32`, whatever plain type they have.
///
/// # Errors
/// What was found instead. A header that speaks of more than the file holds takes no memory.
pub(super) fn read(bytes: &[u8]) -> Result<ArrayD<f32>, String> {
    // The header's length is read before anything is made as long as it says.
    let header = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => u64::from(u16::from_le_bytes([*a, *b])),
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            u64::from(u32::from_le_bytes([*a, *b, *c, *d]))
        }
        _ => return Err("a file that is no .npy file".to_owned()),
    };
    if header > bytes.len() as u64 {
        return Err("an .npy file that ends in its header".to_owned());
    }
    // Other types are tried in turn: the reader looks at the header first and at the numbers only when the type is the right one.
    let mut found = whole::<f32>(bytes, |v| v);
    if matches!(found, Err(Refusal::OtherType)) {
        found = whole::<f64>(bytes, |v| v as f32);
    }
    if matches!(found, Err(Refusal::OtherType)) {
        found = whole::<i64>(bytes, |v| v as f32);
    }
    if matches!(found, Err(Refusal::OtherType)) {
        found = whole::<i32>(bytes, |v| v as f32);
    }
    if matches!(found, Err(Refusal::OtherType)) {
        found = whole::<u8>(bytes, f32::from);
    }
    if matches!(found, Err(Refusal::OtherType)) {
        found = whole::<bool>(bytes, |v| f32::from(u8::from(v)));
    }
    found.map_err(|refusal| match refusal {
        Refusal::OtherType => "numbers of another type than float32, float64, int64, int32, uint8 or bool".to_owned(),
        Refusal::Broken(what) => format!("a broken .npy file: {}", what.replace('\n', " ")),
    })
}

enum Refusal {
    OtherType,
    Broken(String),
}

fn whole<T>(bytes: &[u8], number: impl Fn(T) -> f32) -> Result<ArrayD<f32>, Refusal>
where
    T: ReadableElement + ViewElement + Copy,
{
    match ArrayViewD::<T>::view_npy(bytes) {
        Ok(view) => Ok(standard(view.mapv(number))),
        Err(ViewNpyError::WrongDescriptor(_)) => Err(Refusal::OtherType),
        // The view has found the file as long as its header says; only where it lies in memory, or the order of its bytes, is not to be
        // looked at in place.
        Err(ViewNpyError::MisalignedData) => {
            let array = ArrayD::<T>::read_npy(bytes).map_err(|e| Refusal::Broken(e.to_string()))?;
            Ok(standard(array.mapv(number)))
        }
        Err(e) => Err(Refusal::Broken(e.to_string())),
    }
}

/// In C order, as networks take and give them.
fn standard(array: ArrayD<f32>) -> ArrayD<f32> {
    if array.is_standard_layout() {
        return array;
    }
    let shape = IxDyn(array.shape());
    ArrayD::from_shape_vec(shape, array.iter().copied().collect()).expect("as many numbers as the array has")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray_npy::WriteNpyExt;
    use proptest::prelude::*;

    fn file<T: ndarray_npy::WritableElement + Copy>(shape: &[usize], values: &[T]) -> Vec<u8> {
        let mut bytes = Vec::new();
        ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap().write_npy(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn every_plain_type_is_read_wherever_it_lies() {
        let expected = ArrayD::from_shape_vec(IxDyn(&[2, 1]), vec![1.0_f32, 0.0]).unwrap();
        for bytes in [
            file(&[2, 1], &[1.0_f32, 0.0]),
            file(&[2, 1], &[1.0_f64, 0.0]),
            file(&[2, 1], &[1_i64, 0]),
            file(&[2, 1], &[1_i32, 0]),
            file(&[2, 1], &[1_u8, 0]),
            file(&[2, 1], &[true, false]),
        ] {
            for shift in 0..8 {
                let mut moved = vec![0; shift];
                moved.extend_from_slice(&bytes);
                assert_eq!(read(&moved[shift..]).unwrap(), expected);
            }
        }
        assert!(read(&file(&[1], &[1_i16])).unwrap_err().contains("another type"));
        assert_eq!(read(b"hello").unwrap_err(), "a file that is no .npy file");
    }

    #[test]
    fn a_header_that_promises_more_takes_no_memory() {
        let bytes = file(&[2, 1], &[1.0_f32, 0.0]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let at = text.find("(2, 1)").map(|_| bytes.windows(6).position(|w| w == b"(2, 1)").unwrap()).unwrap();
        let mut huge = bytes.clone();
        huge.splice(at..at + 6 + 14, *b"(99999999999, 99999)");
        assert!(read(&huge).unwrap_err().contains("broken"), "{:?}", read(&huge));
        let mut long = bytes;
        long[6] = 2;
        long[8..12].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
        assert_eq!(read(&long).unwrap_err(), "an .npy file that ends in its header");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn no_change_of_a_file_makes_the_reader_panic(
            changes in proptest::collection::vec((0..3usize, any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let mut bytes = file(&[1, 2, 3], &[0.5_f32; 6]);
            for (kind, place, byte) in changes {
                let i = place.index(bytes.len());
                match kind {
                    0 => bytes[i] = byte,
                    1 => bytes.insert(i, byte),
                    _ => drop(bytes.remove(i)),
                }
            }
            let _ = read(&bytes);
        }
    }
}
