//! Frames on the socket: `u32` length + JSON before a session is open, then `u8` kind, `u32` length
//! and payload, lengths big-endian. Both sides take the other for hostile: a length is checked before
//! a byte of it is allocated.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::protocol::{DATA_BYTES_MAX, Exit, JSON_BYTES_MAX};

/// Bytes before the payload of a typed frame.
pub const HEAD_BYTES: usize = 5;

/// Kinds of typed frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// To init: input of the program.
    Stdin = 0,
    /// From init: output.
    Stdout = 1,
    /// From init: error output.
    Stderr = 2,
    /// To init: no more input.
    StdinEof = 3,
    /// To init: columns and rows, two `u16`.
    Resize = 4,
    /// To init: name of a signal without `SIG`.
    Signal = 5,
    /// From init: JSON [`Exit`], after all output; the last frame.
    Exit = 6,
    /// From init: `u32`, so many more bytes of input may be sent.
    Window = 7,
    /// To init: the session is no longer needed; what still runs is hung up.
    Close = 8,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{Close, Exit, Resize, Signal, Stderr, Stdin, StdinEof, Stdout, Window};
        [Stdin, Stdout, Stderr, StdinEof, Resize, Signal, Exit, Window, Close]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Why no frame was read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The socket failed or ended within a frame.
    #[error("the connection broke off")]
    Io(#[source] io::Error),
    /// The length is over the bound.
    #[error("a frame of {0} bytes is too long")]
    TooLong(usize),
    /// No such kind of frame.
    #[error("unknown kind of frame {0}")]
    UnknownKind(u8),
    /// The payload does not fit its kind.
    #[error("a frame has a malformed payload")]
    Malformed,
}

/// Reads one JSON frame of at most [`JSON_BYTES_MAX`] bytes.
pub async fn read_json<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<T, FrameError> {
    let length = stream.read_u32().await.map_err(FrameError::Io)? as usize;
    if length > JSON_BYTES_MAX {
        return Err(FrameError::TooLong(length));
    }
    let mut json = vec![0; length];
    stream.read_exact(&mut json).await.map_err(FrameError::Io)?;
    serde_json::from_slice(&json).map_err(|_| FrameError::Malformed)
}

/// Writes one JSON frame.
pub async fn write_json<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    value: &T,
) -> Result<(), FrameError> {
    let json = serde_json::to_vec(value).map_err(|_| FrameError::Malformed)?;
    if json.len() > JSON_BYTES_MAX {
        return Err(FrameError::TooLong(json.len()));
    }
    let mut frame = BytesMut::with_capacity(4 + json.len());
    frame.put_u32(u32::try_from(json.len()).map_err(|_| FrameError::Malformed)?);
    frame.put_slice(&json);
    stream.write_all(&frame).await.map_err(FrameError::Io)
}

/// Puts a typed frame into `out`. `payload` is at most [`DATA_BYTES_MAX`] bytes: callers cut.
pub fn put(out: &mut BytesMut, kind: Kind, payload: &[u8]) {
    debug_assert!(payload.len() <= DATA_BYTES_MAX);
    out.reserve(HEAD_BYTES + payload.len());
    out.put_u8(kind as u8);
    out.put_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
    out.put_slice(payload);
}

/// Puts the last frame of a session into `out`.
pub fn put_exit(out: &mut BytesMut, exit: &Exit) {
    let json = serde_json::to_vec(exit).expect("an enum of numbers and strings always encodes");
    put(out, Kind::Exit, &json);
}

/// Reads typed frames. Keeps what it has of one when its future is dropped, so it may stand in a
/// `select!`.
#[derive(Debug)]
pub struct FrameReader<R> {
    stream: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads from `stream`.
    pub fn new(stream: R) -> Self {
        Self { stream, buffer: BytesMut::with_capacity(16 * 1024) }
    }

    /// The next frame; `None` when the stream ended between two.
    pub async fn next(&mut self) -> Result<Option<(Kind, Bytes)>, FrameError> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            if self.stream.read_buf(&mut self.buffer).await.map_err(FrameError::Io)? == 0 {
                if self.buffer.is_empty() {
                    return Ok(None);
                }
                return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    fn take(&mut self) -> Result<Option<(Kind, Bytes)>, FrameError> {
        let Some((head, _)) = self.buffer.split_first_chunk::<HEAD_BYTES>() else {
            self.buffer.reserve(HEAD_BYTES);
            return Ok(None);
        };
        let [kind, length @ ..] = *head;
        let length = u32::from_be_bytes(length) as usize;
        let kind = Kind::from_byte(kind).ok_or(FrameError::UnknownKind(kind))?;
        if length > DATA_BYTES_MAX {
            return Err(FrameError::TooLong(length));
        }
        let whole = HEAD_BYTES + length;
        if self.buffer.len() < whole {
            self.buffer.reserve(whole - self.buffer.len());
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(whole);
        Ok(Some((kind, frame.split_off(HEAD_BYTES).freeze())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let mut bytes = BytesMut::new();
        put(&mut bytes, Kind::Stdout, &[7; DATA_BYTES_MAX]);
        put(&mut bytes, Kind::Stderr, b"x");
        put_exit(&mut bytes, &Exit::Code(3));
        let (mut near, far) = tokio::io::duplex(777);
        tokio::spawn(async move { near.write_all(&bytes).await });
        let mut reader = FrameReader::new(far);
        let (kind, data) = reader.next().await.unwrap().unwrap();
        assert_eq!((kind, data.len()), (Kind::Stdout, DATA_BYTES_MAX));
        assert_eq!(reader.next().await.unwrap().unwrap().1, "x");
        let (kind, data) = reader.next().await.unwrap().unwrap();
        assert_eq!(kind, Kind::Exit);
        assert_eq!(serde_json::from_slice::<Exit>(&data).unwrap(), Exit::Code(3));
        assert!(reader.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn hostile_lengths_and_kinds_are_refused_unread() {
        let mut reader = FrameReader::new(&[1, 255, 255, 255, 255][..]);
        assert!(matches!(reader.next().await, Err(FrameError::TooLong(_))));
        let mut reader = FrameReader::new(&[99, 0, 0, 0, 0][..]);
        assert!(matches!(reader.next().await, Err(FrameError::UnknownKind(99))));
        let mut reader = FrameReader::new(&[1, 0, 0, 0, 9, 1][..]);
        assert!(matches!(reader.next().await, Err(FrameError::Io(_))));
        let long = read_json::<Exit>(&mut &[255, 0, 0, 0][..]).await;
        assert!(matches!(long, Err(FrameError::TooLong(_))));
        let garbage = read_json::<Exit>(&mut &b"\0\0\0\x02{]"[..]).await;
        assert!(matches!(garbage, Err(FrameError::Malformed)));
    }
}
