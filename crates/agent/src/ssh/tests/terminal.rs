//! People at a terminal, and sessions that outlast their connection.

use std::{
    fs::File,
    io::{Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Child, Command as Program},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use nix::{
    libc,
    pty::{Winsize, openpty},
};
use tokio::time::sleep;

use super::support::{Lease, PATIENCE, kill};

/// A client on a terminal of its own.
struct Terminal {
    child: Child,
    ours: File,
    output: Receiver<Vec<u8>>,
    seen: String,
}

fn size(cols: u16, rows: u16) -> Winsize {
    Winsize { ws_col: cols, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Terminal {
    fn start(mut program: Program) -> Self {
        let pty = openpty(&size(100, 30), None).unwrap();
        let theirs: OwnedFd = pty.slave;
        program.stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap());
        program.stderr(theirs).env("TERM", "xterm-256color");
        // SAFETY: two system calls and nothing else.
        unsafe {
            program.pre_exec(|| {
                nix::unistd::setsid()?;
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let child = program.spawn().unwrap();
        drop(program); // and with it our copies of their side
        let ours = File::from(pty.master);
        let (tell, output) = channel();
        let mut reading = ours.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reading.read(&mut buffer) {
                if tell.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, ours, output, seen: String::new() }
    }

    fn type_in(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for `wanted` in what came since the last call.
    async fn expect(&mut self, wanted: &str) -> String {
        let started = Instant::now();
        while !self.seen.contains(wanted) {
            match self.output.try_recv() {
                Ok(data) => self.seen += &String::from_utf8_lossy(&data),
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
            assert!(started.elapsed() < PATIENCE, "no {wanted:?} in {:?}", self.seen);
        }
        std::mem::take(&mut self.seen)
    }

    fn resize(&self, cols: u16, rows: u16) {
        let size = size(cols, rows);
        // SAFETY: the descriptor is open and `size` is what TIOCSWINSZ reads.
        unsafe { libc::ioctl(self.ours.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
    }

    async fn status(&mut self) -> i32 {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(started.elapsed() < PATIENCE, "the client does not end");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shell(lease: &Lease, options: &[&str]) -> Terminal {
    let mut program = lease.client("ssh");
    program.args(options).arg("127.0.0.1");
    Terminal::start(program)
}

async fn sessions(lease: &Lease) -> usize {
    lease.init().await.list().await.unwrap().len()
}

async fn until_no_session(lease: &Lease) {
    let started = Instant::now();
    while sessions(lease).await > 0 {
        assert!(started.elapsed() < PATIENCE, "a session remains");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interactive_shell_with_size_keys_and_status() {
    let lease = Lease::start().await;
    let mut terminal = shell(&lease, &[]);
    terminal.type_in("stty size; echo $TERM; test -t 0 && echo a $((40+2)) tty\n");
    let text = terminal.expect("a 42 tty").await;
    assert!(text.contains("30 100") && text.contains("xterm-256color"), "{text}");
    terminal.resize(70, 20);
    sleep(Duration::from_millis(300)).await;
    terminal.type_in("stty size; echo now $((1+1))\n");
    assert!(terminal.expect("now 2").await.contains("20 70"));
    terminal.type_in("sleep 50; echo slept $((1+1))\n");
    sleep(Duration::from_millis(500)).await;
    terminal.type_in("\x03");
    terminal.type_in("echo still $((2+2))\n");
    assert!(!terminal.expect("still 4").await.contains("slept 2"));
    terminal.type_in("exit 17\n");
    assert_eq!(terminal.status().await, 17);
    until_no_session(&lease).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_27_a_named_session_outlives_client_and_agent() {
    let lease = Lease::start().await;
    let mut first = shell(&lease, &["-o", "SetEnv=DBC_SESSION=work-1"]);
    first.type_in("HIDDEN=kept; echo ready $((1+1))\n");
    first.expect("ready 2").await;
    kill(first.child.id());
    first.status().await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(sessions(&lease).await, 1);

    let mut second = shell(&lease, &["-o", "SetEnv=DBC_ATTACH=work-1"]);
    second.expect("ready 2").await; // replayed
    second.type_in("echo $HIDDEN $((2+2))\n");
    second.expect("kept 4").await;
    // The agent goes down under the client.
    for task in lease.serving.lock().unwrap().drain(..) {
        task.abort();
    }
    second.status().await;
    assert_eq!(sessions(&lease).await, 1);

    let mut third = shell(&lease, &["-o", "SetEnv=DBC_ATTACH=work-1"]);
    third.expect("kept 4").await;
    third.type_in("exit 5\n");
    assert_eq!(third.status().await, 5);
    until_no_session(&lease).await;
    let mut fourth = shell(&lease, &["-o", "SetEnv=DBC_ATTACH=work-1"]);
    fourth.expect("no such session").await;
    assert_eq!(fourth.status().await, 255);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_sessions_end_with_their_client() {
    let lease = Lease::start().await;
    let mut terminal = shell(&lease, &[]);
    terminal.type_in("echo ready $((1+1))\n");
    terminal.expect("ready 2").await;
    kill(terminal.child.id());
    until_no_session(&lease).await;
    // A goodbye ends a named one too: `~.` after a new line.
    let mut terminal = shell(&lease, &["-o", "SetEnv=DBC_SESSION=named"]);
    terminal.type_in("echo ready $((1+1))\n");
    terminal.expect("ready 2").await;
    terminal.type_in("\r~.");
    assert_eq!(terminal.status().await, 255);
    until_no_session(&lease).await;
}
