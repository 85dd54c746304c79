//! The real chain behind the traits: `dbc-chain-client`, connected in the background, so that an
//! agent starts and keeps its workloads also while nobody answers. Converts types and errors and
//! decides nothing.

use std::sync::Arc;

use async_trait::async_trait;
use dbc_chain_client::{
    At as ClientAt, AuditPhase, AuditRecord, ChainClient, ChainError as ClientError, Finality,
    Lease, Machine, Notice, Signer, Submission,
};
use dbc_primitives::{LeaseState, MachineId, SLOT_SECONDS};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    At, ChainActions, ChainError, ChainView, Change, Closed, Drawn, Head, LeaseRecord,
    MachineRecord, source::Source,
};

/// Notices that a listener may lag behind; the chain client resyncs who lags further.
const CHANGES_MAX: usize = 256;

/// A [`ChainView`] and [`ChainActions`] on the real chain. Ends its tasks when dropped.
pub struct LiveChain {
    client: watch::Receiver<Option<ChainClient>>,
    head: watch::Receiver<Head>,
    signer: Signer,
    source: Source,
    task: JoinHandle<()>,
}

impl Drop for LiveChain {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl LiveChain {
    /// Begins to connect, and only to the network with this genesis.
    pub fn spawn(source: impl Into<Source>, genesis: [u8; 32], signer: Signer) -> Arc<Self> {
        let source = source.into();
        let (client_sender, client) = watch::channel(None);
        let (head_sender, head) = watch::channel(Head::default());
        let from = source.clone();
        let task = tokio::spawn(async move {
            let client = from.connect(Some(genesis)).await;
            let mut heads = client.finalized();
            client_sender.send_replace(Some(client));
            loop {
                let head = *heads.borrow_and_update();
                let unix_s = head.unix_s();
                head_sender.send_replace(Head { number: head.number, slot: head.slot, unix_s });
                if heads.changed().await.is_err() {
                    break;
                }
            }
        });
        Arc::new(Self { client, head, signer, source, task })
    }

    fn client(&self) -> Result<ChainClient, ChainError> {
        let client = self.client.borrow().clone();
        let away = || ChainError::Away(format!("not connected to {} yet", self.source.name()));
        client.ok_or_else(away)
    }

    async fn at(&self, at: At) -> Result<dbc_chain_client::View, ChainError> {
        let at = match at {
            At::Best => ClientAt::Best,
            At::Finalized => ClientAt::Finalized,
        };
        self.client()?.at(at).await.map_err(convert)
    }
}

#[async_trait]
impl ChainView for LiveChain {
    fn slot_ms(&self) -> u64 {
        SLOT_SECONDS * 1000
    }

    fn finalized(&self) -> watch::Receiver<Head> {
        self.head.clone()
    }

    fn changes(&self) -> mpsc::Receiver<Change> {
        let (sender, receiver) = mpsc::channel(CHANGES_MAX);
        let mut client = self.client.clone();
        tokio::spawn(async move {
            let mut notices = {
                let Ok(client) = client.wait_for(Option::is_some).await else { return };
                let Some(client) = client.as_ref() else { return };
                client.notices()
            };
            while let Some(notice) = notices.next().await {
                if sender.send(change(notice)).await.is_err() {
                    return;
                }
            }
        });
        receiver
    }

    async fn lease(&self, id: u64, at: At) -> Result<Option<LeaseRecord>, ChainError> {
        let found = self.at(at).await?.lease(id).await.map_err(convert)?;
        Ok(found.map(lease))
    }

    async fn leases_of_machine(
        &self,
        machine: [u8; 32],
        at: At,
    ) -> Result<Vec<LeaseRecord>, ChainError> {
        let view = self.at(at).await?;
        let found = view.leases_of_machine(MachineId(machine)).await.map_err(convert)?;
        Ok(found.into_iter().map(lease).collect())
    }

