//! One health check, run inside the workload as its user.

use std::{collections::VecDeque, path::Path, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    fd::{self, Fd},
    process::{Start, Workload},
    reaper::Reaper,
    ring::PUSH_MAX,
    session::kill_group,
    tcp,
};
use crate::protocol::{Check, Exit, PROBE_OUTPUT_BYTES, Probed, Program};

/// How long output is awaited after the program ended: a child of it may hold the pipe.
const OUTPUT_LINGER: Duration = Duration::from_millis(200);

/// Runs the check.
pub async fn run(check: &Check, time: Duration, workload: &Workload, reaper: &Reaper) -> Probed {
    match check {
        Check::Tcp { port } => {
            let outcome = timeout(time, tcp::connect(*port)).await;
            let (healthy, detail) = match outcome {
                Ok(Ok(_)) => (true, format!("port {port} accepts connections")),
                Ok(Err(error)) => (false, format!("port {port}: {error}")),
                Err(_) => (false, format!("port {port} did not answer in time")),
            };
            Probed { healthy, detail, output: String::new() }
        }
        Check::Exec { argv } => exec(argv, time, workload, reaper).await,
    }
}

async fn exec(argv: &[String], time: Duration, workload: &Workload, reaper: &Reaper) -> Probed {
    let unhealthy = |detail: String| Probed { healthy: false, detail, output: String::new() };
    let account = workload.account();
    let (file, words) = workload.words(&account, &Program::Argv(argv.to_vec()));
    let opened = fd::pipe().and_then(|(ours, theirs)| {
        let errors = theirs.try_clone()?;
        Ok((Fd::new(ours)?, [std::process::Stdio::null(), theirs.into(), errors.into()]))
    });
    let (output, stdio) = match opened {
        Ok(opened) => opened,
        Err(error) => return unhealthy(format!("no pipe: {error}")),
    };
    let folders = vec![workload.workdir.as_path(), Path::new("/")];
    let start = Start { file, words, env: Vec::new(), folders, stdio, terminal: false };
    let leader = match workload.start(&account, start) {
        Ok(leader) => leader,
        Err(error) => return unhealthy(error.to_string()),
    };
    let mut exit = reaper.watch(leader);
    let mut tail = VecDeque::new();
    let ended = timeout(time, async {
        tokio::select! {
            exit = &mut exit => exit,
            () = collect(&output, &mut tail) => (&mut exit).await,
        }
    })
    .await;
    let (healthy, detail) = match ended {
        Ok(Ok(exit)) => {
            tokio::select! {
                () = collect(&output, &mut tail) => {}
                () = sleep(OUTPUT_LINGER) => {}
            }
            (exit.is_success(), describe(&exit))
        }
        Ok(Err(_)) => (false, "its end was not seen".to_owned()),
        Err(_) => {
            kill_group(leader);
            (false, format!("did not end within {} s", time.as_secs()))
        }
    };
    let (front, back) = tail.as_slices();
    let output = String::from_utf8_lossy(&[front, back].concat()).into_owned();
    Probed { healthy, detail, output }
}

/// Reads to the end, keeping the last bytes. May be dropped and called again.
async fn collect(output: &Fd, tail: &mut VecDeque<u8>) {
    let mut buffer = [0; PUSH_MAX];
    while let Ok(count @ 1..) = output.read(&mut buffer).await {
        tail.extend(&buffer[..count]);
        tail.drain(..tail.len().saturating_sub(PROBE_OUTPUT_BYTES));
    }
}

fn describe(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit status {code}"),
        Exit::Signal { name, .. } => format!("killed by signal {name}"),
    }
}
