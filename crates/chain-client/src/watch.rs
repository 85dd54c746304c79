//! What watchers and whoever wants to know about machines' presence read and send.

use dbc_primitives::{
    MachineId, Slot,
    liveness::{self, Bitmap, Epoch, Interval, Opening},
};
use subxt::utils::Static;

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    generated,
    read::View,
    tx::Submission,
};

/// Figures of liveness that the runtime fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchConstants {
    /// Slots of an interval.
    pub interval_slots: Slot,
    /// Intervals of a duty epoch.
    pub epoch_intervals: u64,
    /// Watchers drawn for a cohort.
    pub watchers_per_cohort: u32,
    /// Machines of a cohort from which on whoever hears less than half of them abstains.
    pub mass_min: u32,
}

/// A watcher's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatcherRecord {
    /// On hold from him, in units.
    pub bond: u128,
    /// Reports that he could not prove.
    pub strikes: u32,
    /// When he asked to leave.
    pub leaving: Option<Slot>,
    /// Reports that he has yet to prove.
    pub unproven: u32,
}

/// A report whose proof is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingReport {
    /// Of which interval.
    pub interval: Interval,
    /// Whom he says he heard.
    pub heard: Bitmap,
}

/// How long a machine was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceRecord {
    /// Since when it is silent.
    pub silent_since: Option<Slot>,
    /// Slots of outages that are over.
    pub offline: Slot,
    /// First slot that counts.
    pub admitted: Slot,
}

/// A time in which a machine was silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutageRecord {
    /// First slot of the first interval that it missed.
    pub since: Slot,
    /// First slot of the interval in which it was heard again.
    pub until: Option<Slot>,
    /// Whether it counts against the provider.
    pub blamed: bool,
}

impl View {
    /// Figures of liveness.
    pub fn watch_constants(&self) -> Result<WatchConstants, ChainError> {
        let of = generated::constants().liveness();
        Ok(WatchConstants {
            interval_slots: self.constant(of.interval_slots())?,
            epoch_intervals: self.constant(of.epoch_intervals())?,
            watchers_per_cohort: self.constant(of.watchers_per_cohort())?,
            mass_min: self.constant(of.mass_min())?,
        })
    }

    /// Indexes that were ever given to machines.
    pub async fn machine_indexes(&self) -> Result<u32, ChainError> {
        let entry = generated::storage().machines().next_index();
        Ok(self.get("indexes", entry, ()).await?.unwrap_or_default())
    }

    /// Who stands at an index, with how often it was given out before.
    pub async fn machine_at(&self, index: u32) -> Result<Option<(MachineId, u32)>, ChainError> {
        let entry = generated::storage().machines().machine_at();
        let Some(Static(id)) = self.get("index", entry, (index,)).await? else { return Ok(None) };
        Ok(self.machine(id).await?.map(|machine| (id, machine.index.generation)))
    }

    /// A watcher's record.
    pub async fn watcher(&self, who: AccountId) -> Result<Option<WatcherRecord>, ChainError> {
        let entry = generated::storage().liveness().watchers();
        let found = self.get("watcher", entry, (who.to_subxt(),)).await?;
        Ok(found.map(|found| WatcherRecord {
            bond: found.bond,
            strikes: found.strikes,
            leaving: found.leaving,
            unproven: found.unproven,
        }))
    }

    /// Who watches a cohort in an epoch: this one or the one before.
    pub async fn duties(&self, epoch: Epoch, cohort: u32) -> Result<Vec<AccountId>, ChainError> {
        let entry = generated::storage().liveness().draws();
        let Some(draw) = self.get("draw", entry, (epoch % 2,)).await? else { return Ok(vec![]) };
        if draw.epoch != epoch {
            return Ok(vec![]);
        }
        let wanted = self.watch_constants()?.watchers_per_cohort;
        let members = draw.members.0;
        let drawn = liveness::draw(&draw.seed, cohort, members.len(), wanted);
        Ok(drawn.into_iter().map(|at| AccountId(members[at].0)).collect())
    }

    /// What a watcher has yet to prove of a cohort.
    pub async fn pending_report(
        &self,
        who: AccountId,
        cohort: u32,
    ) -> Result<Option<PendingReport>, ChainError> {
        let entry = generated::storage().liveness().pendings();
        let found = self.get("report", entry, (who.to_subxt(), cohort)).await?;
        Ok(found.map(|found| PendingReport { interval: found.interval, heard: map(found.heard.0) }))
    }

