//! Whether the cards that are leased can be computed with, as their driver says: one task asks for all of them, and the
//! drivers of workloads watch what it hears. Judges nothing but that: a workload on a lost card is not healthy
//! ([`crate::observe`]), and by its machine's fault ([`crate::downtime`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    thread,
    time::Duration,
};

use dbc_host::{Gpus, gpus::Loss};
use tokio::{
    sync::{oneshot, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{driver::cards_of, ledger::Ledger};

/// Pause between two looks.
const LOOK: Duration = Duration::from_secs(10);
/// A driver that takes longer hangs. Many idle cards take some seconds each to wake.
const ANSWER: Duration = Duration::from_secs(60);

/// Leased cards that are lost, by UUID; `None` before it was first asked for them.
pub type Lost = Option<BTreeMap<String, Loss>>;

/// A card that cannot be computed with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("card {uuid} is lost: {why}")]
pub struct LostCard {
    /// Its UUID.
    pub uuid: String,
    /// Why.
    pub why: Loss,
}

/// The first of `cards` that is lost.
pub fn first(lost: &Lost, cards: &[String]) -> Option<LostCard> {
    let lost = lost.as_ref()?;
    cards.iter().find_map(|uuid| Some(LostCard { uuid: uuid.clone(), why: *lost.get(uuid)? }))
}

/// Asks for the leased cards until `shutdown`, and not while none is leased: an idle card is left asleep. `patience` is
/// how long a fault is borne: it must be seen sooner.
pub async fn run(
    ledger: Arc<Ledger>,
    gpus: Arc<dyn Gpus>,
    lost: watch::Sender<Lost>,
    patience: Duration,
    shutdown: CancellationToken,
) {
    let mut ticks = interval(LOOK.min(patience.max(Duration::from_millis(100))));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut look = Look { gpus, lost, limit: ANSWER, silent: false };
    let work = async {
        loop {
            ticks.tick().await;
            look.once(leased(&ledger)).await;
        }
    };
    shutdown.run_until_cancelled(work).await;
}

/// UUIDs of the cards of all leases that are open here.
fn leased(ledger: &Ledger) -> BTreeSet<String> {
    let machine = ledger.machine().borrow().clone();
    let views = ledger.ids().into_iter().map(|id| ledger.now(id));
    let open = views.filter(|view| view.newest().is_some_and(|l| l.closed.is_none() && !l.moved));
    open.filter_map(|view| cards_of(&view, machine.as_ref())).flatten().collect()
}

struct Look {
    gpus: Arc<dyn Gpus>,
    lost: watch::Sender<Lost>,
    limit: Duration,
    /// The driver gave no answer last time.
    silent: bool,
}

impl Look {
    async fn once(&mut self, wanted: BTreeSet<String>) {
        if wanted.is_empty() {
            return self.publish(BTreeMap::new());
        }
        let (reply, mut answer) = oneshot::channel();
        let (gpus, asked) = (self.gpus.clone(), wanted.clone());
        // A thread of its own: a driver may hang for good, and the runtime waits for its own threads when it ends.
        let thread = thread::Builder::new().name("cards".into());
        let spawned = thread.spawn(move || drop(reply.send(gpus.lost(&asked))));
        if let Err(error) = spawned {
            return self.unknown(&error.to_string());
        }
        let answer = match timeout(self.limit, &mut answer).await {
            Ok(answer) => answer,
            Err(_) => {
                self.publish(wanted.into_iter().map(|uuid| (uuid, Loss::Hung)).collect());
                // Not asked again beside that: nothing would end such threads.
                answer.await
            }
        };
        match answer {
            Ok(Ok(lost)) => {
                self.silent = false;
                self.publish(lost);
            }
            Ok(Err(error)) => self.unknown(&dbc_service::error_chain(&error)),
            Err(_) => self.unknown("the question panicked"),
        }
    }

    /// What was known holds: a driver that was upgraded under its cards says nothing until a reboot, and what runs on
    /// them runs on.
    fn unknown(&mut self, error: &str) {
        if !std::mem::replace(&mut self.silent, true) {
            warn!(error, "the GPU driver does not say how the cards are");
        }
        self.lost.send_if_modified(|lost| {
            let first = lost.is_none();
            lost.get_or_insert_default();
            first
        });
    }

    fn publish(&self, now: BTreeMap<String, Loss>) {
        self.lost.send_if_modified(|lost| {
            let before = lost.clone().unwrap_or_default();
            for (gpu_uuid, why) in now.iter().filter(|(uuid, why)| before.get(*uuid) != Some(*why))
            {
                error!(gpu_uuid, %why, "a leased card is lost");
            }
            for gpu_uuid in before.keys().filter(|uuid| !now.contains_key(*uuid)) {
                info!(gpu_uuid, "a card is well again, or leased no more");
            }
            lost.replace(now.clone()).as_ref() != Some(&now)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};

    use dbc_host::{
        fake::FakeGpus,
        gpus::{Gpu, GpuError},
    };

    use super::*;

    fn look(gpus: impl Gpus + 'static) -> (Look, watch::Receiver<Lost>) {
        let (lost, heard) = watch::channel(None);
        let limit = Duration::from_millis(50);
        (Look { gpus: Arc::new(gpus), lost, limit, silent: false }, heard)
    }

    fn cards(uuids: &[&str]) -> BTreeSet<String> {
        uuids.iter().map(ToString::to_string).collect()
    }

    fn lost(uuid: &str, why: Loss) -> Lost {
        Some(BTreeMap::from([(uuid.to_owned(), why)]))
    }

    #[tokio::test]
    async fn what_a_driver_does_not_say_changes_nothing() {
        let gpus = FakeGpus::default();
        gpus.plug("GPU-0");
        let (mut look, mut heard) = look(gpus.clone());
        let mut next = async |wanted: &[&str]| {
            look.once(cards(wanted)).await;
            let changed = heard.has_changed().unwrap();
            changed.then(|| heard.borrow_and_update().clone())
        };
        gpus.faults().fail("lost", 2, || GpuError { action: "start", source: "mismatch".into() });
        assert_eq!(next(&["GPU-0"]).await, Some(Some(BTreeMap::new())), "asked, and no wiser");
        assert_eq!(next(&["GPU-0"]).await, None);
        gpus.unplug("GPU-0");
        assert_eq!(next(&["GPU-0"]).await, Some(lost("GPU-0", Loss::Gone)));
        gpus.faults().fail("lost", 1, || GpuError { action: "start", source: "mismatch".into() });
        assert_eq!(next(&["GPU-0"]).await, None);
        let asked = gpus.faults().count("lost");
        assert_eq!(next(&[]).await, Some(Some(BTreeMap::new())), "leased no more");
        assert_eq!(gpus.faults().count("lost"), asked, "nobody's cards are left alone");
    }

    /// Answers when it is told to.
    struct Hanging(Mutex<mpsc::Receiver<()>>);

    impl Gpus for Hanging {
        fn list(&self) -> Result<Vec<Gpu>, GpuError> {
            Ok(Vec::new())
        }

        fn lost(&self, _wanted: &BTreeSet<String>) -> Result<BTreeMap<String, Loss>, GpuError> {
            let _ = self.0.lock().unwrap().recv();
            Ok(BTreeMap::new())
        }
    }

    #[tokio::test]
    async fn on_a_driver_that_hangs_every_card_is_lost_until_it_answers() {
        let (release, told) = mpsc::channel();
        let (mut look, mut heard) = look(Hanging(Mutex::new(told)));
        let asking = tokio::spawn(async move { look.once(cards(&["GPU-0"])).await });
        heard.changed().await.unwrap();
        assert_eq!(*heard.borrow_and_update(), lost("GPU-0", Loss::Hung));
        assert!(!asking.is_finished(), "one question at a time");
        release.send(()).unwrap();
        heard.changed().await.unwrap();
        assert_eq!(*heard.borrow(), Some(BTreeMap::new()));
        asking.await.unwrap();
    }

    #[test]
    fn a_lost_card_is_named_with_its_fault() {
        let found = lost("GPU-1", Loss::ResetNeeded);
        let cards = ["GPU-0", "GPU-1"].map(String::from);
        assert_eq!(first(&found, &cards[..1]), None);
        assert_eq!(first(&None, &cards), None);
        let card = first(&found, &cards).unwrap();
        assert_eq!(card.to_string(), "card GPU-1 is lost: it must be reset");
    }
}
