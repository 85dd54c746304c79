//! The loop: follow the chain, challenge, bind, reveal, show.

use std::{
    collections::{HashMap, HashSet},
    fs::DirBuilder,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use dbc_bench::{Case, hash_of};
use dbc_chain_client::{
    AccountId, At, AuditPhase, AuditRecord, ChainClient, ChainError, Head, Signer, Submission, View,
};
use dbc_primitives::{
    Slot,
    audit::{AuditId, Verdict, commitment},
};
use dbc_service::error_chain;
use dbc_tunnel::{Dialer, DialerConfig, RelayUrl, Target};
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    challenge::{Explained, challenge},
    evidence,
    notes::{Notes, NotesError},
    visit::{self, FreshAccount, VisitConfig},
};

/// Audits that are looked at in one turn; one auditor is hardly drawn for more at once.
const AUDITS_MAX: usize = 64;
/// Slots that a commit needs to get into a block; with fewer left, a silent machine is one.
const COMMIT_SLOTS: Slot = 3;
/// Pause before a machine that did not answer is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// Slots between two looks whether somebody wants to see a transcript.
const DEMANDS_EVERY: Slot = 10;
/// Transcripts that are looked after; the chain forgets older ones first.
const KEPT_MAX: u32 = 500;
/// Verdicts of visits that wait to be said.
const SAID_MAX: usize = 16;

/// How an auditor works.
#[derive(Debug, Clone)]
pub struct AuditorConfig {
    /// Folder for its notes.
    pub state_dir: PathBuf,
    /// Relays of its own, beside those that machines name.
    pub relays: Vec<String>,
    /// What it visits machines with. When `None`, it does not.
    pub visits: Option<VisitConfig>,
}

/// What an auditor said of a machine, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Said {
    /// Which audit; a visit is one once it is told.
    pub audit: AuditId,
    /// Which machine, in hex.
    pub machine: String,
    /// `pass`, `fail` or `unreachable`.
    pub verdict: &'static str,
    /// Why.
    pub why: String,
    /// Whether it was found in a lease, by a visit.
    pub visit: bool,
}

/// An audit, and which draw of it.
type Duty = (AuditId, [u8; 32]);

/// A part of a duty that is done by a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    /// Naming a key for evidence.
    Key,
    /// Binding oneself to what was found.
    Commit,
    /// Telling it.
    Reveal,
}

/// An auditor at work.
pub struct Auditor {
    client: ChainClient,
    signer: Signer,
    notes: Arc<Notes>,
    dialer: Dialer,
    genesis: [u8; 32],
    challenges: JoinSet<(Duty, [u8; 32], Explained)>,
    running: HashMap<Duty, AbortHandle>,
    /// What was sent and may not be in a block yet.
    sending: HashSet<(Duty, Part)>,
    sent: JoinSet<((Duty, Part), Result<(), ChainError>)>,
    looked: Slot,
    config: AuditorConfig,
}

impl Auditor {
    /// Makes it ready, and tells the chain its key if it knows another. Does not join.
    ///
    /// # Errors
    /// When the node does not answer, the account is no auditor, or the folder cannot be used.
    pub async fn open(client: ChainClient, signer: Signer, config: &AuditorConfig) -> Result<Self> {
        let notes = notes(config)?;
        let seed = zeroize::Zeroizing::new(notes.endpoint(rand::random())?);
        let relays = config.relays.iter().map(|url| url.parse::<RelayUrl>());
        let relays = relays.collect::<Result<_, _>>().context("a relay's address is wrong")?;
        let dialer = DialerConfig { relays, ..DialerConfig::default() };
        let dialer = Dialer::bind(&seed, dialer).await?;
        let record = client.at(At::Best).await?.auditor(signer.account()).await?;
        let record = record.context("this account is no auditor; `dbc audit join` bonds it")?;
        if record.key != dialer.id() {
            info!("machines know these connections by a new key");
            client.set_audit_key(&signer, dialer.id()).await?.in_block().await?;
        }
        let genesis = client.genesis();
        Ok(Self {
            client,
            signer,
            notes: Arc::new(notes),
            dialer,
            genesis,
            challenges: JoinSet::new(),
            running: HashMap::new(),
            sending: HashSet::new(),
            sent: JoinSet::new(),
            looked: 0,
            config: config.clone(),
        })
    }

