//! What station and worker say to each other: short JSON frames over a socket. The numbers themselves lie in memory that both have open,
//! inputs first, outputs after them: they are copied once on each side and never parsed.

use inspector::photo::Sha256;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// Longest frame.
const MAX_FRAME: usize = 1 << 20;
/// Outputs begin at a multiple of this.
const PAGE: u64 = 4096;

/// What the worker is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Backend {
    /// tract, which is in the program.
    Tract,
    /// A library, and the digest it must have.
    Native { path: PathBuf, sha256: Sha256 },
}

/// From the station.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// First of all.
    Start { backend: Backend, memory_bytes: u64 },
    /// Once.
    Open(OpenGraph),
    /// The input lies in the shared memory.
    Run,
}

/// The graph to open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OpenGraph {
    pub(super) file: PathBuf,
    pub(super) sha256: Sha256,
    pub(super) input: String,
    pub(super) shape: [usize; 4],
    pub(super) constants: Vec<Fixed>,
    pub(super) outputs: Vec<String>,
}

/// An input that is the same for every picture.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Fixed {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    /// Bits of `f32`: JSON has no infinity. One for all where they are all the same: masks.
    pub(super) bits: Vec<u32>,
}

impl Fixed {
    /// Its numbers, as many as its shape holds.
    pub(super) fn numbers(&self) -> Vec<f32> {
        match self.bits[..] {
            [same] => vec![f32::from_bits(same); self.shape.iter().product()],
            _ => self.bits.iter().map(|b| f32::from_bits(*b)).collect(),
        }
    }
}

/// From the worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The runtime is loaded.
    Started,
    /// The graph is open.
    Opened,
    /// The outputs lie in the shared memory, one after the other; these are their shapes.
    Ran { shapes: Vec<Vec<usize>> },
    /// No, and why.
    No { what: String },
}

impl OpenGraph {
    /// Numbers of the picture input.
    pub(super) fn input_len(&self) -> usize {
        self.shape.iter().product()
    }
    /// Where outputs begin in the shared memory.
    pub(super) fn outputs_at(&self) -> u64 {
        (self.input_len() as u64 * 4).next_multiple_of(PAGE)
    }
}

/// Writes one frame.
pub(super) fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    if length > MAX_FRAME {
        return Err(io::Error::other(format!("a message of {length} bytes, expected at most {MAX_FRAME}")));
    }
    frame[..4].copy_from_slice(&u32::try_from(length).expect("bounded above").to_le_bytes());
    to.write_all(&frame)
}

/// Reads one frame.
pub(super) fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::other(format!("a message of {length} bytes, expected at most {MAX_FRAME}")));
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(serde_json::from_slice(&frame)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_claims_too_much_is_refused_before_it_is_read() {
        let mut frame = Vec::new();
        send(&mut frame, &Answer::Ran { shapes: vec![vec![1, 2], vec![]] }).unwrap();
        let Answer::Ran { shapes } = receive(&mut frame.as_slice()).unwrap() else { panic!() };
        assert_eq!(shapes, [vec![1, 2], vec![]]);
        let huge = u32::MAX.to_le_bytes();
        let e = receive::<Answer>(&mut huge.as_slice()).unwrap_err().to_string();
        assert!(e.contains("expected at most 1048576"), "{e}");
        assert!(receive::<Answer>(&mut &frame[..frame.len() - 1]).is_err(), "a cut frame is no frame");
    }
}
