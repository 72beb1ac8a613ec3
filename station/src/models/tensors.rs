//! Between the `f32` of this program and whatever element type a graph wants or gives.

use half::{bf16, f16};
use ort::session::SessionInputValue;
use ort::value::{DynValue, TensorElementType, TensorRef};
use tract_onnx::pb::tensor_proto::DataType;

/// Element types that an input may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F32,
    F16,
    F64,
    U8,
    I8,
    I32,
    I64,
    Bool,
}

impl Element {
    /// From a graph's own number for it.
    pub(super) fn of(data_type: i32) -> Option<Self> {
        Some(match DataType::try_from(data_type).ok()? {
            DataType::Float => Self::F32,
            DataType::Float16 => Self::F16,
            DataType::Double => Self::F64,
            DataType::Uint8 => Self::U8,
            DataType::Int8 => Self::I8,
            DataType::Int32 => Self::I32,
            DataType::Int64 => Self::I64,
            DataType::Bool => Self::Bool,
            _ => return None,
        })
    }
}

/// The name of a graph's element type, for messages.
pub(super) fn type_word(data_type: i32) -> String {
    DataType::try_from(data_type).map_or_else(|_| format!("type {data_type}"), |t| t.as_str_name().to_lowercase())
}

/// Numbers in the element type of an input.
#[derive(Debug)]
pub(super) enum Numbers {
    F32(Vec<f32>),
    F16(Vec<f16>),
    F64(Vec<f64>),
    U8(Vec<u8>),
    I8(Vec<i8>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
}

impl Numbers {
    /// Converted: whole-number types get them rounded and held within their range, `bool` whether they are not zero.
    pub(super) fn of(element: Element, numbers: &[f32]) -> Self {
        let mut converted = match element {
            Element::F32 => Self::F32(Vec::new()),
            Element::F16 => Self::F16(Vec::new()),
            Element::F64 => Self::F64(Vec::new()),
            Element::U8 => Self::U8(Vec::new()),
            Element::I8 => Self::I8(Vec::new()),
            Element::I32 => Self::I32(Vec::new()),
            Element::I64 => Self::I64(Vec::new()),
            Element::Bool => Self::Bool(Vec::new()),
        };
        converted.set(numbers);
        converted
    }

    /// Replaces them, in the same element type.
    pub(super) fn set(&mut self, numbers: &[f32]) {
        fn fill<T>(to: &mut Vec<T>, numbers: &[f32], convert: impl Fn(f32) -> T) {
            to.clear();
            to.extend(numbers.iter().map(|v| convert(*v)));
        }
        match self {
            Self::F32(to) => fill(to, numbers, |v| v),
            Self::F16(to) => fill(to, numbers, f16::from_f32),
            Self::F64(to) => fill(to, numbers, f64::from),
            Self::U8(to) => fill(to, numbers, |v| v.round() as u8),
            Self::I8(to) => fill(to, numbers, |v| v.round() as i8),
            Self::I32(to) => fill(to, numbers, |v| v.round() as i32),
            Self::I64(to) => fill(to, numbers, |v| v.round() as i64),
            Self::Bool(to) => fill(to, numbers, |v| v != 0.0),
        }
    }

    /// As a runtime takes them, without a copy.
    pub(super) fn value<'a>(&'a self, shape: &[usize]) -> ort::Result<SessionInputValue<'a>> {
        let shape = shape.to_vec();
        Ok(match self {
            Self::F32(v) => TensorRef::from_array_view((shape, v.as_slice()))?.into(),
            Self::F16(v) => TensorRef::from_array_view((shape, v.as_slice()))?.into(),
            Self::F64(v) => TensorRef::from_array_view((shape, v.as_slice()))?.into(),
            Self::U8(v) => TensorRef::from_array_view((shape, v.as_slice()))?.into(),
            Self::I8(v) => TensorRef::from_array_view((shape, v.as_slice()))?.into(),
            Self::I32(v) => TensorRef::from_array_view((shape, v.as_slice()))?.into(),
            Self::I64(v) => TensorRef::from_array_view((shape, v.as_slice()))?.into(),
            Self::Bool(v) => TensorRef::from_array_view((shape, v.as_slice()))?.into(),
        })
    }

    /// Little-endian, as ONNX keeps them.
    pub(super) fn bytes(&self) -> Vec<u8> {
        fn join<const N: usize>(bytes: impl Iterator<Item = [u8; N]>) -> Vec<u8> {
            bytes.flatten().collect()
        }
        match self {
            Self::F32(v) => join(v.iter().map(|x| x.to_le_bytes())),
            Self::F16(v) => join(v.iter().map(|x| x.to_le_bytes())),
            Self::F64(v) => join(v.iter().map(|x| x.to_le_bytes())),
            Self::U8(v) => v.clone(),
            Self::I8(v) => join(v.iter().map(|x| x.to_le_bytes())),
            Self::I32(v) => join(v.iter().map(|x| x.to_le_bytes())),
            Self::I64(v) => join(v.iter().map(|x| x.to_le_bytes())),
            Self::Bool(v) => v.iter().map(|x| u8::from(*x)).collect(),
        }
    }
}

/// Hands an output to `then` as `f32`, with its shape. What is `f32` already is not copied.
pub(super) fn with_f32<T>(
    name: &str,
    value: &DynValue,
    then: impl FnOnce(&[usize], &[f32]) -> Result<T, String>,
) -> Result<T, String> {
    let Some(element) = value.dtype().tensor_type() else {
        return Err(format!("output {name:?}: expected numbers, found {}", value.dtype()));
    };
    macro_rules! converted {
        ($type:ty, $convert:expr) => {{
            let (shape, numbers) = value.try_extract_tensor::<$type>().map_err(|e| e.to_string())?;
            let numbers: Vec<f32> = numbers.iter().map($convert).collect();
            then(&sizes(shape)?, &numbers)
        }};
    }
    match element {
        TensorElementType::Float32 => {
            let (shape, numbers) = value.try_extract_tensor::<f32>().map_err(|e| e.to_string())?;
            then(&sizes(shape)?, numbers)
        }
        TensorElementType::Float16 => converted!(f16, |v| v.to_f32()),
        TensorElementType::Bfloat16 => converted!(bf16, |v| v.to_f32()),
        TensorElementType::Float64 => converted!(f64, |v| *v as f32),
        TensorElementType::Uint8 => converted!(u8, |v| f32::from(*v)),
        TensorElementType::Int8 => converted!(i8, |v| f32::from(*v)),
        TensorElementType::Uint16 => converted!(u16, |v| f32::from(*v)),
        TensorElementType::Int16 => converted!(i16, |v| f32::from(*v)),
        TensorElementType::Int32 => converted!(i32, |v| *v as f32),
        TensorElementType::Uint32 => converted!(u32, |v| *v as f32),
        TensorElementType::Int64 => converted!(i64, |v| *v as f32),
        TensorElementType::Uint64 => converted!(u64, |v| *v as f32),
        TensorElementType::Bool => converted!(bool, |v| f32::from(u8::from(*v))),
        other => Err(format!("output {name:?}: expected numbers, found {other}")),
    }
}

fn sizes(shape: &[i64]) -> Result<Vec<usize>, String> {
    shape.iter().map(|d| usize::try_from(*d).map_err(|_| format!("an output of shape {shape:?}"))).collect()
}
