//! What a tag says: words of 32 bits that cannot be mistaken for each other, however the tag is turned.
//!
//! A tag is a black square of 8 x 8 modules: a black border, inside it 6 x 6 modules of which the four at the corners stay black (nothing
//! near a tag's corner disturbs the place where it is measured) and 32 are bits, row by row from the top left, white is one.
//!
//! The words come from a seeded greedy search (`tests::table`): any two of them, and any word and itself turned by 90, 180 or 270 degrees, differ
//! in at least [`DISTANCE`] bits. A random word lies within [`CORRECTED`] bits of one of them, in one of the turns, with a chance of
//! 1.3e-4; a mat is believed only when several tags agree about where it lies.

use super::words::WORDS;

/// Modules along the side of a tag, border included.
pub(super) const MODULES: usize = 8;
/// Bits that differ at least between two words, over all turns.
#[cfg(test)]
const DISTANCE: u32 = 10;
/// Wrong bits that are put right.
const CORRECTED: u32 = 2;

/// Row and column of the module that carries each bit, from the top left of the tag.
pub(super) const CELLS: [(usize, usize); 32] = cells();

const fn cells() -> [(usize, usize); 32] {
    let mut out = [(0, 0); 32];
    let (mut i, mut at) = (0, 0);
    while i < 36 {
        let (row, column) = (i / 6, i % 6);
        if !((row == 0 || row == 5) && (column == 0 || column == 5)) {
            out[at] = (row + 1, column + 1);
            at += 1;
        }
        i += 1;
    }
    out
}

/// The same tag seen after a quarter turn: what stood in the first row, left to right, now stands in the last column, top to bottom.
pub(super) fn turned(word: u32) -> u32 {
    permuted(word, |row, column| (7 - column, row))
}

/// The tag seen in a mirror.
pub(super) fn mirrored(word: u32) -> u32 {
    permuted(word, |row, column| (row, 7 - column))
}

/// Bit `i` of the result is the bit of the cell that `from` names for cell `i`.
fn permuted(word: u32, from: impl Fn(usize, usize) -> (usize, usize)) -> u32 {
    let bit = |cell: (usize, usize)| {
        let k = CELLS.iter().position(|c| *c == cell).expect("turns and mirrors lead from cells to cells");
        (word >> k) & 1
    };
    CELLS.iter().enumerate().map(|(i, (row, column))| bit(from(*row, *column)) << i).sum()
}

/// A word that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// Its place in the table.
    pub(super) number: usize,
    /// Quarter turns that lead from the printed tag to what was seen.
    pub(super) turns: usize,
}

/// The word nearest to what was seen, when it is near enough.
pub(super) fn read(seen: u32) -> Option<Read> {
    let mut back = seen;
    for turns in 0..4 {
        if let Some(number) = WORDS.iter().position(|w| (w ^ back).count_ones() <= CORRECTED) {
            return Some(Read { number, turns });
        }
        // Three more quarter turns are one back.
        back = turned(turned(turned(back)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scramble(x: u64) -> u64 {
        let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// The greedy search that made the table.
    fn table(count: usize) -> Vec<u32> {
        let mut words: Vec<u32> = Vec::new();
        for trial in 0_u64.. {
            if words.len() == count {
                break;
            }
            let word = scramble(0x00a5_5a79 ^ scramble(trial)) as u32;
            // Even weight makes every distance even; neither nearly black nor nearly white.
            if !word.count_ones().is_multiple_of(2) || !(12..=20).contains(&word.count_ones()) {
                continue;
            }
            let mut turns = [word; 4];
            for i in 1..4 {
                turns[i] = turned(turns[i - 1]);
            }
            let far = |w: u32| turns.iter().all(|t| (t ^ w).count_ones() >= DISTANCE);
            if turns[1..].iter().all(|t| (t ^ word).count_ones() >= DISTANCE) && words.iter().all(|w| far(*w)) {
                words.push(word);
            }
        }
        words
    }

    #[test]
    fn words_keep_their_distance_and_the_table_is_the_seeds() {
        let made = table(WORDS.len());
        if std::env::var_os("ASSAY_BLESS").is_some() {
            let rows: Vec<String> = made
                .chunks(8)
                .map(|row| {
                    row.iter().map(|w| format!("0x{:04x}_{:04x},", w >> 16, w & 0xffff)).collect::<Vec<_>>().join(" ")
                })
                .collect();
            println!("{}", rows.join("\n    "));
        }
        for (i, a) in WORDS.iter().enumerate() {
            let mut turn = *a;
            for turns in 0..4 {
                for (j, b) in WORDS.iter().enumerate() {
                    assert!((i == j && turns == 0) || (turn ^ b).count_ones() >= DISTANCE, "{i} {j} {turns}");
                }
                turn = turned(turn);
            }
            assert_eq!(turn, *a, "four quarter turns");
            assert_eq!(mirrored(mirrored(*a)), *a);
        }
        assert_eq!(made, WORDS);
    }

    #[test]
    fn reads_every_word_in_every_turn_with_two_wrong_bits_and_not_with_five() {
        for (number, word) in WORDS.iter().enumerate() {
            let mut seen = *word;
            for turns in 0..4 {
                let wrong = (1 << (number % 32)) ^ (1 << ((7 * number + 3) % 32));
                assert_eq!(read(seen ^ wrong), Some(Read { number, turns }));
                // Five wrong bits lead at most to within five bits of any other word.
                assert_eq!(read(seen ^ 0b1_0001_0000_0100_0010_0000), None);
                seen = turned(seen);
            }
        }
    }
}
