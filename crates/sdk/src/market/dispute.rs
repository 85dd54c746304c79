//! Earnings of providers, reports of machines, appeals.

use dbc_chain_client::{At, OffenceKind, OffenceRecord, StretchRecord};
use dbc_primitives::SLOTS_PER_HOUR;

use super::{network::finish, provider::id};
use crate::{
    Market, MarketError,
    account::{AccountId, Signer},
    convert::Calendar,
    id::MachineId,
    money::Money,
    order::Filter,
    view::{
        CheckView, CheckedByView, EarnedView, EarningsView, OffenceView, PreviewView, TxView,
        VestingView,
    },
};

impl Market {
    /// What a machine earns; `None` before it was ever verified.
    pub async fn earned(&self, machine: MachineId) -> Result<Option<EarnedView>, MarketError> {
        let found = self.chain().await?.at(At::Best).await?.earned(id(machine)).await?;
        Ok(found.map(|found| EarnedView {
            points: found.points,
            counts: found.counts,
            provisional: Money(found.provisional),
        }))
    }

    /// What a provider earned and was not paid.
    pub async fn earnings(&self, provider: AccountId) -> Result<EarningsView, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let (claimable, locked) = view.owed(provider).await?;
        let filter = Filter { provider: Some(provider), ..Filter::default() };
        let mut provisional: u128 = 0;
        for machine in self.machines(&filter).await? {
            let found = view.earned(id(machine.id)).await?;
            provisional = provisional.saturating_add(found.map_or(0, |found| found.provisional));
        }
        Ok(EarningsView {
            claimable: Money(claimable),
            locked: Money(locked),
            provisional: Money(provisional),
        })
    }

    /// Pays a provider what is free; anybody may ask.
    ///
    /// Errors: `chain_refused` when nothing is.
    pub async fn claim(&self, signer: &Signer, provider: AccountId) -> Result<TxView, MarketError> {
        finish(self.chain().await?.claim(signer, provider).await?).await
    }

    /// Holds what is missing of a machine's stake after a slash.
    ///
    /// Errors: `insufficient_funds`, `chain_refused` when nothing is missing.
    pub async fn top_up(&self, signer: &Signer, machine: MachineId) -> Result<TxView, MarketError> {
        finish(self.chain().await?.top_up(signer, id(machine)).await?).await
    }

    /// What machines of this provider are accused of and is not settled, oldest first.
    pub async fn offences(&self, provider: AccountId) -> Result<Vec<OffenceView>, MarketError> {
        let filter = Filter { provider: Some(provider), ..Filter::default() };
        let mine: Vec<_> = self.machines(&filter).await?.iter().map(|found| found.id).collect();
        let view = self.chain().await?.at(At::Best).await?;
        let calendar = self.calendar().await?;
        let all = view.offences().await?;
        let mut all: Vec<OffenceView> = all
            .iter()
            .map(|found| offence(calendar, found))
            .filter(|found| mine.contains(&found.machine))
            .collect();
        all.sort_by_key(|found| found.id);
        Ok(all)
    }

    /// An offence, or a report, that is not settled.
    pub async fn offence(&self, number: u64) -> Result<Option<OffenceView>, MarketError> {
        let found = self.chain().await?.at(At::Best).await?.offence(number).await?;
        let calendar = self.calendar().await?;
        Ok(found.map(|found| offence(calendar, &found)))
    }

    /// Reports a machine: auditors are drawn and look at it. A bond is held; it is lost if the machine is not
    /// as reported. Gives the report's number.
    ///
    /// Errors: `chain_refused` when the lease is not the signer's, or does not run and the machine is said to be
    /// unreachable, or an audit of the machine is open.
    pub async fn report(
        &self,
        signer: &Signer,
        machine: MachineId,
        kind: OffenceKind,
        lease: Option<u64>,
    ) -> Result<OffenceView, MarketError> {
        let chain = self.chain().await?;
        finish(chain.report_machine(signer, id(machine), kind, lease).await?).await?;
        self.newest_report(signer, machine).await
    }

    /// Reports a machine and promises evidence by its hash. Each auditor who is drawn and names a key is to be
    /// handed it (`hand_evidence`), or the bond is lost unless they bear the report out all the same.
    ///
    /// Errors: as `report`, and `chain_refused` for other kinds than malfunction and counterfeit.
    pub async fn report_with_evidence(
        &self,
        signer: &Signer,
        machine: MachineId,
        kind: OffenceKind,
        lease: Option<u64>,
        evidence: [u8; 32],
    ) -> Result<OffenceView, MarketError> {
        let chain = self.chain().await?;
        let sent = chain.report_with_evidence(signer, id(machine), kind, lease, evidence).await?;
        finish(sent).await?;
        self.newest_report(signer, machine).await
    }

    /// The check of a report; `None` before its auditors are drawn, and when it is over.
    pub async fn check(&self, report: &OffenceView) -> Result<Option<CheckView>, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let Some(audit) = view.open_audit(id(report.machine)).await? else { return Ok(None) };
        let Some(found) = view.audit(audit).await? else { return Ok(None) };
        if found.report != Some(report.id) || found.duties.is_empty() {
            return Ok(None);
        }
        let mut auditors = Vec::new();
        for duty in &found.duties {
            auditors.push(CheckedByView {
                auditor: duty.auditor,
                key: duty.key,
                handed: view.handed(report.id, duty.auditor).await?.is_some(),
            });
        }
        Ok(Some(CheckView { audit, phase: found.phase, auditors }))
    }

    /// Hash of the evidence that was promised with a report whose check is not over.
    pub async fn promised(&self, report: u64) -> Result<Option<[u8; 32]>, MarketError> {
        Ok(self.chain().await?.at(At::Best).await?.evidence(report).await?)
    }

    /// Hands sealed evidence to an auditor of a report's check.
    ///
    /// Errors: `chain_refused` when he was not drawn, named no key, or has it already.
    pub async fn hand_evidence(
        &self,
        signer: &Signer,
        report: u64,
        auditor: AccountId,
        sealed: Vec<u8>,
    ) -> Result<TxView, MarketError> {
        finish(self.chain().await?.hand_evidence(signer, report, auditor, sealed).await?).await
    }

    /// What eras to come release to a provider.
    pub async fn vesting(&self, provider: AccountId) -> Result<Vec<VestingView>, MarketError> {
        let found = self.chain().await?.at(At::Best).await?.vesting(provider).await?;
        let calendar = self.calendar().await?;
        let stretch = |found: StretchRecord| VestingView {
            from: calendar.moment(found.from.saturating_mul(24 * SLOTS_PER_HOUR)),
            days: found.eras,
            each: Money(found.each),
        };
        Ok(found.into_iter().map(stretch).collect())
    }

    /// What a machine's running offence costs if the machine is in order again now, and later; `None` while
    /// none runs.
    pub async fn preview(&self, machine: MachineId) -> Result<Option<PreviewView>, MarketError> {
        let found = self.chain().await?.at(At::Best).await?.preview(id(machine)).await?;
        let calendar = self.calendar().await?;
        Ok(found.map(|found| PreviewView {
            offence: found.offence,
            kind: found.kind,
            since: calendar.moment(found.since),
            now: Money(found.now),
            more_from: found.next.map(|(slot, _)| calendar.moment(slot)),
            more: found.next.map(|(_, cost)| Money(cost)),
        }))
    }

    /// The newest report of a signer on a machine.
    async fn newest_report(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<OffenceView, MarketError> {
        let chain = self.chain().await?;
        // The newest of the signer's: several may be on their way, each by its own number.
        let view = chain.at(At::Best).await?;
        let calendar = self.calendar().await?;
        let next = view.next_offence().await?;
        for number in (next.saturating_sub(NEWEST)..next).rev() {
            let found = view.offence(number).await?;
            let mine = found.filter(|found| {
                found.reporter == Some(signer.account()) && found.machine == id(machine)
            });
            if let Some(found) = mine {
                return Ok(offence(calendar, &found));
            }
        }
        Err(MarketError::Internal("the report is not where it was put".into()))
    }

    /// Appeals against a slash that is recorded; a bond is held, and lost if the slash stands.
    ///
    /// Errors: `chain_refused` when the window is over or the machine is somebody else's.
    pub async fn appeal(&self, signer: &Signer, offence: u64) -> Result<TxView, MarketError> {
        finish(self.chain().await?.appeal(signer, offence).await?).await
    }
}

/// Numbers that are looked back through for a report that was just made.
const NEWEST: u64 = 64;

fn offence(calendar: Calendar, found: &OffenceRecord) -> OffenceView {
    OffenceView {
        id: found.id,
        machine: MachineId(found.machine.0),
        kind: found.kind,
        stage: found.stage,
        since: calendar.moment(found.since),
        ended: found.ended.map(|slot| calendar.moment(slot)),
        until: found.until.map(|slot| calendar.moment(slot)),
    }
}