    async fn drawn(
        &self,
        audit: u64,
        machine: [u8; 32],
        key: [u8; 32],
    ) -> Result<Option<Drawn>, ChainError> {
        let view = self.at(At::Best).await?;
        let found = view.audit(audit).await.map_err(convert)?;
        let of_ours =
            |found: &AuditRecord| found.machine.0 == machine && found.phase == AuditPhase::Commit;
        let Some(found) = found.filter(of_ours) else { return Ok(None) };
        for duty in found.duties {
            let auditor = view.auditor(duty.auditor).await.map_err(convert)?;
            if auditor.is_some_and(|auditor| auditor.key == key) {
                let terms = view.audit_terms(audit).await.map_err(convert)?;
                let found = view.machine(MachineId(machine)).await.map_err(convert)?;
                let cards = found.as_ref().map(free_cards).unwrap_or_default();
                return Ok(terms.map(|terms| Drawn { auditor: duty.auditor.0, terms, cards }));
            }
        }
        Ok(None)
    }

    async fn machine(&self, id: [u8; 32]) -> Result<Option<MachineRecord>, ChainError> {
        let view = self.at(At::Finalized).await?;
        let found = view.machine(MachineId(id)).await.map_err(convert)?;
        Ok(found.map(|found| machine(&found)))
    }
}

#[async_trait]
impl ChainActions for LiveChain {
    async fn started(&self, lease: u64) -> Result<(), ChainError> {
        let client = self.client()?;
        match settled(client.started(&self.signer, lease).await).await {
            // Somebody, perhaps we before a crash, said so already: that is what was wanted.
            Err(error) if error.is_refused_with("Leases", "AlreadyStarted") => Ok(()),
            other => other.map_err(convert),
        }
    }

    async fn report_down(&self, lease: u64) -> Result<(), ChainError> {
        let client = self.client()?;
        match settled(client.report_down(&self.signer, lease).await).await {
            Err(error) if error.is_refused_with("Leases", "DownAlready") => Ok(()),
            other => other.map_err(convert),
        }
    }

    async fn report_up(&self, lease: u64) -> Result<(), ChainError> {
        let client = self.client()?;
        match settled(client.report_up(&self.signer, lease).await).await {
            Err(error) if error.is_refused_with("Leases", "NotDown") => Ok(()),
            other => other.map_err(convert),
        }
    }

