//! [`LightClient`]: smoldot with a place to begin, a place to be kept, and ends that are bounded.

use std::{
    fmt, iter,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dbc_chain_client::{
    Carrier, CarrierError, ChainClient, ChainConfig, ChainError, Head, Subscribed, light_spec_start,
};
use futures::{StreamExt as _, future::BoxFuture, stream};
use smoldot_light::{
    AddChainConfig, AddChainConfigJsonRpc, ChainId, Client, JsonRpcResponses,
    StatementProtocolConfig, platform::DefaultPlatform,
};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, spawn_blocking},
    time::sleep,
};
use tracing::{debug, info, warn};

use crate::{
    calls::{Answer, Begun, Calls, Orphan, Waiting},
    error::LightError,
    kept::{self, KEPT_BYTES_MAX, SLOT_MS},
    numbers::{Known, Place, hash_at},
    spec::has_checkpoint,
    start::{Standing, begin, independent, judge},
};

/// Largest chain spec that is read: a full one has the runtime in it.
const SPEC_BYTES_MAX: u64 = 32 << 20;
/// How often the last finalized head is written down.
const KEEP_EVERY: Duration = Duration::from_secs(600);
/// Calls that smoldot may have in its queue.
const QUEUE_MAX: NonZeroU32 = NonZeroU32::new(256).unwrap();
/// Subscriptions that smoldot serves at once.
const SUBSCRIPTIONS_MAX: u32 = 64;
/// Statements that a subscription remembers, so that none is told twice.
const STATEMENTS_SEEN: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();
/// Share of statements that nobody asked for and that peers may send all the same.
const STATEMENTS_UNASKED: f64 = 0.01;
/// How often peers are told which statements are asked for.
const STATEMENTS_TELL: Duration = Duration::from_secs(1);
/// A finalized head that is younger counts as the present.
const RECENT: Duration = Duration::from_secs(3_600);
/// Witnesses that must agree.
const WITNESSES: usize = 2;
/// Witnesses that are asked.
const WITNESSES_MAX: usize = 8;

type Platform = Arc<DefaultPlatform>;

/// How a light client is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LightConfig {
    /// Chain spec with a checkpoint and addresses of peers.
    pub spec: PathBuf,
    /// Where the last finalized head is kept.
    pub kept: PathBuf,
    /// RPC addresses of nodes of different operators, asked only when the point to begin at is old.
    pub witnesses: Vec<String>,
}

/// A running light client. Ends when dropped.
pub struct LightClient {
    shared: Arc<Shared>,
    name: String,
    config: LightConfig,
    genesis: String,
    begin: Head,
    standing: Standing,
    /// Whether where it came to may be believed.
    believed: Arc<AtomicBool>,
    _tasks: [Task; 2],
}

struct Shared {
    client: Mutex<Client<Platform>>,
    chain: ChainId,
    calls: Mutex<Calls>,
    known: Known,
}

/// A task that ends with its value.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for LightClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LightClient").field("name", &self.name).finish_non_exhaustive()
    }
}

impl LightClient {
    /// Starts; returns before a peer is found. Begins at the spec's checkpoint, or at the head that was kept
    /// when that is newer.
    ///
    /// # Errors
    /// [`LightError::File`], [`LightError::Spec`]; [`LightError::TooOld`] when the point to begin at is older than
    /// half the bonding time and no two witnesses are named.
    pub async fn start(config: LightConfig) -> Result<Arc<Self>, LightError> {
        Self::start_at(config, now_s()).await
    }

