//! Visits (`docs/design/013-visits.md`): the auditor rents a machine as anybody does, under an account that nobody
//! knows, runs the challenge inside, and says only afterwards who he was. Runs beside the other duties. Each step is on
//! disk before it is acted on, so that a restart anywhere goes on.
//!
//! ```text
//! plan ─► draw ─► choose ─► place ─► start ─► examine ─► leave ─► reveal ─► sweep
//!                   ▲ refused │         └ never runs ──────▲
//!                   └─────────┘ └ none can be rented ─► give up ─► sweep
//! ```

mod accounts;
mod book;
mod inside;
mod live;
mod record;
mod step;
#[cfg(test)]
mod tests;
mod tour;
mod world;

use std::{path::PathBuf, sync::Arc, time::Duration};

use dbc_chain_client::{ChainClient, Signer};
use dbc_sdk::WorkloadSpec;
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;

pub(crate) use accounts::add as add_accounts;
pub use accounts::{FreshAccount, FreshState, visit_cost};

use crate::{
    duty::{AuditorConfig, Said},
    notes::{Notes, NotesError},
};
use live::Live;
use tour::Tour;

/// What an auditor needs to visit machines.
#[derive(Debug, Clone)]
pub struct VisitConfig {
    /// Workloads to rent with, of which each visit takes one: such as everybody rents. An image that only auditors run
    /// would tell who they are.
    pub images: Vec<WorkloadSpec>,
    /// The prover for machines without cards: `dbc-prove`, built statically.
    pub processor: PathBuf,
    /// The prover for machines with cards.
    pub cards: PathBuf,
}

impl VisitConfig {
    /// Why nobody can be visited with it.
    fn lacks(&self) -> Option<String> {
        if self.images.is_empty() {
            return Some("no image is known to rent with".into());
        }
        if let Some(Err(error)) =
            self.images.iter().map(WorkloadSpec::validate).find(Result::is_err)
        {
            return Some(format!("the image to rent with is refused: {error}"));
        }
        let missing = [&self.processor, &self.cards].into_iter().find(|path| !path.is_file());
        missing.map(|path| format!("{} is not built", path.display()))
    }
}

/// Visits machines until `shutdown`; `said` hears of each verdict once it is final.
///
/// # Errors
/// When the notes cannot be kept.
pub(crate) async fn run(
    client: ChainClient,
    signer: Signer,
    notes: Arc<Notes>,
    config: AuditorConfig,
    said: mpsc::Sender<Said>,
    shutdown: CancellationToken,
) -> Result<(), NotesError> {
    let Some(visits) = config.visits.clone() else { return Ok(()) };
    let lacks = visits.lacks();
    let world = Live::new(client, signer, &config, visits);
    let mut tour = Tour::new(world, notes, said);
    if let Some(lacks) = lacks {
        tour.rest(lacks);
    }
    loop {
        let turn = async {
            // Boxed: it holds everything from an order to the openings.
            let pause = Box::pin(tour.turn()).await?;
            sleep(pause.max(Duration::from_millis(100))).await;
            Ok::<_, NotesError>(())
        };
        tokio::select! {
            // Dropped anywhere, it goes on from what is on disk.
            () = shutdown.cancelled() => return Ok(()),
            turned = turn => turned?,
        }
    }
}
