//! One bidirectional stream: bytes in order, both ways, with an end of its own for each direction.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use iroh::endpoint::{RecvStream, SendStream, VarInt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::listener::Permit;

/// Code with which a stream is cut off.
const RESET: VarInt = VarInt::from_u32(1);

/// A stream between two keys. Shutting down the writing side sends the end of the stream; dropping
/// does so too, and tells the other side that nothing more will be read.
pub struct Stream {
    read: RecvStream,
    write: SendStream,
    permit: Option<Arc<Permit>>,
}

impl Stream {
    pub(crate) fn new(write: SendStream, read: RecvStream, permit: Option<Permit>) -> Self {
        Self { read, write, permit: permit.map(Arc::new) }
    }

    /// Splits into halves that two tasks can own; what the stream counts for is freed with the
    /// second.
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        let Self { read, write, permit } = self;
        let read = ReadHalf { inner: read, _permit: permit.clone() };
        (read, WriteHalf { inner: write, _permit: permit })
    }

    /// Resolves when the other side will read no more: it closed its reading side, or the connection
    /// is lost. For writers that may have nothing to write for long.
    pub fn unread(&self) -> impl Future<Output = ()> + Send + use<> {
        let stopped = self.write.stopped();
        async move {
            let _ = stopped.await;
        }
    }

    /// Cuts both directions off, so that the other side sees an error and not an orderly end.
    pub fn reset(mut self) {
        // Both fail only when that direction is over already.
        let _ = self.write.reset(RESET);
        let _ = self.read.stop(RESET);
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("id", &self.write.id()).finish_non_exhaustive()
    }
}

/// The reading half of a [`Stream`].
pub struct ReadHalf {
    inner: RecvStream,
    _permit: Option<Arc<Permit>>,
}

/// The writing half of a [`Stream`].
pub struct WriteHalf {
    inner: SendStream,
    _permit: Option<Arc<Permit>>,
}

impl WriteHalf {
    /// See [`Stream::unread`].
    pub fn unread(&self) -> impl Future<Output = ()> + Send + use<> {
        let stopped = self.inner.stopped();
        async move {
            let _ = stopped.await;
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.read), cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.write), cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.write), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut self.write), cx)
    }
}

impl AsyncRead for ReadHalf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.inner), cx, buf)
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.inner), cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.inner), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut self.inner), cx)
    }
}
