//! What auditors read and send of visits: audits by leases like any other (docs/design/013).

use dbc_primitives::{
    LeaseId, MachineId, Slot,
    audit::{AuditId, Terms, Verdict},
};
use subxt::utils::Static;

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    generated::{self, runtime_types::pallet_audits::types::VisitReport},
    read::View,
    tx::Submission,
};

/// A visit that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitRecord {
    /// Its number among audits.
    pub audit: AuditId,
    /// Hash of auditor, secret and account.
    pub commit: [u8; 32],
    /// What decides whom he visits; `None` before it is drawn.
    pub draw: Option<VisitDraw>,
    /// When it is drawn; then the slot before which he reveals it.
    pub until: Slot,
}

/// What decides, with an auditor's secret, whom he visits (`dbc_primitives::audit::candidate`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitDraw {
    /// When it was drawn; no lease of the visit is older.
    pub at: Slot,
    /// Randomness that nobody knew when he committed.
    pub seed: [u8; 32],
    /// Dense indexes then.
    pub count: u32,
    /// Suspects then.
    pub suspects: Vec<MachineId>,
}

/// What an auditor tells of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisitTold {
    /// What he committed to.
    pub secret: [u8; 32],
    /// Whose lease it was.
    pub account: AccountId,
    /// Which candidate he took.
    pub attempt: u8,
    /// The lease.
    pub lease: LeaseId,
    /// What he asked of the machine.
    pub terms: Terms,
    /// Root of the transcript.
    pub root: [u8; 32],
    /// What he found.
    pub verdict: Verdict,
}

impl View {
    /// An auditor's visit that is not over.
    pub async fn visit(&self, auditor: AccountId) -> Result<Option<VisitRecord>, ChainError> {
        let entry = generated::storage().audits().visits();
        let found = self.get("visit", entry, (auditor.to_subxt(),)).await?;
        Ok(found.map(|found| VisitRecord {
            audit: found.audit,
            commit: found.commit,
            draw: found.draw.map(|draw| VisitDraw {
                at: draw.at,
                seed: draw.seed,
                count: draw.count,
                suspects: draw.suspects.0.into_iter().map(|Static(machine)| machine).collect(),
            }),
            until: found.until,
        }))
    }

    /// Slot from which an auditor may plan a visit; `None` when he is none, or leaves.
    pub async fn visit_from(&self, auditor: AccountId) -> Result<Option<Slot>, ChainError> {
        self.view("Audits", "visit_from", auditor).await
    }

    /// What so many cards of a machine are asked by whoever visits it; without any, its processor.
    pub async fn visit_terms(
        &self,
        machine: MachineId,
        cards: u16,
    ) -> Result<Option<Terms>, ChainError> {
        self.view("Audits", "visit_terms", (machine, cards)).await
    }

    /// Whether an auditor could rent a machine now, for no more than he has back.
    pub async fn can_be_visited(&self, machine: MachineId) -> Result<bool, ChainError> {
        self.view("Audits", "can_be_visited", machine).await
    }
}

impl ChainClient {
    /// Plans a visit of the signer's.
    ///
    /// - `commit`: `dbc_primitives::audit::visit_commitment`.
    pub async fn plan_visit(
        &self,
        signer: &Signer,
        commit: [u8; 32],
    ) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().audits().plan_visit(commit)).await
    }

    /// Tells of the signer's visit.
    pub async fn reveal_visit(
        &self,
        signer: &Signer,
        told: VisitTold,
    ) -> Result<Submission, ChainError> {
        let VisitTold { secret, account, attempt, lease, terms, root, verdict } = told;
        let report = VisitReport {
            secret,
            renter: account.to_subxt(),
            attempt,
            lease,
            terms: Static(terms),
            root,
            verdict: Static(verdict),
        };
        self.submit(signer, &generated::transactions().audits().reveal_visit(report)).await
    }

    /// Gives the signer's visit up, of which no candidate can be rented.
    pub async fn give_up_visit(
        &self,
        signer: &Signer,
        secret: [u8; 32],
        account: AccountId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().audits().give_up_visit(secret, account.to_subxt());
        self.submit(signer, &call).await
    }
}
