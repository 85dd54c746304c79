//! Frames: four bytes of big-endian length, then JSON. Used for the first words of every stream and
//! on control streams.

use std::io;

use dbc_agent_api::FRAME_BYTES_MAX;
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Why a frame cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// It is larger than [`FRAME_BYTES_MAX`].
    #[error("a frame of {bytes} bytes is larger than the limit of {FRAME_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame")]
    Truncated,
    /// It holds no value of the expected type.
    #[error("a frame is malformed")]
    Malformed(#[source] serde_json::Error),
    /// The stream failed.
    #[error("the stream failed")]
    Io(#[from] io::Error),
}

/// Reads one frame; `None` when the stream ended before it.
///
/// Takes memory only for bytes that arrived. Not cancel-safe: a cancelled call loses bytes.
pub async fn read_frame<T, R>(reader: &mut R) -> Result<Option<T>, FrameError>
where
    T: DeserializeOwned,
    R: AsyncRead + Unpin,
{
    let mut head = [0; 4];
    let mut have = 0;
    while have < head.len() {
        match reader.read(&mut head[have..]).await? {
            0 if have == 0 => return Ok(None),
            0 => return Err(FrameError::Truncated),
            read => have += read,
        }
    }
    let bytes = u32::from_be_bytes(head) as usize;
    if bytes > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge { bytes });
    }
    let mut body = Vec::new();
    reader.take(bytes as u64).read_to_end(&mut body).await?;
    if body.len() < bytes {
        return Err(FrameError::Truncated);
    }
    serde_json::from_slice(&body).map(Some).map_err(FrameError::Malformed)
}

/// Writes one frame and flushes it.
///
/// Not cancel-safe: a cancelled call may leave half a frame on the stream.
pub async fn write_frame<T, W>(writer: &mut W, value: &T) -> Result<(), FrameError>
where
    T: Serialize + ?Sized,
    W: AsyncWrite + Unpin,
{
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, value).map_err(FrameError::Malformed)?;
    let bytes = frame.len() - 4;
    if bytes > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge { bytes });
    }
    // The cast is exact: the limit fits into 32 bits.
    frame[..4].copy_from_slice(&(bytes as u32).to_be_bytes());
    writer.write_all(&frame).await?;
    writer.flush().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read() {
        let mut wire = Vec::new();
        write_frame(&mut wire, "one").await.unwrap();
        write_frame(&mut wire, &2).await.unwrap();
        let mut wire = wire.as_slice();
        assert_eq!(read_frame::<String, _>(&mut wire).await.unwrap().as_deref(), Some("one"));
        assert_eq!(read_frame::<u8, _>(&mut wire).await.unwrap(), Some(2));
        assert!(read_frame::<u8, _>(&mut wire).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn an_oversize_frame_is_refused_on_both_sides() {
        let long = "x".repeat(FRAME_BYTES_MAX);
        let written = write_frame(&mut Vec::new(), &long).await;
        assert!(matches!(written, Err(FrameError::TooLarge { .. })));
        let mut wire: &[u8] = &[0xff, 0xff, 0xff, 0xff, b'{'];
        let read = read_frame::<String, _>(&mut wire).await;
        assert!(matches!(read, Err(FrameError::TooLarge { .. })));
    }

    #[tokio::test]
    async fn a_cut_off_frame_is_told_from_the_end() {
        for mut wire in [&[0u8, 0][..], &[0, 0, 0, 9, b'"'][..]] {
            let read = read_frame::<String, _>(&mut wire).await;
            assert!(matches!(read, Err(FrameError::Truncated)));
        }
    }

    #[tokio::test]
    async fn garbage_is_malformed() {
        let mut wire: &[u8] = &[0, 0, 0, 2, b'{', 0xff];
        let read = read_frame::<String, _>(&mut wire).await;
        assert!(matches!(read, Err(FrameError::Malformed(_))));
    }
}