    /// As [`LightClient::start`] on a host whose clock shows this, in seconds since 1970: for tests of age.
    #[doc(hidden)]
    pub async fn start_at(config: LightConfig, now_s: u64) -> Result<Arc<Self>, LightError> {
        let file = |source| LightError::File { path: config.spec.clone(), source };
        let spec = kept::read(&config.spec, SPEC_BYTES_MAX).map_err(file)?;
        let refused = |why: &str| LightError::Spec { path: config.spec.clone(), why: why.into() };
        let checkpoint = light_spec_start(&spec, SLOT_MS)
            .ok_or_else(|| refused("it names no finalized block to begin at"))?;
        let usable = has_checkpoint(&spec);
        let kept = kept::load(&config.kept).unwrap_or_default();
        let (client, added) = add_chain(spec, kept.clone()).await.map_err(|why| refused(&why))?;
        let responses = added.json_rpc_responses.ok_or_else(|| refused("it serves no calls"))?;
        let shared = Arc::new(Shared {
            client: Mutex::new(client),
            chain: added.chain_id,
            calls: Mutex::default(),
            known: Known::default(),
        });
        let pump = Task(tokio::spawn(pump(Arc::downgrade(&shared), responses)));
        let genesis = shared.text("chain_getBlockHash", "[0]").await?.unwrap_or_default();
        let chain = shared.text("system_chain", "[]").await?.unwrap_or_default();
        let genesis = genesis.trim_start_matches("0x").to_owned();
        let begin = begin(checkpoint, usable, kept::head(&kept, &genesis));
        let witnesses = independent(&config.witnesses);
        let standing = judge(&begin, now_s);
        told(&begin, standing, witnesses.len())?;
        let believed = Arc::new(AtomicBool::new(!matches!(standing, Standing::Old { .. })));
        let keeper = keep(shared.clone(), believed.clone(), genesis.clone(), config.kept.clone());
        Ok(Arc::new(Self {
            name: format!("the light client of {chain}"),
            config: LightConfig { witnesses, ..config },
            genesis,
            begin,
            standing,
            believed,
            _tasks: [pump, Task(tokio::spawn(keeper))],
            shared,
        }))
    }

    /// The block at which it began; with a spec of a network's first two epochs, the one at which that was made.
    pub fn began(&self) -> Head {
        self.begin
    }

    /// How good that block was then.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Returns when what it follows may be believed: at once when it began at a recent block, else when two
    /// witnesses have the block that it came to, and none has another.
    ///
    /// # Errors
    /// [`LightError::Behind`] and [`LightError::Unconfirmed`], after which it may be asked again;
    /// [`LightError::Disputed`].
    pub async fn confirm(&self) -> Result<(), LightError> {
        if self.believed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let head = self.finalized().await?.ok_or(LightError::Behind)?;
        if now_s().saturating_sub(head.unix_s()) > RECENT.as_secs() {
            return Err(LightError::Behind);
        }
        let mut agree = 0;
        for url in self.config.witnesses.iter().take(WITNESSES_MAX) {
            match witness(url, &self.genesis, head.number).await {
                Ok(hash) if hash == head.hash => agree += 1,
                Ok(_) => {
                    return Err(LightError::Disputed { url: url.clone(), number: head.number });
                }
                Err(error) => warn!(url, %error, "a witness does not answer"),
            }
        }
        if agree < WITNESSES {
            return Err(LightError::Unconfirmed { agree, number: head.number });
        }
        info!(number = head.number, agree, "witnesses agree with the light client");
        self.believed.store(true, Ordering::Relaxed);
        self.save().await
    }

    /// The finalized head that it follows; `None` while it has none.
    ///
    /// # Errors
    /// [`LightError::Carrier`].
    pub async fn finalized(&self) -> Result<Option<Head>, LightError> {
        let text = self.shared.state(KEPT_BYTES_MAX).await?;
        Ok(kept::head(&text, &self.genesis))
    }

    /// Writes its finalized head down now; nothing happens before it may be believed.
    ///
    /// # Errors
    /// [`LightError::Carrier`], [`LightError::File`].
    pub async fn save(&self) -> Result<(), LightError> {
        if !self.believed.load(Ordering::Relaxed) {
            return Ok(());
        }
        save(&self.shared, &self.genesis, &self.config.kept).await
    }
}

