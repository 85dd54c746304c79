//! The one place where programs are run. Arguments go straight to the program, never through a
//! shell; the environment is ours; time and output are bounded; a failure carries everything that is
//! needed to understand it. Long-running servers are not started here (see [`crate::engine`]).

use std::{ffi::OsStr, fmt, io, path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::timeout,
};

/// Where system tools are; the PATH of whoever started us does not matter.
pub(crate) const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const TIME_MAX: Duration = Duration::from_secs(120);
const OUTPUT_BYTES_MAX: u64 = 4 << 20;
const SHOWN_BYTES_MAX: usize = 2000;

/// A program that failed.
#[derive(Debug)]
pub struct ExecuteError {
    /// Program and arguments, to show.
    pub command: String,
    /// How it failed.
    pub failure: Failure,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// How a program failed.
#[derive(Debug)]
pub enum Failure {
    /// It could not be started or talked to.
    Io(io::Error),
    /// It ended with this status.
    Status(std::process::ExitStatus),
    /// It was ended because it took too long.
    TimedOut(Duration),
}

impl ExecuteError {
    /// Whether the program is not installed.
    pub fn is_missing_program(&self) -> bool {
        matches!(&self.failure, Failure::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for ExecuteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", self.command)?;
        match &self.failure {
            Failure::Io(error) => write!(f, "could not run: {error}")?,
            Failure::Status(status) => write!(f, "failed with {status}")?,
            Failure::TimedOut(time) => write!(f, "was ended after {} s", time.as_secs())?,
        }
        let said = self.stderr.trim();
        if said.is_empty() { Ok(()) } else { write!(f, ": {}", shorten(said)) }
    }
}

impl std::error::Error for ExecuteError {}

/// Runs a system tool to its end; gives its standard output.
pub async fn execute<A: AsRef<OsStr>>(program: &str, args: &[A]) -> Result<String, ExecuteError> {
    execute_with_input(program, args, &[]).await
}

/// [`execute`] with bytes for its standard input.
pub async fn execute_with_input<A: AsRef<OsStr>>(
    program: &str,
    args: &[A],
    input: &[u8],
) -> Result<String, ExecuteError> {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("PATH", SYSTEM_PATH)
        .env("LC_ALL", "C")
        .current_dir(Path::new("/"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let shown = show(program, args);
    tracing::debug!(command = shown, "running a system tool");
    let fail = |failure, stdout: Vec<u8>, stderr: Vec<u8>| ExecuteError {
        command: shown.clone(),
        failure,
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    match timeout(TIME_MAX, run(&mut command, input, &mut stdout, &mut stderr)).await {
        Err(_) => Err(fail(Failure::TimedOut(TIME_MAX), stdout, stderr)),
        Ok(Err(error)) => Err(fail(Failure::Io(error), stdout, stderr)),
        Ok(Ok(status)) if status.success() => Ok(String::from_utf8_lossy(&stdout).into_owned()),
        Ok(Ok(status)) => Err(fail(Failure::Status(status), stdout, stderr)),
    }
}

async fn run(
    command: &mut Command,
    input: &[u8],
    stdout: &mut Vec<u8>,
    stderr: &mut Vec<u8>,
) -> io::Result<std::process::ExitStatus> {
    let mut child = command.spawn()?;
    let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read its input says why by its status.
            let _ = stdin.write_all(input).await;
        }
        Ok(())
    };
    tokio::try_join!(feed, collect(out, stdout), collect(err, stderr))?;
    child.wait().await
}

/// Reads to the end; what is over the bound is read and dropped, so that the program can end.
async fn collect(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) -> io::Result<()> {
    let Some(mut from) = from else { return Ok(()) };
    (&mut from).take(OUTPUT_BYTES_MAX).read_to_end(into).await?;
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(())
}

fn show<A: AsRef<OsStr>>(program: &str, args: &[A]) -> String {
    let words = args.iter().map(|arg| arg.as_ref().to_string_lossy());
    let line = std::iter::once(program.into()).chain(words).collect::<Vec<_>>().join(" ");
    shorten(&line).to_owned()
}

fn shorten(text: &str) -> &str {
    let end = (0..=SHOWN_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn failures_carry_command_status_and_output() {
        let error = execute("sh", &["-c", "echo out; echo err >&2; exit 3"]).await.unwrap_err();
        assert_eq!((error.stdout.as_str(), error.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(
            error.to_string(),
            "`sh -c echo out; echo err >&2; exit 3` failed with exit status: 3: err"
        );
        assert!(execute("no-such-program", &["x"]).await.unwrap_err().is_missing_program());
    }

    #[tokio::test]
    async fn input_and_output_pass_in_full() {
        let input = vec![b'x'; 1 << 20];
        let output = execute_with_input("cat", &[] as &[&str], &input).await.unwrap();
        assert_eq!(output.len(), input.len());
        let much = execute("sh", &["-c", "head -c 10000000 /dev/zero"]).await.unwrap();
        assert_eq!(much.len() as u64, OUTPUT_BYTES_MAX);
    }
}
