//! Many machines at once: calls in bounded batches, all or none of each, and how far a fleet is.

use dbc_chain_client::{At, BATCH_MAX};
use dbc_primitives as chain;

use super::{network::finish, provider::id};
use crate::{
    Market, MarketError,
    account::Signer,
    convert,
    id::MachineId,
    ticket::Ticket,
    view::{Ask, MachineView, TxView},
};

impl Market {
    /// The machines of these ids, in their order; `None` where none is registered.
    pub async fn machines_by_id(
        &self,
        machines: &[MachineId],
    ) -> Result<Vec<Option<MachineView>>, MarketError> {
        let calendar = self.calendar().await?;
        let view = self.chain().await?.at(At::Best).await?;
        let average = view.dollar_price().await?;
        let mut all = Vec::with_capacity(machines.len());
        for machine in machines {
            let found = view.machine(id(*machine)).await?;
            all.push(found.map(|found| convert::machine(found, calendar, average)));
        }
        Ok(all)
    }

    /// Registers machines by their tickets, at most [`BATCH_MAX`], all or none.
    ///
    /// Errors: `insufficient_funds`, `chain_refused`.
    pub async fn register_all(
        &self,
        signer: &Signer,
        tickets: &[Ticket],
    ) -> Result<TxView, MarketError> {
        bounded(tickets.len())?;
        let all = tickets.iter().map(Ticket::to_chain).collect::<Result<Vec<_>, _>>()?;
        finish(self.chain().await?.register_all(signer, all).await?).await
    }

    /// Sets what machines ask, at most [`BATCH_MAX`], all or none; each with its number of CPU shares.
    ///
    /// Errors: `invalid_input` for terms, `chain_refused`.
    pub async fn set_offers(
        &self,
        signer: &Signer,
        machines: &[(MachineId, u16)],
        ask: Ask,
        min_term_s: u64,
        max_term_s: u64,
    ) -> Result<TxView, MarketError> {
        bounded(machines.len())?;
        let offer = self.offer(ask, min_term_s, max_term_s).await?;
        let offer = |cpu_shares| chain::Offer { cpu_shares, ..offer };
        let offers = machines.iter().map(|(machine, shares)| (id(*machine), offer(*shares)));
        let offers = offers.collect();
        finish(self.chain().await?.set_offers(signer, offers).await?).await
    }

    /// Books audits of machines, at most [`BATCH_MAX`], all or none.
    pub async fn request_audits(
        &self,
        signer: &Signer,
        machines: &[MachineId],
    ) -> Result<TxView, MarketError> {
        bounded(machines.len())?;
        let machines = machines.iter().map(|machine| id(*machine)).collect();
        finish(self.chain().await?.request_audits(signer, machines).await?).await
    }

    /// Puts machines up for rent, at most [`BATCH_MAX`], all or none.
    pub async fn list_all(
        &self,
        signer: &Signer,
        machines: &[MachineId],
    ) -> Result<TxView, MarketError> {
        bounded(machines.len())?;
        let machines = machines.iter().map(|machine| id(*machine)).collect();
        finish(self.chain().await?.list_all(signer, machines).await?).await
    }
}

fn bounded(machines: usize) -> Result<(), MarketError> {
    match (1..=BATCH_MAX).contains(&machines) {
        true => Ok(()),
        false => Err(MarketError::Input {
            field: "machines",
            why: format!("{machines} at once, 1 to {BATCH_MAX} are allowed"),
        }),
    }
}
