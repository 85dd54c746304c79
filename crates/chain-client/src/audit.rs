//! What auditors, providers and machines read and send of audits.

use dbc_primitives::{
    MachineId, Slot,
    audit::{AuditId, Findings, Terms, Verdict},
};
use subxt::utils::Static;

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    generated::{
        self,
        runtime_types::{
            bounded_collections::bounded_vec::BoundedVec, pallet_audits::types as generated_types,
        },
    },
    read::{ITEMS_MAX, View},
    tx::Submission,
};

/// An auditor's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditorRecord {
    /// On hold from him, in units.
    pub bond: u128,
    /// The key by which machines know his connections.
    pub key: [u8; 32],
    /// Duties that he missed, less those made up for.
    pub strikes: u32,
    /// When he asked to leave.
    pub leaving: Option<Slot>,
    /// Audits that he was drawn for and that are not closed.
    pub open: u32,
}

/// Where an audit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditPhase {
    /// It waits for its start.
    Booked,
    /// Auditors challenge the machine.
    Commit,
    /// They reveal what they found.
    Reveal,
    /// The machine passed.
    Passed,
    /// It failed.
    Failed,
    /// Neither; nothing changed for the machine.
    Undecided,
}

/// What one auditor of an audit said so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DutyRecord {
    /// Who.
    pub auditor: AccountId,
    /// Whether he bound himself to what he found.
    pub committed: bool,
    /// What he found.
    pub revealed: Option<Verdict>,
    /// The X25519 key to which evidence for this duty is sealed.
    pub key: Option<[u8; 32]>,
}

/// An audit's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// The machine.
    pub machine: MachineId,
    /// When it starts.
    pub starts: Slot,
    /// When the next phase begins.
    pub next: Slot,
    /// Where it stands.
    pub phase: AuditPhase,
    /// The report whose check it is.
    pub report: Option<u64>,
    /// Those drawn.
    pub duties: Vec<DutyRecord>,
    /// What the challenge is made of beside each auditor's secret.
    pub seed: [u8; 32],
}

/// What a passed audit proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofRecord {
    /// Which audit.
    pub audit: AuditId,
    /// When it was passed.
    pub at: Slot,
    /// When it is worth nothing any more.
    pub until: Slot,
    /// Whether fewer auditors than a full draw were there.
    pub provisional: bool,
    /// What was measured.
    pub findings: Findings,
}

impl View {
    /// An auditor's record.
    pub async fn auditor(&self, who: AccountId) -> Result<Option<AuditorRecord>, ChainError> {
        let entry = generated::storage().audits().auditors();
        let found = self.get("auditor", entry, (who.to_subxt(),)).await?;
        Ok(found.map(|found| AuditorRecord {
            bond: found.bond,
            key: found.key,
            strikes: found.strikes,
            leaving: found.leaving,
            open: found.open,
        }))
    }

    /// Whether governance gave an account a seat among auditors.
    pub async fn is_seated(&self, who: AccountId) -> Result<bool, ChainError> {
        let entry = generated::storage().audits().seats();
        Ok(self.get("seat", entry, (who.to_subxt(),)).await?.is_some())
    }

    /// An audit; `None` when there is none of this number, or its record is gone.
    pub async fn audit(&self, audit: AuditId) -> Result<Option<AuditRecord>, ChainError> {
        let found = self.get("audit", generated::storage().audits().audits(), (audit,)).await?;
        Ok(found.map(record))
    }

    /// Audits that an auditor was drawn for and that are not closed.
    pub async fn assigned(&self, who: AccountId) -> Result<Vec<AuditId>, ChainError> {
        let what = "audits";
        let entry = self
            .block
            .storage()
            .entry(generated::storage().audits().assigned())
            .map_err(|error| self.failed(what, error))?;
        let mut items = self.shared.call(what, entry.iter((who.to_subxt(),))).await?;
        let mut ids = Vec::new();
        while let Some(item) = self.next(what, items.next()).await? {
            let key = item.key().map_err(|error| self.failed(what, error))?;
            let (_, id) = key.decode().map_err(|error| self.failed(what, error))?;
            ids.push(id);
            if ids.len() >= ITEMS_MAX {
                break;
            }
        }
        Ok(ids)
    }

    /// The audit of a machine that is not closed.
    pub async fn open_audit(&self, machine: MachineId) -> Result<Option<AuditId>, ChainError> {
        let entry = generated::storage().audits().open_of();
        self.get("audit", entry, (Static(machine),)).await
    }

    /// What was proven of a machine.
    pub async fn proof(&self, machine: MachineId) -> Result<Option<ProofRecord>, ChainError> {
        let entry = generated::storage().audits().proofs();
        let found = self.get("proof", entry, (Static(machine),)).await?;
        Ok(found.map(|found| ProofRecord {
            audit: found.audit,
            at: found.at,
            until: found.until,
            provisional: found.provisional,
            findings: found.findings.0,
        }))
    }

