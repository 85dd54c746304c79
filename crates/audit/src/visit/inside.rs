//! The prover inside of a lease: copied in, started, spoken to by lines. What it says comes from the machine's host and
//! is hostile. No two copies are alike in name, place or content.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use dbc_agent_api::control::LogStream;
use dbc_bench::Place;
use dbc_primitives::audit::Terms;
use dbc_sdk::{Agent, Session, SessionEvent, SessionOptions};
use rand::{Rng as _, RngCore as _, seq::SliceRandom as _};
use tokio::{fs, io::AsyncWriteExt as _, time::timeout};

use crate::challenge::{Away, Examinee};

/// Where programs lie in containers, and where whoever rents one can mostly write.
const FOLDERS: [&str; 6] = ["/tmp", "/var/tmp", "/root", "/opt", "/usr/local/bin", "/srv"];
/// How long copying and starting may take.
const START_TIME: Duration = Duration::from_secs(300);
/// Longest answer in bytes: so many rows of the largest challenge, in base64.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Of what it says to its standard error, so much is kept.
const WORDS_BYTES_MAX: usize = 300;
/// Letters of a name, at least and at most.
const NAME: std::ops::RangeInclusive<usize> = 4..=11;
/// What is put behind a copy's end, in bytes; programs are not read so far.
const TAIL_BYTES_MAX: usize = 64 * 1024;

/// A prover that waits for a seed.
pub(super) struct Inside {
    session: Session,
    out: Vec<u8>,
    words: Vec<u8>,
}

impl Inside {
    /// Copies a prover into a workload and starts it; `folder` is for the copy on this side.
    ///
    /// # Errors
    /// When the machine does not let it.
    pub async fn start(
        agent: &Agent,
        program: &Path,
        folder: &Path,
        terms: &Terms,
    ) -> Result<Self, Away> {
        let started = timeout(START_TIME, Self::start_in(agent, program, folder, terms)).await;
        started.map_err(|_| Away::new("the prover was not started in time"))?
    }

    async fn start_in(
        agent: &Agent,
        program: &Path,
        folder: &Path,
        terms: &Terms,
    ) -> Result<Self, Away> {
        let name = name();
        let copy = folder.join(&name);
        let made = disguised(program, &copy).await;
        made.map_err(|error| Away::new(format!("the prover cannot be copied: {error}")))?;
        let placed = place(agent, &copy, &name).await;
        // Best effort: the folder goes with the visit.
        drop(fs::remove_file(&copy).await);
        let numbers = [terms.edge, terms.links, u32::from(terms.gpus)];
        let words = [placed?, "-".into()].into_iter().chain(numbers.map(|n| n.to_string()));
        let options = SessionOptions {
            argv: words.collect(),
            // Whoever breaks off begins anew, with another seed.
            reattach: Duration::ZERO,
            ..SessionOptions::default()
        };
        let session = agent.session(options).await.map_err(Away::new)?;
        Ok(Self { session, out: Vec::new(), words: Vec::new() })
    }

    /// The next line of its output.
    async fn line(&mut self) -> Result<String, Away> {
        loop {
            if let Some(end) = self.out.iter().position(|byte| *byte == b'\n') {
                let rest = self.out.split_off(end + 1);
                let line = std::mem::replace(&mut self.out, rest);
                let text = String::from_utf8(line).map_err(|_| Away::new("it prints no text"))?;
                return Ok(text.trim().to_owned());
            }
            if self.out.len() > LINE_BYTES_MAX {
                return Err(Away::new("it prints more than any answer has"));
            }
            match self.session.next().await.map_err(Away::new)? {
                Some(SessionEvent::Output(LogStream::Stdout, bytes)) => self.out.extend(bytes),
                Some(SessionEvent::Output(LogStream::Stderr, bytes)) => {
                    let room = WORDS_BYTES_MAX.saturating_sub(self.words.len());
                    self.words.extend(bytes.into_iter().take(room));
                }
                Some(SessionEvent::Exit(status)) => {
                    let words = String::from_utf8_lossy(&self.words);
                    let words = words.replace(char::is_control, " ");
                    let why = format!("the prover ended ({status:?}) {}", words.trim());
                    return Err(Away::new(why.trim_end()));
                }
                None => return Err(Away::new("the session ended")),
            }
        }
    }

    async fn say(&mut self, line: String) -> Result<(), Away> {
        self.session.write(format!("{line}\n").as_bytes()).await.map_err(Away::new)
    }
}

#[async_trait]
impl Examinee for Inside {
    async fn root(&mut self, _: u64, seed: &[u8; 32]) -> Result<[u8; 32], Away> {
        self.say(hex::encode(seed)).await?;
        let root = hex::decode(self.line().await?).ok().and_then(|root| root.try_into().ok());
        root.ok_or_else(|| Away::new("its root is no 32 bytes"))
    }

    async fn open(&mut self, asked: &[Place]) -> Result<Vec<u8>, Away> {
        let places: Vec<_> = asked.iter().map(|at| format!("{}:{}", at.link, at.row)).collect();
        self.say(places.join(" ")).await?;
        Ok(STANDARD.decode(self.line().await?).unwrap_or_default())
    }
}

/// Puts a copy into one of the folders that can be written to; gives its path there.
async fn place(agent: &Agent, copy: &Path, name: &str) -> Result<String, Away> {
    let mut folders = FOLDERS;
    folders.shuffle(&mut rand::thread_rng());
    let mut last = Away::new("there is no folder to copy the prover to");
    for folder in folders {
        let path = format!("{folder}/{name}");
        match agent.upload(copy, &path, |_| ()).await {
            Ok(_) => return Ok(path),
            Err(error) if error.is_retryable() => return Err(Away::new(error)),
            Err(error) => last = Away::new(error),
        }
    }
    Err(last)
}

/// A name that says nothing.
fn name() -> String {
    let mut luck = rand::thread_rng();
    let letters = luck.gen_range(NAME);
    (0..letters).map(|_| char::from(luck.gen_range(b'a'..=b'z'))).collect()
}

/// A copy of a program with another content that does the same.
async fn disguised(program: &Path, copy: &Path) -> std::io::Result<()> {
    let mut bytes = fs::read(program).await?;
    let end = bytes.len();
    bytes.resize(end + rand::thread_rng().gen_range(1..=TAIL_BYTES_MAX), 0);
    rand::thread_rng().fill_bytes(&mut bytes[end..]);
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o755).open(copy).await?;
    file.write_all(&bytes).await?;
    file.flush().await
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn no_two_copies_are_alike_and_each_can_be_run() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("prover");
        std::fs::write(&program, b"program").unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..8 {
            let copy = folder.path().join(name());
            disguised(&program, &copy).await.unwrap();
            let bytes = std::fs::read(&copy).unwrap();
            assert!(bytes.starts_with(b"program") && bytes.len() > 7);
            assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o111, 0o111);
            assert!(seen.insert((copy, bytes)));
        }
    }
}
