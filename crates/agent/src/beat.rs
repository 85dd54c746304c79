//! The machine's beat: once in each interval it signs that it is there, and hands that to its node, or by its
//! light client to its peers, as a statement. Watchers hear it; no transaction, no fee. A machine that does not beat is not paid.

use std::{sync::Arc, time::Duration};

use codec::Encode as _;
use dbc_chain_client::{At, ChainClient, ChainError, Statement, Submitted};
use dbc_primitives::{
    MachineId, SLOT_SECONDS, Slot,
    liveness::{self, Beat, COHORT, Interval},
};
use dbc_service::error_chain;
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{chain::source::Source, keys::Keys, ledger::Ledger};

/// Intervals after its own for which a beat is kept.
const KEPT: u64 = 2;
/// Pause after a failure.
const RETRY: Duration = Duration::from_secs(2);

/// Beats until `shutdown`, whatever is away meanwhile.
pub async fn run(
    source: Source,
    genesis: [u8; 32],
    keys: Arc<Keys>,
    ledger: Arc<Ledger>,
    shutdown: CancellationToken,
) {
    let beating = async {
        let client = source.connect(Some(genesis)).await;
        let mut heads = client.best();
        let mut last: Option<Interval> = None;
        loop {
            let slot = heads.borrow_and_update().slot;
            match once(&client, &keys, &ledger, slot, last).await {
                Ok(done) => last = done.or(last),
                Err(error) => {
                    warn!(error = error_chain(&error), "no beat was sent");
                    sleep(RETRY).await;
                    continue;
                }
            }
            if heads.changed().await.is_err() {
                return;
            }
        }
    };
    shutdown.run_until_cancelled(beating).await;
}

/// Sends the beat of the slot's interval unless it was `last`; gives the interval when it was sent.
async fn once(
    client: &ChainClient,
    keys: &Keys,
    ledger: &Ledger,
    slot: Slot,
    last: Option<Interval>,
) -> Result<Option<Interval>, ChainError> {
    let view = client.at(At::Best).await?;
    let length = view.watch_constants()?.interval_slots.max(1);
    let interval = slot / length;
    if last.is_some_and(|last| last >= interval) {
        return Ok(None);
    }
    let machine = MachineId(keys.machine());
    // Whatever its status: a machine that lost its proof is watched on, and its leases are metered on.
    let Some(record) = view.machine(machine).await? else { return Ok(None) };
    let digest = digest(&ledger.ids());
    let (index, generation) = (record.index.index, record.index.generation);
    let genesis = client.genesis();
    let message = liveness::beat(&genesis, machine, generation, interval, &digest);
    let beat = Beat { index, generation, interval, digest, signature: keys.sign(&message) };
    // Of chain time: a host whose clock is wrong beats all the same.
    let expires = (interval + 1 + KEPT).saturating_mul(length).saturating_mul(SLOT_SECONDS);
    let statement = Statement {
        signer: machine.0,
        expires_s: u32::try_from(expires).unwrap_or(u32::MAX),
        sequence: 0,
        channel: liveness::channel(),
        topic: liveness::topic(&genesis, index / COHORT),
        data: beat.encode(),
    };
    let signature = keys.sign(&statement.signed_bytes());
    match client.submit_statement(&statement.encode_with(&signature)).await? {
        Submitted::New | Submitted::Known => debug!(interval, "beat"),
        Submitted::Refused(why) => warn!(interval, why, "the beat is not taken"),
    }
    Ok(Some(interval))
}

/// Digest of the leases that the machine runs, by rising number.
fn digest(leases: &[u64]) -> [u8; 32] {
    let mut sorted = leases.to_vec();
    sorted.sort_unstable();
    let mut hash = Sha256::new();
    hash.update(b"dbc/leases/1");
    for lease in sorted {
        hash.update(lease.to_le_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_names_the_leases_in_any_order() {
        assert_eq!(digest(&[1, 2]), digest(&[2, 1]));
        assert_ne!(digest(&[1, 2]), digest(&[1]));
        assert_ne!(digest(&[]), [0; 32]);
    }
}