    /// What the reporter of an audit's machine handed this auditor, as its bytes.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn handed(config: &AuditorConfig, audit: AuditId) -> Result<Option<Vec<u8>>> {
        Ok(notes(config)?.evidence(audit)?)
    }

    /// The transcript of an audit or a visit of this auditor, with the verdict that it supports and why.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn transcript(config: &AuditorConfig, audit: AuditId) -> Result<Option<Explained>> {
        Ok(notes(config)?.judged(audit)?)
    }

    /// Makes accounts for visits, 1 to 100, kept in the auditor's folder.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn add_accounts(config: &AuditorConfig, count: u32) -> Result<Vec<AccountId>> {
        visit::add_accounts(&notes(config)?, count)
    }

    /// The accounts for visits, the oldest first.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn accounts(config: &AuditorConfig) -> Result<Vec<FreshAccount>> {
        Ok(notes(config)?.accounts()?)
    }

    /// The key by which machines know an auditor whose notes lie in a folder; made when there is none.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn key(config: &AuditorConfig) -> Result<[u8; 32]> {
        let seed = notes(config)?.endpoint(rand::random())?;
        Ok(dbc_tunnel::public_key(&seed))
    }

    /// Where a machine can be found beside the relays that the chain names.
    pub fn knows(&self, endpoint: [u8; 32], direct: Vec<SocketAddr>) {
        self.dialer.addresses().set(&Target { endpoint, relays: Vec::new(), direct });
    }

    /// Does its duty until `shutdown`; `said` hears of each verdict when it is revealed.
    ///
    /// # Errors
    /// When its notes cannot be kept.
    pub async fn run(
        &mut self,
        shutdown: CancellationToken,
        mut said: impl FnMut(Said),
    ) -> Result<()> {
        let mut heads = self.client.best();
        let (mut visits, mut told) = self.visits(&shutdown);
        loop {
            let slot = heads.borrow_and_update().slot;
            match self.turn(slot, &mut said).await {
                Ok(()) => {}
                Err(error) if error.is::<ChainError>() => {
                    warn!(error = error_chain(error.as_ref()), "the chain does not answer");
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                changed = heads.changed() => {
                    if changed.is_err() {
                        anyhow::bail!("the connection to the chain is gone for good");
                    }
                }
                Some(done) = self.challenges.join_next(), if !self.challenges.is_empty() => {
                    if let Ok((duty, machine, found)) = done {
                        self.found(duty, &machine, &found)?;
                    }
                }
                Some(one) = told.recv() => said(one),
                Some(done) = visits.join_next(), if !visits.is_empty() => {
                    done.context("the task of visits broke")??;
                }
                Some(done) = self.sent.join_next(), if !self.sent.is_empty() => {
                    let Ok((what, outcome)) = done else { continue };
                    self.sending.remove(&what);
                    if let Err(error) = outcome {
                        warn!(audit = what.0.0, error = error_chain(&error), "not taken");
                    }
                }
            }
        }
        visits.shutdown().await;
        self.challenges.shutdown().await;
        self.dialer.close().await;
        Ok(())
    }

    /// Begins to visit machines, beside all else: a visit takes minutes.
    fn visits(
        &self,
        shutdown: &CancellationToken,
    ) -> (JoinSet<Result<(), NotesError>>, mpsc::Receiver<Said>) {
        let (said, told) = mpsc::channel(SAID_MAX);
        let mut visits = JoinSet::new();
        if self.config.visits.is_some() {
            visits.spawn(visit::run(
                self.client.clone(),
                self.signer.clone(),
                self.notes.clone(),
                self.config.clone(),
                said,
                shutdown.clone(),
            ));
        }
        (visits, told)
    }

    /// What one head asks for.
    async fn turn(&mut self, slot: Slot, said: &mut impl FnMut(Said)) -> Result<()> {
        let view = self.client.at(At::Best).await?;
        let account = self.signer.account();
        let mut assigned = view.assigned(account).await?;
        assigned.truncate(AUDITS_MAX);
        for id in assigned {
            let Some(audit) = view.audit(id).await? else { continue };
            let Some(mine) = audit.duties.iter().find(|duty| duty.auditor == account) else {
                continue;
            };
            let duty = (id, audit.seed);
            if let (AuditPhase::Commit, Some(report)) = (audit.phase, audit.report) {
                self.evidence(&view, duty, report, mine.key).await?;
            }
            match audit.phase {
                AuditPhase::Commit if !mine.committed => {
                    self.look(&view, duty, &audit, slot).await?;
                }
                AuditPhase::Reveal if mine.committed && mine.revealed.is_none() => {
                    self.reveal(duty, &audit, said).await?;
                }
                _ => {}
            }
        }
        if slot >= self.looked + DEMANDS_EVERY {
            self.looked = slot;
            self.show(&view).await?;
        }
        Ok(())
    }

    /// Names a key for the evidence of a report where some was promised, and reads what was handed. It tells
    /// whoever runs the auditor what to look at; a verdict is by what the machine answers.
    async fn evidence(
        &mut self,
        view: &View,
        duty: Duty,
        report: u64,
        named: Option<[u8; 32]>,
    ) -> Result<()> {
        let Some(promised) = view.evidence(report).await? else { return Ok(()) };
        let secret = self.notes.duty_key(duty.0, &duty.1, rand::random())?;
        let secret = zeroize::Zeroizing::new(secret);
        if named.is_none() {
            if self.sending.insert((duty, Part::Key)) {
                let key = evidence::public(&secret);
                let sent = self.client.set_duty_key(&self.signer, duty.0, key).await;
                self.follow((duty, Part::Key), sent);
            }
            return Ok(());
        }
        let Some(sealed) = view.handed(report, self.signer.account()).await? else {
            return Ok(());
        };
        match evidence::open(&secret, &sealed, &promised) {
            Ok(found) => {
                if self.notes.keep_evidence(duty.0, &duty.1, &found)? {
                    // What it says is for whoever asks for it, not for the log.
                    info!(audit = duty.0, report, bytes = found.len(), "evidence was handed");
                }
            }
            Err(error) => {
                if self.notes.keep_evidence(duty.0, &duty.1, &[])? {
                    warn!(audit = duty.0, report, %error, "evidence cannot be read");
                }
            }
        }
        Ok(())
    }

    /// Challenges a machine, or binds itself to what it found.
    async fn look(
        &mut self,
        view: &View,
        duty: Duty,
        audit: &AuditRecord,
        slot: Slot,
    ) -> Result<()> {
        if let Some(found) = self.notes.find(duty.0, &duty.1)? {
            if self.sending.insert((duty, Part::Commit)) {
                let root = hash_of(&found.transcript);
                let commit = commitment(&self.signer.account(), &root, &found.verdict);
                let sent = self.client.commit_audit(&self.signer, duty.0, commit).await;
                self.follow((duty, Part::Commit), sent);
            }
            return Ok(());
        }
        if slot + COMMIT_SLOTS >= audit.next {
            if let Some(task) = self.running.remove(&duty) {
                task.abort();
            }
            let why = "it did not answer while there was time".to_owned();
            return self.found(duty, &audit.machine.0, &Explained::unreachable(why));
        }
        if self.running.contains_key(&duty) {
            return Ok(());
        }
        let machine = view.machine(audit.machine).await?;
        let terms = view.audit_terms(duty.0).await?;
        // It left; the chain closes the audit without a verdict.
        let Some((machine, terms)) = machine.zip(terms) else { return Ok(()) };
        let relays = machine.network.relays.iter().filter_map(|url| {
            std::str::from_utf8(url).ok().and_then(|url| url.parse::<RelayUrl>().ok())
        });
        let target = Target {
            endpoint: machine.network.endpoint,
            relays: relays.collect(),
            direct: Vec::new(),
        };
        let case = Case {
            genesis: self.genesis,
            machine: audit.machine,
            audit: duty.0,
            seed: audit.seed,
            terms,
        };
        let (dialer, heads) = (self.dialer.clone(), self.client.best());
        let task = self.challenges.spawn(async move {
            let found = insist(&dialer, &target, &case, heads).await;
            (duty, case.machine.0, found)
        });
        self.running.insert(duty, task);
        Ok(())
    }

    /// Writes down what was found, before anybody hears of it.
    fn found(&mut self, duty: Duty, machine: &[u8; 32], found: &Explained) -> Result<()> {
        self.running.remove(&duty);
        let machine = hex::encode(&machine[..8]);
        let verdict = word(&found.verdict);
        info!(audit = duty.0, machine, verdict, why = found.why, "a machine is judged");
        self.notes.keep(duty.0, &duty.1, found)?;
        Ok(())
    }

    async fn reveal(
        &mut self,
        duty: Duty,
        audit: &AuditRecord,
        said: &mut impl FnMut(Said),
    ) -> Result<()> {
        let Some(found) = self.notes.find(duty.0, &duty.1)? else { return Ok(()) };
        if !self.sending.insert((duty, Part::Reveal)) {
            return Ok(());
        }
        let root = hash_of(&found.transcript);
        let sent = self.client.reveal_audit(&self.signer, duty.0, root, found.verdict).await;
        if sent.is_ok() {
            said(Said {
                audit: duty.0,
                machine: hex::encode(audit.machine.0),
                verdict: word(&found.verdict),
                why: found.why,
                visit: false,
            });
        }
        self.follow((duty, Part::Reveal), sent);
        Ok(())
    }

    /// Waits in the background until a call is in a block; it is sent anew if it is not taken.
    fn follow(&mut self, what: (Duty, Part), sent: Result<Submission, ChainError>) {
        self.sent.spawn(async move {
            let outcome = match sent {
                Ok(mut submission) => submission.in_block().await.map(drop),
                Err(error) => Err(error),
            };
            (what, outcome)
        });
    }

    /// Shows what somebody wants to see, and forgets what the chain forgot.
    async fn show(&self, view: &View) -> Result<()> {
        let account = self.signer.account();
        for id in self.notes.last(KEPT_MAX)? {
            let Some(audit) = view.audit(id).await? else {
                self.notes.forget(id)?;
                continue;
            };
            if view.demand(id, account).await?.is_none() {
                continue;
            }
            let Some(found) = self.notes.find(id, &audit.seed)? else { continue };
            let sent = self.client.show_transcript(&self.signer, id, found.transcript).await;
            match sent {
                Ok(mut submission) => match submission.in_block().await {
                    Ok(_) => info!(audit = id, "a transcript is shown to whoever doubted it"),
                    Err(error) => {
                        warn!(audit = id, error = error_chain(&error), "not shown");
                    }
                },
                Err(error) => warn!(audit = id, error = error_chain(&error), "not shown"),
            }
        }
        Ok(())
    }
}

/// The notes in an auditor's folder, which is made for him alone.
fn notes(config: &AuditorConfig) -> Result<Notes> {
    let folder = &config.state_dir;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(Notes::open(folder)?)
}

/// Challenges until there is a verdict, with another secret each time: whoever hung up and computed on has computed
/// nothing. Whoever calls it gives up in time.
async fn insist(
    dialer: &Dialer,
    target: &Target,
    case: &Case,
    heads: watch::Receiver<Head>,
) -> Explained {
    let mut breaks = 0;
    loop {
        let answer = challenge(dialer, target, case, rand::random(), heads.clone()).await;
        match answer.or_else(|away| away.again(&mut breaks)) {
            Ok(found) => return found,
            Err(away) => warn!(audit = case.audit, %away, "trying again while there is time"),
        }
        sleep(RETRY).await;
    }
}

/// The word for a verdict.
pub(crate) fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass(_) => "pass",
        Verdict::Fail => "fail",
        Verdict::Unreachable => "unreachable",
    }
}
