//! Output of a session between the program and whoever is attached: a bounded queue whose sent part
//! stays as long as there is room, to be replayed to a client that comes back. No I/O.

use std::collections::VecDeque;

use crate::protocol::REPLAY_BYTES;

/// Most bytes that are pushed at once.
pub const PUSH_MAX: usize = 16 * 1024;
const CHUNK_BYTES: usize = 16 * 1024;
/// What a chunk costs beside its bytes, so that many tiny ones are bounded too.
const CHUNK_COST: usize = 64;
const CAPACITY: usize = REPLAY_BYTES + PUSH_MAX + CHUNK_BYTES + 2 * CHUNK_COST;

/// Which of a program's two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, or a terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

#[derive(Debug)]
struct Chunk {
    stream: Stream,
    /// Count of bytes before it, of both outputs.
    start: u64,
    data: Vec<u8>,
}

impl Chunk {
    fn end(&self) -> u64 {
        self.start + self.data.len() as u64
    }
}

/// The queue. Positions are counts of bytes since the session began.
#[derive(Debug, Default)]
pub struct Ring {
    chunks: VecDeque<Chunk>,
    end: u64,
    cost: usize,
}

impl Ring {
    /// Position of the oldest byte that is kept.
    pub fn start(&self) -> u64 {
        self.chunks.front().map_or(self.end, |chunk| chunk.start)
    }

    /// Position after the newest byte.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Drops what lies before `keep_from` as far as needed, and says whether [`PUSH_MAX`] bytes fit.
    pub fn make_room(&mut self, keep_from: u64) -> bool {
        while self.cost + PUSH_MAX + CHUNK_COST > CAPACITY {
            match self.chunks.front() {
                Some(front) if front.end() <= keep_from => {
                    self.cost -= front.data.len() + CHUNK_COST;
                    self.chunks.pop_front();
                }
                _ => return false,
            }
        }
        true
    }

    /// Appends at most [`PUSH_MAX`] bytes, for which there must be room.
    pub fn push(&mut self, stream: Stream, data: &[u8]) {
        debug_assert!(data.len() <= PUSH_MAX);
        match self.chunks.back_mut() {
            Some(last) if last.stream == stream && last.data.len() + data.len() <= CHUNK_BYTES => {
                last.data.extend_from_slice(data);
            }
            _ => {
                self.chunks.push_back(Chunk { stream, start: self.end, data: data.to_vec() });
                self.cost += CHUNK_COST;
            }
        }
        self.end += data.len() as u64;
        self.cost += data.len();
    }

    /// The bytes from `position` on that lie together; `None` at the end.
    pub fn read_at(&self, position: u64) -> Option<(Stream, &[u8])> {
        let at = self.chunks.partition_point(|chunk| chunk.end() <= position);
        let chunk = self.chunks.get(at)?;
        let from = usize::try_from(position.saturating_sub(chunk.start)).ok()?;
        Some((chunk.stream, &chunk.data[from..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsent_output_is_never_dropped_and_bounded() {
        let mut ring = Ring::default();
        let mut pushed = 0;
        while ring.make_room(0) {
            ring.push(Stream::Stdout, &[1; PUSH_MAX]);
            pushed += PUSH_MAX;
        }
        assert!((REPLAY_BYTES..REPLAY_BYTES + 3 * PUSH_MAX).contains(&pushed));
        assert_eq!(ring.start(), 0);
        assert!(ring.make_room(u64::MAX));
        assert!(ring.start() > 0);
    }

    #[test]
    fn the_last_quarter_mebibyte_can_be_replayed() {
        let mut ring = Ring::default();
        let (mut sent, mut next) = (0, 0_u8);
        for _ in 0..5000 {
            assert!(ring.make_room(sent));
            let stream = if next % 3 == 0 { Stream::Stderr } else { Stream::Stdout };
            ring.push(stream, &[next; 900]);
            sent = ring.end();
            next = next.wrapping_add(1);
        }
        assert!(ring.end() - ring.start() >= (REPLAY_BYTES - PUSH_MAX) as u64);
        let (mut position, mut count) = (ring.start(), 0);
        while let Some((_, data)) = ring.read_at(position) {
            assert!(!data.is_empty());
            position += data.len() as u64;
            count += data.len() as u64;
        }
        assert_eq!(ring.start() + count, ring.end());
    }

    #[test]
    fn many_tiny_pieces_cost_what_they_take() {
        let mut ring = Ring::default();
        let mut pieces = 0;
        while ring.make_room(0) {
            ring.push(if pieces % 2 == 0 { Stream::Stdout } else { Stream::Stderr }, b"x");
            pieces += 1;
        }
        assert!(pieces < REPLAY_BYTES / 50, "{pieces}");
    }
}
