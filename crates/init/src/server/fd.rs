//! Our ends of a program's pipes or terminal, without blocking; and terminals themselves.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use nix::{
    fcntl::{FcntlArg, FdFlag, OFlag, fcntl},
    pty::{OpenptyResult, Winsize, openpty},
    unistd,
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::protocol::Pty;

/// End of transmission: what `^D` sends. A terminal has no other end of input.
pub const EOT: u8 = 4;

/// A descriptor of ours, ready for waiting.
#[derive(Debug)]
pub struct Fd(AsyncFd<OwnedFd>);

impl Fd {
    /// Takes a pipe or the leading side of a terminal.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
        fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        // SAFETY: an `OwnedFd` is open and stays the same until it is dropped, with the `AsyncFd`.
        unsafe { AsyncFd::register(fd) }.map(Self).map_err(|error| error.into_parts().1)
    }

    /// Reads what is there; 0 at the end. A terminal that nobody has open any more ends too.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.async_io(Interest::READABLE, |fd| Ok(unistd::read(fd, &mut *buffer)?));
        match read.await {
            Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(0),
            other => other,
        }
    }

    /// Writes all of `data`.
    pub async fn write_all(&self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let written =
                self.0.async_io(Interest::WRITABLE, |fd| Ok(unistd::write(fd, data)?)).await?;
            data = &data[written..];
        }
        Ok(())
    }
}

/// A pipe: what is written to the second comes out of the first. Closed when a program is executed.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(unistd::pipe2(OFlag::O_CLOEXEC)?)
}

/// Opens a terminal: our side and the program's.
pub fn open_pty(pty: &Pty, owner: Option<u32>) -> io::Result<(OwnedFd, OwnedFd)> {
    let OpenptyResult { master, slave } = openpty(&winsize(pty.cols, pty.rows), None)?;
    for fd in [&master, &slave] {
        fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    }
    if let Some(uid) = owner {
        // So that the user can open it by name. Where that is not allowed, the open descriptor does.
        let _ = unistd::fchown(slave.as_fd(), Some(unistd::Uid::from_raw(uid)), None);
    }
    Ok((master, slave))
}

/// Sets the size of a terminal; its programs are told by the kernel if it changed.
pub fn resize(master: impl AsFd, cols: u16, rows: u16) -> io::Result<()> {
    let size = winsize(cols, rows);
    // SAFETY: the descriptor is open and `size` is what TIOCSWINSZ reads.
    let done =
        unsafe { libc::ioctl(master.as_fd().as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The process group that a terminal's keys reach now.
pub fn foreground(master: impl AsFd) -> Option<i32> {
    unistd::tcgetpgrp(master).ok().map(unistd::Pid::as_raw).filter(|group| *group > 1)
}

fn winsize(cols: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 }
}
