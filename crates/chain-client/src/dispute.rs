//! What machines earn and what they are accused of: reads and calls.

use dbc_primitives::{LeaseId, MachineId, Slot};
use subxt::utils::Static;

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    generated::{
        self,
        runtime_types::{
            bounded_collections::bounded_vec::BoundedVec, pallet_disputes::types as generated_types,
        },
    },
    read::{ITEMS_MAX, View},
    tx::Submission,
};

/// What a machine earns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarnedRecord {
    /// Its points.
    pub points: u64,
    /// Whether it earns now.
    pub counts: bool,
    /// Units since its last proof; lost if the next one fails.
    pub provisional: u128,
}

/// A stretch of eras in which rewards are released, each the same amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, codec::Decode)]
pub struct StretchRecord {
    /// The first era.
    pub from: u64,
    /// How many.
    pub eras: u32,
    /// Units in each.
    pub each: u128,
}

/// What a machine's running offence costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewRecord {
    /// The offence.
    pub offence: u64,
    /// What.
    pub kind: OffenceKind,
    /// Whether it is a silence while it was rented, which costs more.
    pub rented: bool,
    /// Since when it goes on.
    pub since: Slot,
    /// Units, were it over now.
    pub now: u128,
    /// When it costs more, and how much.
    pub next: Option<(Slot, u128)>,
}

/// What a machine can be accused of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OffenceKind {
    /// It, or a lease on it, cannot be reached.
    Unreachable,
    /// Hardware out of order.
    Malfunction,
    /// Hardware other than it says.
    Counterfeit,
    /// It is offered and cannot be rented.
    NotRentable,
}

/// Where an offence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OffenceStage {
    /// Somebody reported it, and auditors look at it.
    Reported,
    /// It goes on.
    Running,
    /// It costs its stake unless appealed against.
    Recorded,
    /// Its provider appealed.
    Appealed,
}

/// An offence that is not settled, or a report whose check is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffenceRecord {
    /// Its number.
    pub id: u64,
    /// The machine.
    pub machine: MachineId,
    /// What.
    pub kind: OffenceKind,
    /// Since when.
    pub since: Slot,
    /// Until when it went on.
    pub ended: Option<Slot>,
    /// Where it stands.
    pub stage: OffenceStage,
    /// The end of the stage: an appeal's window, its decision.
    pub until: Option<Slot>,
    /// Who reported it.
    pub reporter: Option<AccountId>,
    /// The lease that it concerns.
    pub lease: Option<LeaseId>,
}

type Found = generated_types::Offence<subxt::utils::AccountId32>;

/// A kind as view functions encode it.
#[derive(codec::Decode)]
enum EncodedKind {
    #[codec(index = 0)]
    Unreachable { rented: bool },
    #[codec(index = 2)]
    Malfunction,
    #[codec(index = 3)]
    Counterfeit,
    #[codec(index = 4)]
    NotRentable,
}

impl From<EncodedKind> for OffenceKind {
    fn from(kind: EncodedKind) -> Self {
        match kind {
            EncodedKind::Unreachable { .. } => Self::Unreachable,
            EncodedKind::Malfunction => Self::Malfunction,
            EncodedKind::Counterfeit => Self::Counterfeit,
            EncodedKind::NotRentable => Self::NotRentable,
        }
    }
}

fn record(id: u64, found: &Found, reported: bool) -> OffenceRecord {
    use generated_types::{Kind, Stage};
    let kind = match found.kind {
        Kind::Unreachable { .. } => OffenceKind::Unreachable,
        Kind::Malfunction => OffenceKind::Malfunction,
        Kind::Counterfeit => OffenceKind::Counterfeit,
        Kind::NotRentable => OffenceKind::NotRentable,
    };
    let (stage, until) = match found.stage {
        _ if reported => (OffenceStage::Reported, Some(found.next)),
        Stage::Running => (OffenceStage::Running, None),
        Stage::Recorded { until } => (OffenceStage::Recorded, Some(until)),
        Stage::Appealed { until } => (OffenceStage::Appealed, Some(until)),
    };
    OffenceRecord {
        id,
        machine: found.machine.0,
        kind,
        since: found.since,
        ended: found.ended,
        stage,
        until,
        reporter: found.reporter.as_ref().map(|(who, _)| AccountId(who.0)),
        lease: found.lease,
    }
}

fn kind_of(kind: OffenceKind, lease: Option<LeaseId>) -> generated_types::Kind {
    use generated_types::Kind;
    match kind {
        OffenceKind::Unreachable => Kind::Unreachable { rented: lease.is_some() },
        OffenceKind::Malfunction => Kind::Malfunction,
        OffenceKind::Counterfeit => Kind::Counterfeit,
        OffenceKind::NotRentable => Kind::NotRentable,
    }
}

impl View {
    /// What a machine earns; `None` before it was ever verified.
    pub async fn earned(&self, machine: MachineId) -> Result<Option<EarnedRecord>, ChainError> {
        let found: Option<(u64, bool, u128)> = self.view("Rewards", "earned", machine).await?;
        Ok(found.map(|(points, counts, provisional)| EarnedRecord { points, counts, provisional }))
    }

