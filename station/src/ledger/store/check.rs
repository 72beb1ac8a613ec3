//! Whether the store still holds what was written into it.

use super::row::{self, Row};
use super::{CHUNK, Digest, Store, broken, seq_of};
use crate::ledger::LedgerError;

/// An order-independent sum over keys: rows say what it must be, the tree says what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    keys: u64,
    hash: u64,
}

impl Sum {
    fn add(&mut self, key: &[u8], value_crc: u32) {
        self.keys += 1;
        self.hash = self.hash.wrapping_add(u64::from(crc32c::crc32c_append(value_crc, key)));
    }
}

impl Store {
    /// Rows and checksum of a chunk as they are, up to a sequence number.
    fn digest_of_rows(&self, chunk: u64, last_seq: u64) -> Result<Digest, LedgerError> {
        let mut digest = Digest::default();
        let end = ((chunk + 1) * CHUNK - 1).min(last_seq);
        for pair in self.rows.range((chunk * CHUNK).to_be_bytes()..=end.to_be_bytes()) {
            let (key, bytes) = pair?;
            digest.add(seq_of(&key)?, &bytes);
        }
        Ok(digest)
    }

    fn recorded_digest(&self, chunk: u64) -> Result<Digest, LedgerError> {
        let bytes = self.digests.get(chunk.to_be_bytes())?;
        bytes.map_or(Ok(Digest::default()), |b| Digest::decode(&b).ok_or_else(|| broken("digest")))
    }

    /// Whether the rows of a chunk are those that were written. Cost: about 1 ms.
    pub(in super::super) fn chunk_is_whole(&self, chunk: u64) -> Result<bool, LedgerError> {
        let tip = self.tip();
        Ok(self.digest_of_rows(chunk, tip.last_seq)? == self.recorded_digest(chunk)?)
    }

    /// Whether the digests together have as many rows as were written, and the last one is the checkpoint's.
    pub(in super::super) fn digests_are_whole(&self) -> Result<bool, LedgerError> {
        let tip = self.tip();
        let mut rows = 0;
        for pair in self.digests.iter() {
            rows += u64::from(Digest::decode(&pair?.1).ok_or_else(|| broken("digest"))?.count);
        }
        Ok(rows == tip.rows && (tip.rows == 0 || self.recorded_digest(tip.last_seq / CHUNK)? == tip.digest))
    }

    /// Whether indexes and measured values are exactly those that the rows up to `last_seq` ask for.
    /// Cost: reads the whole store, some 10 us per entry.
    pub(in super::super) fn keys_are_whole(&self, last_seq: u64, stop: impl Fn() -> bool) -> Result<bool, LedgerError> {
        let mut expected = [Sum::default(); 2];
        for pair in self.rows.range(..=last_seq.to_be_bytes()) {
            let (key, bytes) = pair?;
            let seq = seq_of(&key)?;
            let row = Row::decode(&bytes).ok_or_else(|| broken("row"))?;
            row.index_keys(seq).iter().for_each(|k| expected[0].add(k, 0));
            if let Some(part) = &row.part {
                expected[1].add(&row::values_key(&part.recipe, seq), part.values_crc);
            }
            if stop() {
                return Ok(true);
            }
        }
        let mut found = [Sum::default(); 2];
        for (tree, sum) in [&self.index, &self.values].into_iter().zip(&mut found) {
            for pair in tree {
                let (key, value) = pair?;
                if seq_of(&key)? <= last_seq {
                    sum.add(&key, crc32c::crc32c(&value));
                }
                if stop() {
                    return Ok(true);
                }
            }
        }
        Ok(expected == found)
    }