    /// The bit that a watcher has to open of a pending report; `None` while its interval is not closed,
    /// and when there is nothing to open.
    pub async fn asked(
        &self,
        who: AccountId,
        cohort: u32,
        pending: &PendingReport,
    ) -> Result<Option<u16>, ChainError> {
        let ring = pending.interval % self.watch_constants()?.epoch_intervals.max(1);
        let entry = generated::storage().liveness().seeds();
        let Some((of, seed)) = self.get("seed", entry, (ring,)).await? else { return Ok(None) };
        if of != pending.interval {
            return Ok(None);
        }
        let present = self.present(cohort).await?;
        Ok(liveness::asked(&seed, &who.0, &liveness::both(&pending.heard, &present)))
    }

    /// Where machines stand in a cohort.
    pub async fn present(&self, cohort: u32) -> Result<Bitmap, ChainError> {
        let entry = generated::storage().liveness().present();
        Ok(self
            .get("cohort", entry, (cohort,))
            .await?
            .map(|found| map(found.0))
            .unwrap_or_default())
    }

    /// Who counts as heard in a cohort.
    pub async fn heard(&self, cohort: u32) -> Result<Bitmap, ChainError> {
        let entry = generated::storage().liveness().heard();
        Ok(self
            .get("cohort", entry, (cohort,))
            .await?
            .map(|found| map(found.0))
            .unwrap_or_default())
    }

    /// The interval that is closed next; its first slot is the horizon of settlement.
    pub async fn next_interval(&self) -> Result<Interval, ChainError> {
        let entry = generated::storage().liveness().next_interval();
        Ok(self.get("horizon", entry, ()).await?.unwrap_or_default())
    }

    /// Whether and how long the machine at an index was there.
    pub async fn presence(&self, index: u32) -> Result<Option<PresenceRecord>, ChainError> {
        let entry = generated::storage().liveness().presences();
        let found = self.get("presence", entry, (index,)).await?;
        Ok(found.map(|found| PresenceRecord {
            silent_since: found.silent.map(|silence| silence.since),
            offline: found.offline,
            admitted: found.admitted,
        }))
    }

    /// Live part of the last thirty days of the machine at an index, in 10,000ths, and whether it is heard.
    pub async fn standing(&self, index: u32) -> Result<(u32, bool), ChainError> {
        self.view("Liveness", "standing", index).await
    }

    /// The last outages of the machine at an index, the oldest first.
    pub async fn outages(&self, index: u32) -> Result<Vec<OutageRecord>, ChainError> {
        let entry = generated::storage().liveness().outages();
        let found =
            self.get("outages", entry, (index,)).await?.map(|all| all.0).unwrap_or_default();
        let outage = |found: crate::generated::runtime_types::pallet_liveness::types::Outage| {
            OutageRecord { since: found.since, until: found.until, blamed: found.blamed }
        };
        Ok(found.into_iter().map(outage).collect())
    }
}

fn map(bytes: Vec<u8>) -> Bitmap {
    Bitmap::truncate_from(bytes)
}

impl ChainClient {
    /// Bonds the signer as a watcher.
    pub async fn join_watch(&self, signer: &Signer) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().liveness().join()).await
    }

    /// Ends the signer's duties as a watcher.
    pub async fn leave_watch(&self, signer: &Signer) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().liveness().leave()).await
    }

    /// Returns the bond of a watcher who left.
    pub async fn withdraw_watch(&self, signer: &Signer) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().liveness().withdraw()).await
    }

    /// Tells whom the signer heard.
    pub async fn report(
        &self,
        signer: &Signer,
        interval: Interval,
        cohort: u32,
        heard: Bitmap,
        root: [u8; 32],
        opening: Option<Opening>,
    ) -> Result<Submission, ChainError> {
        let heard = subxt_map(heard);
        let opening = opening.map(Static);
        let call =
            generated::transactions().liveness().report(interval, cohort, heard, root, opening);
        self.submit(signer, &call).await
    }

    /// Tells that the signer heard too few of a cohort to say anything of anybody.
    pub async fn abstain(
        &self,
        signer: &Signer,
        interval: Interval,
        cohort: u32,
        opening: Option<Opening>,
    ) -> Result<Submission, ChainError> {
        let opening = opening.map(Static);
        let call = generated::transactions().liveness().abstain(interval, cohort, opening);
        self.submit(signer, &call).await
    }

    /// Proves the signer's last report of a cohort.
    pub async fn open_report(
        &self,
        signer: &Signer,
        cohort: u32,
        opening: Option<Opening>,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().liveness().open(cohort, opening.map(Static));
        self.submit(signer, &call).await
    }
}

fn subxt_map(
    map: Bitmap,
) -> generated::runtime_types::bounded_collections::bounded_vec::BoundedVec<u8> {
    generated::runtime_types::bounded_collections::bounded_vec::BoundedVec(map.into_inner())
}