/// Tells of an old start.
fn told(begin: &Head, standing: Standing, witnesses: usize) -> Result<(), LightError> {
    let number = begin.number;
    match standing {
        Standing::Fresh => info!(number, "the light client begins"),
        Standing::Aging { days } => {
            warn!(number, days, "the light client begins at an old block; fetch a new light spec");
        }
        Standing::Old { days } if witnesses < WITNESSES => {
            return Err(LightError::TooOld { number, days });
        }
        Standing::Old { days } => {
            warn!(number, days, "the light client begins at a block that only witnesses confirm");
        }
    }
    Ok(())
}

type Added = smoldot_light::AddChainSuccess<Platform>;

/// Starts smoldot. Off the runtime's threads: a full spec takes a second to read.
async fn add_chain(spec: String, kept: String) -> Result<(Client<Platform>, Added), String> {
    let work = spawn_blocking(move || {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let mut client = Client::new(DefaultPlatform::new("dbc-light".into(), version));
        let added = client.add_chain(AddChainConfig {
            user_data: (),
            specification: &spec,
            database_content: &kept,
            potential_relay_chains: iter::empty(),
            json_rpc: AddChainConfigJsonRpc::Enabled {
                max_pending_requests: QUEUE_MAX,
                max_subscriptions: SUBSCRIPTIONS_MAX,
            },
            statement_protocol_config: Some(StatementProtocolConfig::new(
                STATEMENTS_SEEN,
                STATEMENTS_UNASKED,
                rand::random(),
                STATEMENTS_TELL,
            )),
        });
        added.map(|added| (client, added)).map_err(|error| error.to_string())
    });
    work.await.unwrap_or_else(|error| Err(error.to_string()))
}

/// Hands answers on until smoldot ends.
async fn pump(shared: Weak<Shared>, mut responses: JsonRpcResponses<Platform>) {
    while let Some(text) = responses.next().await {
        let Some(shared) = shared.upgrade() else { return };
        let orphan = shared.calls().hand_on(&text);
        if let Some(orphan) = orphan {
            shared.unsubscribe(&orphan);
        }
    }
}

/// Writes the finalized head down, now and then.
async fn keep(shared: Arc<Shared>, believed: Arc<AtomicBool>, genesis: String, path: PathBuf) {
    // Answered as soon as there is one.
    while shared.request("chain_getFinalizedHead", "[]").await.is_err() {
        sleep(Duration::from_secs(1)).await;
    }
    loop {
        if believed.load(Ordering::Relaxed)
            && let Err(error) = save(&shared, &genesis, &path).await
        {
            warn!(%error, "the light client's head is not kept");
        }
        sleep(KEEP_EVERY).await;
    }
}

async fn save(shared: &Shared, genesis: &str, path: &Path) -> Result<(), LightError> {
    let text = shared.state(KEPT_BYTES_MAX).await?;
    let Some(head) = kept::head(&text, genesis) else { return Ok(()) };
    let bytes = text.len();
    let target = path.to_owned();
    let written = spawn_blocking(move || kept::save(&target, &text)).await;
    let written = written.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    written.map_err(|source| LightError::File { path: path.to_owned(), source })?;
    debug!(number = head.number, bytes, "the light client's head is kept");
    Ok(())
}

