//! A network with one listed machine, its agent, and people with homes of their own.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result};
use dbc_agent_api::control::{Reply, Request};
use dbc_chain_client::{At, ChainClient, ChainConfig};
use dbc_grants::{CheckContext, check};
use dbc_primitives::proof::register_message;
use dbc_sdk::{
    ApiError, Ask, ErrorCode, HardwareFacts, HolderId, Location, LogStream, MachineClass,
    MachineId, Market, MarketConfig, Money, NetworkFacts, Phase, Price, Registration, Signer,
    WorkloadStatus,
};
use dbc_testkit::{DevNode, MACHINE, MACHINE_SEED};
use dbc_tunnel::{Incoming, Limits, Listener, ListenerConfig, Paths, read_frame, write_frame};
use ed25519_dalek::{Signer as _, SigningKey};
use tempfile::TempDir;

pub const HOURLY: Money = Money(12_000_000_000_000_000);

pub struct World {
    pub node: DevNode,
    pub agent: Arc<FakeAgent>,
    pub provider: Signer,
    pub renter: Signer,
    homes: TempDir,
}

impl World {
    pub async fn new() -> Result<Self> {
        let node = DevNode::start().await?;
        let agent = FakeAgent::start(&node.url()).await?;
        let world = Self {
            node,
            agent,
            provider: Signer::from_uri("//Bob")?,
            renter: Signer::from_uri("//Charlie")?,
            homes: tempfile::tempdir()?,
        };
        let market = world.market("provider").await?;
        let provider = &world.provider;
        market.set_operator(provider, provider.account()).await?;
        let registration = world.registration(&market).await?;
        let machine = market.register(provider, &registration).await?;
        assert_eq!(machine.id, MachineId(MACHINE));
        assert_eq!(machine.stake, market.stake_for(0).await?);
        world.offer(&market, HOURLY).await?;
        market.list(provider, machine.id).await?;
        Ok(world)
    }

    pub fn config(&self, who: &str) -> MarketConfig {
        let mut config = MarketConfig::new(self.node.url(), self.homes.path().join(who));
        config.addresses = self
            .agent
            .listener
            .bound()
            .into_iter()
            .map(|address| (MachineId(MACHINE), address))
            .collect();
        config
    }

    pub async fn market(&self, who: &str) -> Result<Market> {
        Ok(Market::connect(self.config(who)).await?)
    }

    pub async fn offer(&self, market: &Market, cpu_hour: Money) -> Result<()> {
        let price = Price { gpu_hour: Money(0), cpu_hour };
        market.set_offer(&self.provider, MachineId(MACHINE), Ask::Dbc(price), 60, 7200, 1).await?;
        Ok(())
    }

    async fn registration(&self, market: &Market) -> Result<Registration> {
        let genesis = market.genesis().await?;
        let message = register_message(&genesis.0, &self.provider.account().0);
        let proof = SigningKey::from_bytes(&MACHINE_SEED).sign(&message).to_bytes();
        Ok(Registration {
            machine: MachineId(MACHINE),
            proof: hex::encode(proof),
            class: MachineClass::Cpu,
            hardware: HardwareFacts {
                gpus: vec![],
                cpu_model: "Test CPU".into(),
                cpu_cores: 2,
                memory_mib: 4096,
                disk_gib: 20,
            },
            location: Location { region: 276, site: 0 },
            network: NetworkFacts {
                endpoint: HolderId(self.agent.listener.id()),
                relays: vec![],
                up_mbps: 100,
                down_mbps: 100,
            },
        })
    }
}

/// An agent that checks grants as the real one and only pretends to run what it is sent.
pub struct FakeAgent {
    pub listener: Listener,
    chain: ChainClient,
    operator: Signer,
    pub seen: Mutex<Vec<String>>,
    /// What the next watch shows instead of a workload that comes up.
    pub shows: Mutex<Option<Vec<WorkloadStatus>>>,
    revoked: Mutex<HashSet<Vec<u8>>>,
    /// Access key and epoch of leases, for when the chain is away.
    known: Mutex<HashMap<u64, ([u8; 32], u32)>>,
}

