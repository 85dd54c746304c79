//! Audits of machines, as providers see them.

use dbc_chain_client::At;

use super::{network::finish, provider::id};
use crate::{
    Market, MarketError,
    account::Signer,
    id::MachineId,
    view::{AuditView, OpenAuditView, ProofView, TxView},
};

impl Market {
    /// Books an audit of a machine; auditors are drawn a little later, by blocks that nobody knows yet.
    ///
    /// Errors: `chain_refused` when one is open, the proof is fresh, the machine failed a short while ago,
    /// or there is no challenge for what it says it is.
    pub async fn request_audit(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<TxView, MarketError> {
        finish(self.chain().await?.request_audit(signer, id(machine)).await?).await
    }

    /// Where a machine stands with its audits.
    pub async fn audits(&self, machine: MachineId) -> Result<AuditView, MarketError> {
        let view = self.chain().await?.at(At::Best).await?;
        let calendar = self.calendar().await?;
        let proof = view.proof(id(machine)).await?.map(|proof| ProofView {
            audit: proof.audit,
            at: calendar.moment(proof.at),
            until: calendar.moment(proof.until),
            provisional: proof.provisional,
            million_products_s: proof.findings.throughput,
            memory_mib: proof.findings.memory_mib,
        });
        let open = match view.open_audit(id(machine)).await? {
            Some(audit) => view.audit(audit).await?.map(|found| OpenAuditView {
                audit,
                phase: found.phase,
                next: calendar.moment(found.next),
                auditors: found.duties.len(),
                committed: found.duties.iter().filter(|duty| duty.committed).count(),
                revealed: found.duties.iter().filter(|duty| duty.revealed.is_some()).count(),
            }),
            None => None,
        };
        let slot = view.slot().await?;
        let backs_off = view.backs_off_until(id(machine)).await?;
        Ok(AuditView {
            proof,
            open,
            backs_off_until: backs_off
                .filter(|until| *until > slot)
                .map(|until| calendar.moment(until)),
        })
    }
}