    /// First and last of sequence numbers that were given out and have no row, ascending: nobody knows what these entries were. Cost: a digest
    /// per chunk, and the rows of those chunks that are not full.
    pub(in super::super) fn lost(&self) -> Result<Vec<(u64, u64)>, LedgerError> {
        let tip = self.tip();
        let (last_seq, highest) = (tip.last_seq, tip.highest);
        drop(tip);
        let mut found: Vec<(u64, u64)> = Vec::new();
        let mut next = 1;
        let mut lose = |first: u64, behind: u64| match found.last_mut() {
            Some((_, last)) if first < behind && *last + 1 == first => *last = behind - 1,
            _ if first < behind => found.push((first, behind - 1)),
            _ => {}
        };
        for pair in self.digests.iter() {
            let (key, bytes) = pair?;
            let first = (seq_of(&key)? * CHUNK).max(1);
            let end = (first / CHUNK + 1) * CHUNK;
            let behind = end.min(last_seq + 1);
            let Digest { count, .. } = Digest::decode(&bytes).ok_or_else(|| broken("digest"))?;
            if u64::from(count) == behind.saturating_sub(first) {
                lose(next, first);
                next = next.max(behind);
                continue;
            }
            for pair in self.rows.range(first.to_be_bytes()..end.to_be_bytes()) {
                let seq = seq_of(&pair?.0)?;
                lose(next, seq);
                next = next.max(seq + 1);
            }
        }
        lose(next, highest + 1);
        Ok(found)
    }

    /// Takes over the rows of lost entries, with their keys and values, from a store that still knows them.
    pub(in super::super) fn keep(&self, old: &Self, lost: &[(u64, u64)]) -> Result<(), LedgerError> {
        let (mut first_chunk, mut looked_at) = (None, (u64::MAX, false));
        for (first, last) in lost {
            for pair in old.rows_from(*first) {
                let (seq, row) = pair?;
                if seq > *last {
                    break;
                }
                let values = row.part.as_ref().map(|part| row::values_key(&part.recipe, seq));
                let packed = values.as_ref().map(|key| old.values.get(key)).transpose()?.flatten();
                if looked_at.0 != seq / CHUNK {
                    looked_at = (seq / CHUNK, old.chunk_is_whole(seq / CHUNK)?);
                }
                if !looked_at.1 || packed.is_some() != values.is_some() {
                    continue;
                }
                if let (Some(key), Some(packed)) = (values, packed) {
                    self.values.insert(key, packed)?;
                }
                for key in row.index_keys(seq) {
                    self.index.insert(key, &[])?;
                }
                self.rows.insert(seq.to_be_bytes(), row.encode())?;
                first_chunk.get_or_insert(seq / CHUNK);
            }
        }
        first_chunk.map_or(Ok(()), |chunk| self.seal(chunk))
    }

    /// Makes the digests of all chunks from `first` on those of the rows that are there: after rows were written over.
    pub(in super::super) fn seal(&self, first: u64) -> Result<(), LedgerError> {
        let mut tip = self.tip();
        let last_seq = self.rows.last()?.map_or(Ok(0), |(key, _)| seq_of(&key))?;
        let mut chunk = first;
        // From row to row: where many entries are lost there are no chunks.
        while let Some(pair) = self.rows.range((chunk * CHUNK).to_be_bytes()..).next() {
            chunk = seq_of(&pair?.0)? / CHUNK;
            self.digests.insert(chunk.to_be_bytes(), &self.digest_of_rows(chunk, last_seq)?.encode())?;
            chunk += 1;
        }
        let mut next = *tip;
        next.last_seq = last_seq;
        next.highest = next.highest.max(last_seq);
        next.digest = self.recorded_digest(last_seq / CHUNK)?;
        next.rows = 0;
        for pair in self.digests.iter() {
            next.rows += u64::from(Digest::decode(&pair?.1).ok_or_else(|| broken("digest"))?.count);
        }
        self.meta.insert("checkpoint", next.encode())?;
        *tip = next;
        Ok(())
    }
}

/// Harm that tests do.
#[cfg(test)]
impl Store {
    pub(in super::super) fn forget_for_test(&self, seqs: std::ops::Range<u64>) {
        for seq in seqs {
            let row = self.row(seq).expect("readable").expect("there");
            self.rows.remove(seq.to_be_bytes()).expect("removable");
            row.index_keys(seq).into_iter().for_each(|k| drop(self.index.remove(k).expect("removable")));
        }
    }

    pub(in super::super) fn remove_key_for_test(&self, seq: u64) {
        let key = row::with_seq(row::kind_prefix(row::Kind::Recipe), seq);
        assert!(self.index.remove(key).expect("removable").is_some());
    }

    pub(in super::super) fn add_key_for_test(&self, seq: u64) {
        self.index.insert(row::with_seq(row::kind_prefix(row::Kind::Started), seq), &[]).expect("insertable");
    }
}