impl FakeAgent {
    async fn start(url: &str) -> Result<Arc<Self>> {
        let config = ListenerConfig {
            bind: Some("127.0.0.1:0".parse()?),
            paths: Paths::DirectOnly,
            alpns: vec![dbc_agent_api::ALPN_CONTROL.to_vec()],
            relays: vec![],
            limits: Limits::default(),
        };
        // Quicker than a client's patience, also with the chain away.
        let chain = ChainConfig { call_timeout: Duration::from_secs(3), ..ChainConfig::new(url) };
        let agent = Arc::new(Self {
            listener: Listener::bind(&[77; 32], config).await?,
            chain: ChainClient::connect(chain).await?,
            operator: Signer::from_uri("//Bob")?,
            seen: Mutex::default(),
            shows: Mutex::default(),
            revoked: Mutex::default(),
            known: Mutex::default(),
        });
        let serving = agent.clone();
        tokio::spawn(async move {
            while let Some(incoming) = serving.listener.accept().await {
                let agent = serving.clone();
                tokio::spawn(async move { drop(agent.serve(incoming).await) });
            }
        });
        Ok(agent)
    }

    async fn serve(&self, incoming: Incoming) -> Result<()> {
        let lease = incoming.hello.lease;
        // While the chain is away the agent goes by what it knew; here that is the last block.
        let found = match self.chain.at(At::Best).await {
            Ok(view) => view.lease(lease).await.ok().flatten(),
            Err(_) => None,
        };
        let known = self.known.lock().unwrap().get(&lease).copied();
        let Some((access_key, epoch)) =
            found.map(|found| (found.access_key, found.grant_epoch)).or(known)
        else {
            let error = ApiError::new(ErrorCode::LeaseNotFound, "no such lease here");
            incoming.refuse(error).await;
            return Ok(());
        };
        self.known.lock().unwrap().insert(lease, (access_key, epoch));
        let (grant, key) = (incoming.hello.grant.clone(), incoming.remote_key);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        let judge = |verb| {
            let revoked = self.revoked.lock().unwrap();
            let context = CheckContext {
                access_key,
                genesis: self.chain.genesis(),
                machine: MACHINE,
                lease,
                epoch,
                connection_key: key,
                verb,
                now,
                revoked: &|id| revoked.contains(id),
            };
            check(&grant, &context).map(drop)
        };
        if let Err(error) = judge(dbc_sdk::Verb::View) {
            incoming.refuse(error.into()).await;
            return Ok(());
        }
        let mut stream = incoming.welcome(None).await?;
        let request: Request = read_frame(&mut stream).await?.context("a request")?;
        if let Err(error) = judge(request.verb()) {
            return Ok(write_frame(&mut stream, &Reply::Error(error.into())).await?);
        }
        for reply in self.answer(lease, request).await? {
            write_frame(&mut stream, &reply).await?;
        }
        tokio::io::AsyncWriteExt::shutdown(&mut stream).await?;
        stream.unread().await;
        Ok(())
    }

    async fn answer(&self, lease: u64, request: Request) -> Result<Vec<Reply>> {
        let word = serde_json::to_value(&request)?;
        let word = word.as_object().and_then(|map| map.keys().next().cloned());
        let word = word.unwrap_or_else(|| format!("{request:?}").to_lowercase());
        self.seen.lock().unwrap().push(word);
        Ok(match request {
            Request::Put(_) => {
                self.chain.started(&self.operator, lease).await?;
                vec![Reply::Done]
            }
            Request::Status => vec![Reply::Status(Box::new(status(Phase::Running)))],
            Request::Watch => {
                let up = || [Phase::Pulling, Phase::Starting, Phase::Running].map(status).to_vec();
                let shows = self.shows.lock().unwrap().clone();
                shows
                    .unwrap_or_else(up)
                    .into_iter()
                    .map(|one| Reply::Status(Box::new(one)))
                    .collect()
            }
            Request::Logs { .. } => {
                let stream = LogStream::Stdout;
                ["one\n", "two\n"].map(|text| Reply::Log { stream, text: text.into() }).to_vec()
            }
            Request::Revoke { ids } => {
                let ids = ids.into_iter().filter_map(|id| hex::decode(id).ok());
                self.revoked.lock().unwrap().extend(ids);
                vec![Reply::Done]
            }
            _ => vec![Reply::Done],
        })
    }
}

pub fn status(phase: Phase) -> WorkloadStatus {
    WorkloadStatus {
        phase,
        detail: format!("{phase:?}"),
        last_error: None,
        retry: false,
        spec_hash: None,
        image_digest: None,
        ports: vec![],
        starts: 1,
        disk_used_bytes: 0,
        disk_limit_bytes: 0,
    }
}
