//! The loop: follow the chain's slots, hear, tell, show.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use dbc_chain_client::{At, ChainClient, ChainError, Signer, Statement, TOPICS_MAX, View};
use dbc_primitives::{
    MachineId, Slot,
    liveness::{self, Beat, COHORT, Interval, Opening, Tree},
};
use dbc_service::error_chain;
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    beat,
    notes::{Heard, Notes},
};

/// Slots into an interval before the last one is told of: late beats come in, and the chain closes the
/// one before, so that it is known what to show.
const SETTLE_SLOTS: Slot = 3;
/// Pause before a broken subscription is begun again.
const RETRY: Duration = Duration::from_secs(2);
/// Events of statements that may wait.
const WAITING_MAX: usize = 64;
/// Machines whose place is remembered.
const PLACES_MAX: usize = 200_000;

/// How a watcher works.
#[derive(Debug, Clone)]
pub struct WatcherConfig {
    /// Folder for its notes.
    pub state_dir: PathBuf,
}

/// What was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Told {
    /// Of which interval.
    pub interval: Interval,
    /// Of which cohort.
    pub cohort: u32,
    /// How many were heard.
    pub heard: u32,
    /// How many stand there.
    pub present: u32,
}

/// A watcher at work.
pub struct Watcher {
    client: ChainClient,
    signer: Signer,
    notes: Notes,
    interval_slots: Slot,
    epoch_intervals: u64,
    /// Who stands where, as far as it was asked: (machine, generation) by index.
    places: BTreeMap<u32, (MachineId, u32)>,
    /// Cohorts that are listened to.
    cohorts: Vec<u32>,
    statements: mpsc::Receiver<Vec<Statement>>,
    listening: Option<JoinHandle<()>>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(task) = self.listening.take() {
            task.abort();
        }
    }
}

impl Watcher {
    /// Makes it ready; does not join.
    ///
    /// # Errors
    /// When the node does not answer or the folder cannot be used.
    pub async fn open(client: ChainClient, signer: Signer, config: &WatcherConfig) -> Result<Self> {
        std::fs::create_dir_all(&config.state_dir)
            .with_context(|| format!("cannot make {}", config.state_dir.display()))?;
        let notes = Notes::open(&config.state_dir)?;
        let figures = client.at(At::Best).await?.watch_constants()?;
        let (_, statements) = mpsc::channel(1);
        Ok(Self {
            client,
            signer,
            notes,
            interval_slots: figures.interval_slots.max(1),
            epoch_intervals: figures.epoch_intervals.max(1),
            places: BTreeMap::new(),
            cohorts: Vec::new(),
            statements,
            listening: None,
        })
    }