    async fn settle(&self, lease: u64) -> Result<(), ChainError> {
        let client = self.client()?;
        settled(client.settle(&self.signer, lease).await).await.map_err(convert)
    }
}

async fn settled(submitted: Result<Submission, ClientError>) -> Result<(), ClientError> {
    submitted?.finalized().await.map(drop)
}

fn change(notice: Notice) -> Change {
    match notice {
        Notice::Lease { lease: id, finality: Finality::Best, .. } => {
            Change::Lease { id, at: At::Best }
        }
        Notice::Lease { lease: id, finality: Finality::Finalized, .. } => {
            Change::Lease { id, at: At::Finalized }
        }
        Notice::Resync => Change::Resync,
    }
}

fn lease(found: Lease) -> LeaseRecord {
    let closed = match found.state {
        LeaseState::Pending | LeaseState::Running => None,
        LeaseState::Closed { reason, at } => {
            Some(Closed { at, reason, retain_until: found.retain_until })
        }
    };
    LeaseRecord {
        id: found.id,
        machine: found.machine.0,
        gpus: found.gpus,
        cpu_shares: found.cpu_shares,
        // Whoever takes it over has to start it anew.
        started_at: found.started_at.filter(|_| found.moving.is_none()),
        ends_at: found.ends_at,
        access_key: found.access_key,
        grant_epoch: found.grant_epoch,
        spec_hash: found.spec_hash,
        down: found.down_since.is_some(),
        closed,
        moved: false,
    }
}

fn machine(found: &Machine) -> MachineRecord {
    let relays = found.network.relays.iter();
    MachineRecord {
        gpus: found.facts.gpus.iter().map(|gpu| gpu_uuid(&gpu.id.uuid)).collect(),
        cpu_shares: found.offer.map_or(0, |offer| offer.cpu_shares),
        cpu_cores: found.facts.cpu_cores.into(),
        memory_mib: found.facts.memory_mib,
        disk_gib: found.facts.disk_gib,
        relays: relays.filter_map(|url| String::from_utf8(url.to_vec()).ok()).collect(),
    }
}

/// UUIDs of the cards that nobody leases.
fn free_cards(found: &Machine) -> Vec<[u8; 16]> {
    let cards = (0u8..).zip(&found.facts.gpus);
    let free = cards.filter(|(position, _)| !found.gpus_leased.contains(position));
    free.map(|(_, gpu)| gpu.id.uuid).collect()
}

/// A GPU's UUID as its driver writes it.
pub fn gpu_uuid(bytes: &[u8; 16]) -> String {
    let hex = hex::encode(bytes);
    format!("GPU-{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn convert(error: ClientError) -> ChainError {
    let text = dbc_service::error_chain(&error);
    if error.is_unreachable() {
        return ChainError::Away(text);
    }
    match error {
        ClientError::Malformed { .. } | ClientError::Incompatible { .. } => {
            ChainError::Malformed(text)
        }
        _ => ChainError::Refused(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_written_as_the_driver_writes_it() {
        let bytes = *b"\x12\x34\x56\x78\x9a\xbc\xde\xf0\x01\x02\x03\x04\x05\x06\x07\x08";
        assert_eq!(gpu_uuid(&bytes), "GPU-12345678-9abc-def0-0102-030405060708");
    }

    fn record() -> Lease {
        use dbc_chain_client::AccountId;
        use dbc_primitives::{DenseIndex, Leg, Profile, discount::Tiers};

        let leg = Leg {
            index: 0,
            from: 10,
            rate: 1,
            until: 1000,
            platform: 0,
            fee: 0,
            burn: 0,
            plain: false,
        };
        Lease {
            id: 7,
            renter: AccountId([1; 32]),
            payer: AccountId([1; 32]),
            provider: AccountId([2; 32]),
            machine: MachineId([3; 32]),
            machine_index: DenseIndex { index: 0, generation: 0 },
            gpus: Vec::new(),
            profile: Profile::Cpu,
            cpu_shares: 1,
            created_at: 5,
            started_at: Some(10),
            term: 990,
            ends_at: 1000,
            leg,
            next: None,
            tiers: Tiers::usual(),
            counted: 0,
            deposited: 0,
            deposit: 0,
            due: 0,
            due_fees: 0,
            due_platform: 0,
            paid: 0,
            fees: 0,
            platform_fees: 0,
            burned: 0,
            refunded: 0,
            settled_to: 10,
            charged: 0,
            held_back: None,
            suspended: None,
            down_since: None,
            moving: None,
            standby: None,
            tail_until: None,
            max_rate: 1,
            cap: None,
            access_key: [4; 32],
            grant_epoch: 0,
            generation: 0,
            platform: None,
            voucher: None,
            receiver: None,
            spec_hash: None,
            tag: 0,
            state: LeaseState::Running,
            retain_until: None,
        }
    }

    #[test]
    fn rule_15_whoever_takes_a_lease_over_has_to_start_it_anew() {
        assert_eq!(lease(record()).started_at, Some(10));
        let state = LeaseState::Pending;
        let moving = Lease { state, moving: Some(1000), ends_at: 50, generation: 1, ..record() };
        assert_eq!(lease(moving).started_at, None);
    }

    #[test]
    fn away_is_told_from_refused() {
        let away = ClientError::Unreachable { url: "ws://x".into(), why: "refused".into() };
        assert!(convert(away).is_away());
        let refused = ClientError::Refused {
            pallet: "Leases".into(),
            error: "LeaseOver".into(),
            docs: String::new(),
        };
        let refused = convert(refused);
        assert!(!refused.is_away() && refused.to_string().contains("LeaseOver"), "{refused}");
    }

    #[tokio::test]
    async fn without_a_node_it_starts_and_says_so() {
        let signer = Signer::ed25519_from_seed([1; 32]);
        let chain = LiveChain::spawn("ws://127.0.0.1:9", [0; 32], signer);
        assert!(chain.lease(1, At::Best).await.unwrap_err().is_away());
        assert!(chain.started(1).await.unwrap_err().is_away());
        assert_eq!(*chain.finalized().borrow(), Head::default());
    }
}