    /// What a provider can claim now, and what eras to come release.
    pub async fn owed(&self, provider: AccountId) -> Result<(u128, u128), ChainError> {
        self.view("Rewards", "owed", provider).await
    }

    /// What eras to come release to a provider, eras of one amount together.
    pub async fn vesting(&self, provider: AccountId) -> Result<Vec<StretchRecord>, ChainError> {
        self.view("Rewards", "vesting", provider).await
    }

    /// What a machine's running offence costs; `None` while none runs.
    pub async fn preview(&self, machine: MachineId) -> Result<Option<PreviewRecord>, ChainError> {
        type Answer = (u64, EncodedKind, Slot, u128, Option<(Slot, u128)>);
        let found: Option<Answer> = self.view("Disputes", "preview", machine).await?;
        Ok(found.map(|(offence, kind, since, now, next)| PreviewRecord {
            offence,
            rented: matches!(kind, EncodedKind::Unreachable { rented: true }),
            kind: kind.into(),
            since,
            now,
            next,
        }))
    }

    /// Hash of the evidence that was promised with a report.
    pub async fn evidence(&self, report: u64) -> Result<Option<[u8; 32]>, ChainError> {
        let entry = generated::storage().disputes().evidence();
        self.get("evidence", entry, (report,)).await
    }

    /// What an auditor was handed of a report, sealed to his duty's key.
    pub async fn handed(
        &self,
        report: u64,
        auditor: AccountId,
    ) -> Result<Option<Vec<u8>>, ChainError> {
        let entry = generated::storage().disputes().handed();
        let found = self.get("evidence", entry, (report, auditor.to_subxt())).await?;
        Ok(found.map(|found| found.0))
    }

    /// An offence, or a report, that is not settled.
    pub async fn offence(&self, id: u64) -> Result<Option<OffenceRecord>, ChainError> {
        let entry = generated::storage().disputes().offences();
        if let Some(found) = self.get("offence", entry, (id,)).await? {
            return Ok(Some(record(id, &found, false)));
        }
        let entry = generated::storage().disputes().reports();
        let found = self.get("report", entry, (id,)).await?;
        Ok(found.map(|found| record(id, &found, true)))
    }

    /// Offences that are not settled, at most 10,000, in no order.
    pub async fn offences(&self) -> Result<Vec<OffenceRecord>, ChainError> {
        let what = "offences";
        let entry = self
            .block
            .storage()
            .entry(generated::storage().disputes().offences())
            .map_err(|error| self.failed(what, error))?;
        let mut items = self.shared.call(what, entry.iter(())).await?;
        let mut all = Vec::new();
        while let Some(item) = self.next(what, items.next()).await? {
            let key = item.key().map_err(|error| self.failed(what, error))?;
            let (id,) = key.decode().map_err(|error| self.failed(what, error))?;
            let found = item.value().decode().map_err(|error| self.failed(what, error))?;
            all.push(record(id, &found, false));
            if all.len() >= ITEMS_MAX {
                break;
            }
        }
        Ok(all)
    }

    /// The number that the next offence or report gets.
    pub async fn next_offence(&self) -> Result<u64, ChainError> {
        let entry = generated::storage().disputes().next_offence();
        Ok(self.get("offence", entry, ()).await?.unwrap_or(1))
    }
}

impl ChainClient {
    /// Pays a provider what is free of his rewards.
    pub async fn claim(
        &self,
        signer: &Signer,
        provider: AccountId,
    ) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().rewards().claim(provider.to_subxt())).await
    }

    /// Holds what is missing of a machine's stake.
    pub async fn top_up(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().machines().top_up(Static(machine))).await
    }

    /// Reports a machine.
    pub async fn report_machine(
        &self,
        signer: &Signer,
        machine: MachineId,
        kind: OffenceKind,
        lease: Option<LeaseId>,
    ) -> Result<Submission, ChainError> {
        let kind = kind_of(kind, lease);
        let call = generated::transactions().disputes().report(Static(machine), kind, lease);
        self.submit(signer, &call).await
    }

    /// Reports a machine and promises evidence with this hash.
    pub async fn report_with_evidence(
        &self,
        signer: &Signer,
        machine: MachineId,
        kind: OffenceKind,
        lease: Option<LeaseId>,
        evidence: [u8; 32],
    ) -> Result<Submission, ChainError> {
        let (machine, kind) = (Static(machine), kind_of(kind, lease));
        let calls = generated::transactions().disputes();
        self.submit(signer, &calls.report_with_evidence(machine, kind, lease, evidence)).await
    }

    /// Hands sealed evidence of a report to an auditor of its check.
    pub async fn hand_evidence(
        &self,
        signer: &Signer,
        report: u64,
        auditor: AccountId,
        sealed: Vec<u8>,
    ) -> Result<Submission, ChainError> {
        let calls = generated::transactions().disputes();
        let call = calls.hand_evidence(report, auditor.to_subxt(), BoundedVec(sealed));
        self.submit(signer, &call).await
    }

    /// Appeals against a slash that is recorded.
    pub async fn appeal(&self, signer: &Signer, offence: u64) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().disputes().appeal(offence)).await
    }
}