    /// Does its duty until `shutdown`; `told` hears of each report.
    ///
    /// # Errors
    /// When its notes cannot be kept, or the account is no watcher.
    pub async fn run(
        &mut self,
        shutdown: CancellationToken,
        mut told: impl FnMut(Told),
    ) -> Result<()> {
        let mut heads = self.client.best();
        loop {
            let slot = heads.borrow_and_update().slot;
            match self.turn(slot, &mut told).await {
                Ok(()) => {}
                Err(error) if error.is::<ChainError>() => {
                    warn!(error = error_chain(error.as_ref()), "the chain does not answer");
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                changed = heads.changed() => {
                    if changed.is_err() {
                        anyhow::bail!("the connection to the chain is gone for good");
                    }
                }
                Some(batch) = self.statements.recv() => self.hear(batch).await?,
            }
        }
    }

    /// What one head asks for.
    async fn turn(&mut self, slot: Slot, told: &mut impl FnMut(Told)) -> Result<()> {
        while let Ok(batch) = self.statements.try_recv() {
            self.hear(batch).await?;
        }
        let now = slot / self.interval_slots;
        if slot % self.interval_slots < SETTLE_SLOTS || now == 0 {
            return Ok(());
        }
        let view = self.client.at(At::Best).await?;
        let cohorts = view.machine_indexes().await?.div_ceil(COHORT).max(1);
        self.listen(cohorts).await?;
        let of = now - 1;
        if of < view.next_interval().await? {
            // The chain began later, or closed it already.
            return Ok(());
        }
        for cohort in 0..cohorts {
            let on_duty = view
                .duties(of / self.epoch_intervals, cohort)
                .await?
                .contains(&self.signer.account());
            if !on_duty {
                self.show(&view, cohort).await?;
            } else if !self.notes.was_told(of, cohort)? {
                if let Some(report) = self.tell(&view, of, cohort).await? {
                    told(report);
                }
            }
        }
        self.notes.forget_before(of.saturating_sub(2 * self.epoch_intervals))?;
        Ok(())
    }

    /// Tells whom it heard of a cohort in an interval, once.
    async fn tell(&self, view: &View, of: Interval, cohort: u32) -> Result<Option<Told>> {
        let heard = self.notes.heard(of, cohort)?;
        let present = view.present(cohort).await?;
        let stand: u32 = present.iter().map(|byte| byte.count_ones()).sum();
        let expected = view.heard(cohort).await?;
        let counted: u32 = expected.iter().map(|byte| byte.count_ones()).sum();
        let mut map = liveness::none();
        for beat in &heard {
            liveness::set(&mut map, beat.bit, true);
        }
        let count = u32::try_from(heard.len()).unwrap_or(u32::MAX);
        // Whoever hears less than half of those that others hear looks at himself first (rule 9). Of
        // very few, each may well be silent; the chain takes their silence as told.
        let both = liveness::both(&map, &expected);
        let known: u32 = both.iter().map(|byte| byte.count_ones()).sum();
        if counted >= view.watch_constants()?.mass_min && 2 * known < counted {
            warn!(interval = of, cohort, heard = count, counted, "hears too little, and abstains");
            self.abstain(view, of, cohort).await?;
            return Ok(None);
        }
        let account = self.signer.account();
        let tree = Tree::new(&account.0, heard.iter().map(|beat| (beat.bit, &beat.signature)));
        let opening = self.opening(view, cohort).await?;
        if !self.notes.tell(of, cohort)? {
            return Ok(None);
        }
        let sent = async {
            let mut submission =
                self.client.report(&self.signer, of, cohort, map, tree.root(), opening).await?;
            submission.in_block().await
        };
        match sent.await {
            Ok(_) => debug!(interval = of, cohort, heard = count, "told"),
            Err(error) => {
                warn!(
                    interval = of,
                    cohort,
                    error = error_chain(&error),
                    "the report was not taken"
                );
                self.notes.untell(of, cohort)?;
                return Ok(None);
            }
        }
        Ok(Some(Told { interval: of, cohort, heard: count, present: stand }))
    }

    /// Says that it heard too few, once; what the report before needs is shown with it.
    async fn abstain(&self, view: &View, of: Interval, cohort: u32) -> Result<()> {
        let opening = self.opening(view, cohort).await?;
        if !self.notes.tell(of, cohort)? {
            return Ok(());
        }
        let sent = async {
            self.client.abstain(&self.signer, of, cohort, opening).await?.in_block().await
        };
        if let Err(error) = sent.await {
            warn!(interval = of, cohort, error = error_chain(&error), "it was not taken");
            self.notes.untell(of, cohort)?;
        }
        Ok(())
    }

    /// Shows what a report before needs, when no other report of that cohort follows.
    async fn show(&self, view: &View, cohort: u32) -> Result<()> {
        let account = self.signer.account();
        let Some(pending) = view.pending_report(account, cohort).await? else { return Ok(()) };
        if pending.interval >= view.next_interval().await? {
            return Ok(());
        }
        let opening = self.opening(view, cohort).await?;
        let sent = async {
            self.client.open_report(&self.signer, cohort, opening).await?.in_block().await
        };
        match sent.await {
            Ok(_) => info!(interval = pending.interval, cohort, "the last report is proven"),
            Err(error) => {
                warn!(cohort, error = error_chain(&error), "the last report was not proven");
            }
        }
        Ok(())
    }

    /// The beat that the chain asks for, of the report before.
    async fn opening(&self, view: &View, cohort: u32) -> Result<Option<Opening>> {
        let account = self.signer.account();
        let Some(pending) = view.pending_report(account, cohort).await? else { return Ok(None) };
        let Some(bit) = view.asked(account, cohort, &pending).await? else { return Ok(None) };
        let heard = self.notes.heard(pending.interval, cohort)?;
        // Beats that came after the report are no part of its tree.
        let of_report: Vec<&Heard> =
            heard.iter().filter(|beat| liveness::is_set(&pending.heard, beat.bit)).collect();
        let tree = Tree::new(&account.0, of_report.iter().map(|beat| (beat.bit, &beat.signature)));
        let found = of_report.iter().find(|beat| beat.bit == bit);
        Ok(found.map(|beat| Opening {
            digest: beat.digest,
            signature: beat.signature,
            path: tree.path(bit),
        }))
    }

    /// Listens to these many cohorts; begins again when there are more, or the connection broke.
    async fn listen(&mut self, cohorts: u32) -> Result<()> {
        let wanted: Vec<u32> = (0..cohorts).take(TOPICS_MAX).collect();
        let alive = self.listening.as_ref().is_some_and(|task| !task.is_finished());
        if alive && wanted == self.cohorts {
            return Ok(());
        }
        if let Some(task) = self.listening.take() {
            task.abort();
        }
        let genesis = self.client.genesis();
        let topics: Vec<_> =
            wanted.iter().map(|cohort| liveness::topic(&genesis, *cohort)).collect();
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let client = self.client.clone();
        self.statements = receiver;
        self.cohorts = wanted;
        self.listening = Some(tokio::spawn(async move {
            loop {
                match client.statements(&topics).await {
                    Ok(mut statements) => {
                        while let Some(batch) = statements.next().await {
                            if sender.send(batch).await.is_err() {
                                return;
                            }
                        }
                    }
                    Err(error) => debug!(error = error_chain(&error), "cannot listen"),
                }
                sleep(RETRY).await;
            }
        }));
        Ok(())
    }

    /// Writes down what counts of a batch.
    async fn hear(&mut self, batch: Vec<Statement>) -> Result<()> {
        let genesis = self.client.genesis();
        let slot = self.client.best().borrow().slot;
        let now = slot / self.interval_slots;
        let mut beats = Vec::new();
        for statement in batch {
            let machine = MachineId(statement.signer);
            let Ok(beat) = beat::check(&genesis, machine, &statement.data) else { continue };
            // Of an interval that was told of, or of one to come, nothing counts.
            let counts = beat.interval + 1 >= now && beat.interval <= now + 1;
            if counts && self.stands(&beat, machine).await {
                beats.push(beat);
            }
        }
        self.notes.hear(&beats)?;
        Ok(())
    }

    /// Whether the machine stands where its beat says.
    async fn stands(&mut self, beat: &Beat, machine: MachineId) -> bool {
        if self.places.get(&beat.index) == Some(&(machine, beat.generation)) {
            return true;
        }
        let asked = async {
            let view = self.client.at(At::Best).await?;
            view.machine_at(beat.index).await
        };
        let found = asked.await.unwrap_or_default();
        if let Some(place) = found {
            if self.places.len() >= PLACES_MAX {
                self.places.clear();
            }
            self.places.insert(beat.index, place);
        }
        found == Some((machine, beat.generation))
    }
}
