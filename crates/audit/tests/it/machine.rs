//! Machines that are honest, and such that are not: a key, an endpoint, and what answers there.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use codec::Encode as _;
use dbc_agent::{chain::live::LiveChain, server::audit::Examinee};
use dbc_agent_api::{
    ALPN_AUDIT,
    audit::{Answer, Ask},
};
use dbc_bench::{Params, Place, Prover};
use dbc_chain_client::{At, ChainClient, Registration, Signer};
use dbc_primitives::{
    HardwareFacts, Location, MachineClass, MachineId, NetworkFacts, proof::register_message,
};
use dbc_tunnel::{Limits, Listener, ListenerConfig, Paths, Stream, read_frame, write_frame};
use ed25519_dalek::{Signer as _, SigningKey};
use tokio::task::JoinHandle;

/// How a machine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As the agent does.
    Honest,
    /// It makes every second row up.
    LeavesRowsOut,
    /// It has everything, but somewhere else: what is asked for comes after the limit.
    OpensLate,
    /// It lets auditors in and says nothing.
    Mute,
    /// Nobody is there.
    Away,
}

/// A machine that is registered.
pub struct Machine {
    /// Its key.
    pub id: MachineId,
    endpoint: [u8; 32],
    listener: Option<Arc<Listener>>,
    task: Option<JoinHandle<()>>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Machine {
    /// Starts what answers, and registers the machine.
    pub async fn start(
        url: &str,
        client: &ChainClient,
        provider: &Signer,
        kind: Kind,
    ) -> Result<Self> {
        let key = SigningKey::from_bytes(&[kind as u8 + 100; 32]);
        let id = MachineId(key.verifying_key().to_bytes());
        let seed = [kind as u8 + 200; 32];
        let endpoint = dbc_tunnel::public_key(&seed);
        let mut machine = Self { id, endpoint, listener: None, task: None };
        if kind != Kind::Away {
            let config = ListenerConfig {
                relays: Vec::new(),
                bind: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)),
                paths: Paths::DirectOnly,
                alpns: vec![ALPN_AUDIT.to_vec()],
                limits: Limits::default(),
            };
            let listener = Arc::new(Listener::bind(&seed, config).await?);
            machine.listener = Some(listener.clone());
            let chain = LiveChain::spawn(url, client.genesis(), provider.clone());
            let examinee = Arc::new(Examinee::new(id.0, chain));
            let client = client.clone();
            machine.task = Some(tokio::spawn(async move {
                while let Some(incoming) = listener.accept().await {
                    let (examinee, client) = (examinee.clone(), client.clone());
                    tokio::spawn(async move {
                        let peer = incoming.remote_key;
                        let Ok(stream) = incoming.welcome(None).await else { return };
                        match kind {
                            Kind::Honest => examinee.serve(peer, stream).await,
                            Kind::Mute => std::future::pending().await,
                            _ => drop(cheat(&client, kind, stream).await),
                        }
                    });
                }
            }));
        }
        let proof = key.sign(&register_message(&client.genesis(), &provider.account().0));
        let registration = Registration {
            machine: id,
            proof: proof.to_bytes(),
            class: MachineClass::Cpu,
            facts: HardwareFacts {
                cpu_cores: 2,
                memory_mib: 1_024,
                disk_gib: 4,
                ..HardwareFacts::default()
            },
            location: Location::default(),
            network: NetworkFacts { endpoint, ..NetworkFacts::default() },
        };
        client.register(provider, registration).await?.in_block().await?;
        Ok(machine)
    }

    /// Key of its endpoint.
    pub fn endpoint(&self) -> [u8; 32] {
        self.endpoint
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listener.as_ref().map(|listener| listener.bound()).unwrap_or_default()
    }
}

/// Answers an auditor the way a cheat does.
async fn cheat(client: &ChainClient, kind: Kind, mut stream: Stream) -> Result<()> {
    let Some(Ask::Challenge { seed, audit }) = read_frame(&mut stream).await? else {
        return Ok(());
    };
    let terms = client.at(At::Best).await?.audit_terms(audit).await?;
    let Some(terms) = terms else { return Ok(()) };
    let seed: [u8; 32] = hex::decode(seed)?.try_into().map_err(|_| anyhow::anyhow!("a seed"))?;
    let params = Params { seed, edge: terms.edge, links: terms.links, lanes: 1 };
    let skips = kind == Kind::LeavesRowsOut;
    let computed = tokio::task::spawn_blocking(move || {
        Prover::run_but(params, |place| skips && place.row % 2 == 0)
    });
    let prover = computed.await?;
    write_frame(&mut stream, &Answer::Root(hex::encode(prover.root()))).await?;
    let Some(Ask::Open { places }) = read_frame(&mut stream).await? else { return Ok(()) };
    if kind == Kind::OpensLate {
        tokio::time::sleep(Duration::from_millis(u64::from(terms.open_ms) + 500)).await;
    }
    let open = |(link, row)| prover.open(Place { link, row });
    let openings: Vec<_> = places.into_iter().filter_map(open).collect();
    write_frame(&mut stream, &Answer::Openings(STANDARD.encode(openings.encode()))).await?;
    // Until the auditor hangs up.
    let _ = read_frame::<Ask, _>(&mut stream).await;
    Ok(())
}
