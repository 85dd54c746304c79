//! `dbc-init sftp`: serves SFTP version 3 on the socket that is its input and output, with the rights
//! of the user that it was started as. No path is checked: what the user may not do, the kernel
//! refuses. Names that are not UTF-8 are listed, but cannot be opened: the library knows text alone.

mod attributes;
mod handler;

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
    pin::Pin,
    process::ExitCode,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::UnixStream,
};

use self::handler::Files;

/// Serves until the client ends the connection.
pub fn run() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dbc-init sftp: input must be a socket: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // SAFETY: nothing else in this process uses descriptor 0; a closed one is an error below.
        let input = unsafe { OwnedFd::from_raw_fd(0) };
        let stream = std::os::unix::net::UnixStream::from(input);
        stream.set_nonblocking(true)?;
        stream.peer_addr()?; // fails for anything but a connected socket
        let (files, ended) = Files::new();
        russh_sftp::server::run(EndOnError::new(UnixStream::from_std(stream)?), files).await;
        let _ = ended.await; // the library drops the handler at the end
        Ok(())
    })
}

/// A stream whose first error is its end: the library would ask a broken one again and again.
struct EndOnError {
    stream: UnixStream,
    ended: bool,
}

impl EndOnError {
    fn new(stream: UnixStream) -> Self {
        Self { stream, ended: false }
    }
}

impl AsyncRead for EndOnError {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ended {
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Err(_)) => {
                self.ended = true;
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl AsyncWrite for EndOnError {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, data);
        if let Poll::Ready(Err(_) | Ok(0)) = written {
            self.ended = true;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
