//! The one place that waits for children. As PID 1 we inherit every orphan, so `waitpid` takes any
//! child; who waits for a certain one is told by its number. Everything runs on one thread: between
//! a fork and [`Reaper::watch`] nothing else can run, so no status is lost.

use std::{cell::RefCell, collections::HashMap, io, rc::Rc};

use nix::sys::signal::Signal;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use crate::protocol::Exit;

/// Reaps children and tells how they ended.
#[derive(Debug, Clone, Default)]
pub struct Reaper {
    waiting: Rc<RefCell<HashMap<i32, oneshot::Sender<Exit>>>>,
}

impl Reaper {
    /// Begins to reap. To be called inside a `LocalSet`, before the first child is started.
    pub fn start() -> io::Result<Self> {
        let reaper = Self::default();
        let mut signals = signal(SignalKind::child())?;
        let this = reaper.clone();
        tokio::task::spawn_local(async move {
            this.reap();
            while signals.recv().await.is_some() {
                this.reap();
            }
        });
        Ok(reaper)
    }

    /// Tells how the child ends. Must follow the child's start without an `await` between.
    pub fn watch(&self, pid: i32) -> oneshot::Receiver<Exit> {
        let (tell, told) = oneshot::channel();
        self.waiting.borrow_mut().insert(pid, tell);
        told
    }

    fn reap(&self) {
        loop {
            let mut status = 0;
            // SAFETY: `status` is a valid place for an int; no other memory is touched.
            let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
            if pid <= 0 {
                return; // none ended, or there is none at all
            }
            if let Some(tell) = self.waiting.borrow_mut().remove(&pid) {
                let _ = tell.send(exit_of(status)); // who asked may have gone
            }
        }
    }
}

fn exit_of(status: i32) -> Exit {
    if libc::WIFSIGNALED(status) {
        let number = libc::WTERMSIG(status);
        return Exit::Signal { name: signal_name(number), core: libc::WCOREDUMP(status) };
    }
    Exit::Code(libc::WEXITSTATUS(status))
}

/// Name of a signal without `SIG`, or its number where it has none.
pub fn signal_name(number: i32) -> String {
    match Signal::try_from(number) {
        Ok(signal) => signal.as_str().trim_start_matches("SIG").to_owned(),
        Err(_) => number.to_string(),
    }
}

/// Number of the signal of that name, with or without `SIG`.
pub fn signal_number(name: &str) -> Option<i32> {
    let name = name.strip_prefix("SIG").unwrap_or(name);
    Signal::iterator()
        .find(|signal| signal.as_str().strip_prefix("SIG") == Some(name))
        .map(|signal| signal as i32)
}

/// What a shell reports for such an end: the status, or 128 and the signal's number.
pub fn shell_code(exit: &Exit) -> i32 {
    match exit {
        Exit::Code(code) => *code,
        Exit::Signal { name, .. } => {
            128 + signal_number(name).or_else(|| name.parse().ok()).unwrap_or(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        assert_eq!(signal_name(libc::SIGKILL), "KILL");
        assert_eq!(signal_name(40), "40");
        assert_eq!(signal_number("SIGTERM"), Some(libc::SIGTERM));
        assert_eq!(signal_number("TERM"), Some(libc::SIGTERM));
        assert_eq!(signal_number("FOO"), None);
        assert_eq!(shell_code(&Exit::Signal { name: "KILL".into(), core: false }), 137);
        assert_eq!(shell_code(&Exit::Signal { name: "40".into(), core: false }), 168);
    }
}