    /// Slot before which a machine takes no orders because it is audited first.
    pub async fn held_back(&self, machine: MachineId) -> Result<Option<Slot>, ChainError> {
        let entry = generated::storage().audits().held_back();
        self.get("machine", entry, (Static(machine),)).await
    }

    /// Slot before which a machine that failed cannot ask for another audit.
    pub async fn backs_off_until(&self, machine: MachineId) -> Result<Option<Slot>, ChainError> {
        let entry = generated::storage().audits().attempts_of();
        let found = self.get("attempts", entry, (Static(machine),)).await?;
        Ok(found.map(|found| found.not_before))
    }

    /// Slot before which an auditor has to show his transcript of an audit.
    pub async fn demand(&self, audit: AuditId, who: AccountId) -> Result<Option<Slot>, ChainError> {
        let entry = generated::storage().audits().demands();
        let found = self.get("demand", entry, (audit, who.to_subxt())).await?;
        Ok(found.map(|found| found.until))
    }

    /// What each auditor of an audit asks for; `None` before they were drawn.
    pub async fn audit_terms(&self, audit: AuditId) -> Result<Option<Terms>, ChainError> {
        self.view("Audits", "terms_of", audit).await
    }
}

fn record(found: generated_types::Audit<subxt::utils::AccountId32>) -> AuditRecord {
    use generated_types::{Outcome, Phase, Purpose};
    let phase = match found.phase {
        Phase::Booked => AuditPhase::Booked,
        Phase::Commit => AuditPhase::Commit,
        Phase::Reveal => AuditPhase::Reveal,
        Phase::Closed(Outcome::Passed) => AuditPhase::Passed,
        Phase::Closed(Outcome::Failed) => AuditPhase::Failed,
        Phase::Closed(Outcome::Undecided) => AuditPhase::Undecided,
    };
    let duties = found.duties.0.into_iter().map(|duty| DutyRecord {
        auditor: AccountId(duty.auditor.0),
        committed: duty.commit.is_some(),
        revealed: duty.revealed.map(|(_, Static(verdict))| verdict),
        key: duty.key,
    });
    let report = match found.purpose {
        Purpose::Check(report) => Some(report),
        _ => None,
    };
    AuditRecord {
        machine: found.machine.0,
        starts: found.starts,
        next: found.next,
        phase,
        report,
        duties: duties.collect(),
        seed: found.seed,
    }
}

impl ChainClient {
    /// Bonds the signer as an auditor.
    pub async fn join_audit(
        &self,
        signer: &Signer,
        key: [u8; 32],
    ) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().audits().join(key)).await
    }

    /// Names the key by which machines know the signer's connections.
    pub async fn set_audit_key(
        &self,
        signer: &Signer,
        key: [u8; 32],
    ) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().audits().set_key(key)).await
    }

    /// Ends the signer's duties as an auditor.
    pub async fn leave_audit(&self, signer: &Signer) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().audits().leave()).await
    }

    /// Returns the bond of an auditor who left.
    pub async fn withdraw_audit(&self, signer: &Signer) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().audits().withdraw()).await
    }

    /// Books an audit of a machine of the signer's.
    pub async fn request_audit(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().audits().request(Static(machine))).await
    }

    /// Names the key to which evidence for one duty of the signer is sealed.
    pub async fn set_duty_key(
        &self,
        signer: &Signer,
        audit: AuditId,
        key: [u8; 32],
    ) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().audits().set_duty_key(audit, key)).await
    }

    /// Binds the signer to what he found.
    pub async fn commit_audit(
        &self,
        signer: &Signer,
        audit: AuditId,
        commit: [u8; 32],
    ) -> Result<Submission, ChainError> {
        self.submit(signer, &generated::transactions().audits().commit(audit, commit)).await
    }

    /// Reveals what the signer found.
    pub async fn reveal_audit(
        &self,
        signer: &Signer,
        audit: AuditId,
        root: [u8; 32],
        verdict: Verdict,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().audits().reveal(audit, root, Static(verdict));
        self.submit(signer, &call).await
    }

    /// Wants to see an auditor's transcript.
    pub async fn demand_transcript(
        &self,
        signer: &Signer,
        audit: AuditId,
        auditor: AccountId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().audits().demand(audit, auditor.to_subxt());
        self.submit(signer, &call).await
    }

    /// Shows the signer's transcript.
    pub async fn show_transcript(
        &self,
        signer: &Signer,
        audit: AuditId,
        transcript: Vec<u8>,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().audits().show(audit, BoundedVec(transcript));
        self.submit(signer, &call).await
    }
}
