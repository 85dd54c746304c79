//! The stream below SSH, watched: it can be stopped from outside, and it knows whether the client
//! said goodbye or was lost. The library tells neither.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How a connection ended, once it has.
#[derive(Debug, Clone, Default)]
pub struct Ending(Arc<AtomicBool>);

impl Ending {
    /// Whether the client said goodbye. That is a message inside SSH, upon which the library shuts
    /// its side down; a client that is lost is met as the end of the stream, or not at all.
    pub fn was_goodbye(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The stream.
pub struct Watched<S> {
    stream: S,
    stop: CancellationToken,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    ended: bool,
    ending: Ending,
}

impl<S> Watched<S> {
    /// Ends when `stop` is cancelled.
    pub fn new(stream: S, stop: CancellationToken) -> (Self, Ending) {
        let ending = Ending::default();
        let stopped = Box::pin(stop.clone().cancelled_owned());
        (Self { stream, stop, stopped, ended: false, ending: ending.clone() }, ending)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.stopped.as_mut().poll(context).is_ready() {
            self.ended = true;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        match &read {
            Poll::Ready(Ok(())) if buffer.filled().len() == before => self.ended = true,
            Poll::Ready(Err(_)) => self.ended = true,
            _ => {}
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Woken by the stop as well: a client that does not read must not keep us.
        if self.stop.is_cancelled() || self.stopped.as_mut().poll(context).is_ready() {
            self.ended = true;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, data);
        if matches!(written, Poll::Ready(Err(_))) {
            self.ended = true;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            self.ending.0.store(true, Ordering::Release);
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
