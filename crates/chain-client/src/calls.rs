//! Every call that programs of ours sign, one method each. They return when the pool took the
//! extrinsic; [`Submission`] waits further.

use dbc_primitives::{LeaseId, MachineId, NetworkFacts, Offer, Order, Slot};
use subxt::{
    transactions::Payload,
    utils::{MultiAddress, Static},
};

use crate::{
    account::{AccountId, Signer},
    client::ChainClient,
    error::ChainError,
    generated,
    record::Registration,
    tx::Submission,
};

impl Registration {
    pub(crate) fn call(self) -> impl Payload {
        let Self { machine, proof, class, facts, location, network } = self;
        generated::transactions().machines().register(
            Static(machine),
            proof,
            Static(class),
            Static(facts),
            Static(location),
            Static(network),
        )
    }
}

impl ChainClient {
    /// Sends money; the sender's account stays alive.
    pub async fn transfer(
        &self,
        signer: &Signer,
        to: AccountId,
        amount: u128,
    ) -> Result<Submission, ChainError> {
        let to = MultiAddress::Id(to.to_subxt());
        let call = generated::transactions().balances().transfer_keep_alive(to, amount);
        self.submit(signer, &call).await
    }

    /// Names the operator of the provider who signs.
    pub async fn set_operator(
        &self,
        signer: &Signer,
        operator: AccountId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().machines().set_operator(operator.to_subxt());
        self.submit(signer, &call).await
    }

    /// Registers a machine.
    pub async fn register(
        &self,
        signer: &Signer,
        registration: Registration,
    ) -> Result<Submission, ChainError> {
        let call = registration.call();
        self.submit(signer, &call).await
    }

    /// Says how a machine is reached.
    pub async fn set_network(
        &self,
        signer: &Signer,
        machine: MachineId,
        network: NetworkFacts,
    ) -> Result<Submission, ChainError> {
        let call =
            generated::transactions().machines().set_network(Static(machine), Static(network));
        self.submit(signer, &call).await
    }

    /// Sets what a machine asks.
    pub async fn set_offer(
        &self,
        signer: &Signer,
        machine: MachineId,
        offer: Offer,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().machines().set_offer(Static(machine), Static(offer));
        self.submit(signer, &call).await
    }

    /// Puts a machine up for rent.
    pub async fn list(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().machines().list(Static(machine));
        self.submit(signer, &call).await
    }

    /// Takes a machine off the market.
    pub async fn unlist(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().machines().unlist(Static(machine));
        self.submit(signer, &call).await
    }

    /// Begins a machine's way out.
    pub async fn retire(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().machines().retire(Static(machine));
        self.submit(signer, &call).await
    }

    /// Takes a retired machine's stake back.
    pub async fn withdraw_stake(
        &self,
        signer: &Signer,
        machine: MachineId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().machines().withdraw_stake(Static(machine));
        self.submit(signer, &call).await
    }

    /// Orders a lease.
    pub async fn create_lease(
        &self,
        signer: &Signer,
        order: Order<AccountId>,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().create(Static(order));
        self.submit(signer, &call).await
    }

    /// Says that a lease's workload runs: its meter starts.
    pub async fn started(&self, signer: &Signer, lease: LeaseId) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().started(lease);
        self.submit(signer, &call).await
    }

    /// Says that a lease's workload does not run although its machine is there: its meter stands.
    pub async fn report_down(
        &self,
        signer: &Signer,
        lease: LeaseId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().report_down(lease);
        self.submit(signer, &call).await
    }

    /// Says that it runs again.
    pub async fn report_up(
        &self,
        signer: &Signer,
        lease: LeaseId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().report_up(lease);
        self.submit(signer, &call).await
    }

    /// Pays out what a lease owes up to now.
    pub async fn settle(&self, signer: &Signer, lease: LeaseId) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().settle(lease);
        self.submit(signer, &call).await
    }

    /// Extends a lease by so many slots.
    pub async fn extend(
        &self,
        signer: &Signer,
        lease: LeaseId,
        slots: Slot,
        offer_version: u32,
        max_rate: u128,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().extend(lease, slots, offer_version, max_rate);
        self.submit(signer, &call).await
    }

    /// Ends a lease as its renter.
    pub async fn end(&self, signer: &Signer, lease: LeaseId) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().end(lease);
        self.submit(signer, &call).await
    }

    /// Ends a lease as its provider: a fault of the provider's.
    pub async fn terminate(
        &self,
        signer: &Signer,
        lease: LeaseId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().terminate(lease);
        self.submit(signer, &call).await
    }

    /// Puts another access key on a lease.
    pub async fn set_access(
        &self,
        signer: &Signer,
        lease: LeaseId,
        access_key: [u8; 32],
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().set_access(lease, access_key);
        self.submit(signer, &call).await
    }

    /// Makes all grants of a lease void.
    pub async fn revoke_grants(
        &self,
        signer: &Signer,
        lease: LeaseId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().revoke_grants(lease);
        self.submit(signer, &call).await
    }

    /// Closes a lease whose time is over.
    pub async fn close_expired(
        &self,
        signer: &Signer,
        lease: LeaseId,
    ) -> Result<Submission, ChainError> {
        let call = generated::transactions().leases().close_expired(lease);
        self.submit(signer, &call).await
    }
}