/// A node's block at this height, which must be final there.
async fn witness(url: &str, genesis: &str, number: u64) -> Result<[u8; 32], ChainError> {
    let mut config = ChainConfig::new(url);
    config.genesis = hex::decode(genesis).ok().and_then(|hash| hash.try_into().ok());
    let client = ChainClient::connect(config).await?;
    if client.finalized().borrow().number < number {
        return Err(ChainError::Unreachable { url: url.into(), why: "it is behind".into() });
    }
    client.block_hash(number).await
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Shared {
    fn calls(&self) -> std::sync::MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a call to smoldot, which queues it.
    fn ask(&self, waiting: Waiting, method: &str, params: &str) -> Answer<()> {
        let id = self.calls().begin(waiting)?;
        let call =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if client.json_rpc_request(call, self.chain).is_err() {
            self.calls().forget(id);
            return Err(CarrierError::Away("the light client's queue is full".into()));
        }
        Ok(())
    }

    async fn request(&self, method: &str, params: &str) -> Answer<String> {
        let (sender, answer) = oneshot::channel();
        self.ask(Waiting::Answer(sender), method, params)?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }

    async fn begin(&self, method: &str, params: &str, unsubscribe: &str) -> Answer<Begun> {
        let (sender, begun) = oneshot::channel();
        self.ask(Waiting::Subscription(sender, unsubscribe.into()), method, params)?;
        begun.await.unwrap_or_else(|_| Err(ended()))
    }

    /// An answer that is a text; `None` for null.
    async fn text(&self, method: &str, params: &str) -> Answer<Option<String>> {
        let answer = self.request(method, params).await?;
        serde_json::from_str(&answer).map_err(|error| CarrierError::Away(error.to_string()))
    }

    /// What is to be kept.
    async fn state(&self, max: u64) -> Answer<String> {
        let params = format!("[{max}]");
        let text = self.text("chainHead_unstable_finalizedDatabase", &params).await?;
        Ok(text.unwrap_or_default())
    }

    /// The hash at this height, as a JSON answer.
    async fn block_hash(&self, number: u64) -> Answer<String> {
        let Some(best) = self.text("chain_getBlockHash", "[]").await? else {
            return Ok("null".into());
        };
        let header = |hash: String| async move {
            let header = self.request("chain_getHeader", &format!(r#"["{hash}"]"#)).await?;
            Ok(Place::of_json(&header))
        };
        let found = hash_at(&self.known, best, number, header).await?;
        Ok(found.map_or_else(|| "null".into(), |hash| format!(r#""{hash}""#)))
    }

    /// Ends a subscription; nobody waits for the answer.
    fn unsubscribe(&self, orphan: &Orphan) {
        let (sender, _) = oneshot::channel();
        let params = format!(r#"["{}"]"#, orphan.id);
        if let Err(error) = self.ask(Waiting::Answer(sender), &orphan.unsubscribe, &params) {
            debug!(%error, "a subscription is not ended");
        }
    }
}

fn ended() -> CarrierError {
    CarrierError::Away("the light client ended".into())
}

/// Ends a subscription when its stream is dropped.
struct Ending {
    shared: Weak<Shared>,
    id: String,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let ended = shared.calls().end(&self.id);
        if let Some(unsubscribe) = ended {
            shared.unsubscribe(&Orphan { id: self.id.clone(), unsubscribe });
        }
    }
}

impl Carrier for LightClient {
    fn name(&self) -> &str {
        &self.name
    }

    fn request<'a>(
        &'a self,
        method: &'a str,
        params: String,
    ) -> BoxFuture<'a, Result<String, CarrierError>> {
        Box::pin(async move {
            // smoldot knows only the genesis by its height.
            if method == "chain_getBlockHash"
                && let Ok([number]) = serde_json::from_str::<[u64; 1]>(&params)
                && number > 0
            {
                return self.shared.block_hash(number).await;
            }
            self.shared.request(method, &params).await
        })
    }

    fn subscribe<'a>(
        &'a self,
        method: &'a str,
        params: String,
        unsubscribe: &'a str,
    ) -> BoxFuture<'a, Result<Subscribed, CarrierError>> {
        Box::pin(async move {
            let (id, items) = self.shared.begin(method, &params, unsubscribe).await?;
            let ending = Ending { shared: Arc::downgrade(&self.shared), id: id.clone() };
            let items = stream::unfold((items, ending), |(mut items, ending)| async move {
                let item = items.recv().await?;
                Some((item, (items, ending)))
            });
            Ok((id, items.boxed()))
        })
    }
}
