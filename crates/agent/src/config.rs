//! The agent's settings: as written ([`Config`]) and as checked ([`Checked`]). What a machine offers
//! and asks for stands on the chain and is not repeated here.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use dbc_host::{
    network::Subnet,
    pool::{PoolDisk, SIZE_BYTES_MIN},
};
use dbc_tunnel::RelayUrl;
use serde::{Deserialize, Serialize};

/// Prefix of environment variables that override the file: `DBC_AGENT_CHAIN_URL=…`.
pub const ENV_PREFIX: &str = "DBC_AGENT";

/// The configuration file. Every field has a default that fits a local network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of the database, the keys and the run folders.
    pub state_dir: PathBuf,
    /// The chain.
    pub chain: ChainSection,
    /// How renters reach the machine.
    pub tunnel: TunnelSection,
    /// Where workloads' files are kept.
    pub pool: PoolSection,
    /// The container engine.
    pub engine: EngineSection,
    /// Bounds.
    pub limits: LimitsSection,
    /// Counters.
    pub metrics: MetricsSection,
}

/// `[chain]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChainSection {
    /// A node's RPC address, `ws://` or `wss://`. Not used with `light`.
    pub url: String,
    /// A light client's chain spec, as `dbc-agent light-spec` makes it. With it the agent follows the chain by
    /// its peers and needs no node's RPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub light: Option<PathBuf>,
    /// RPC addresses of nodes of different operators. Asked only when the light client would begin at a block that
    /// is a week old: two must have the block that it comes to.
    pub witnesses: Vec<String>,
    /// Genesis hash of the network, in hex. When absent, the one that the state folder was made
    /// with; for a new folder, the one that the node serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub genesis: Option<String>,
}

/// `[tunnel]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TunnelSection {
    /// UDP address to listen on. When absent, a free port on all addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind: Option<SocketAddr>,
    /// Home relays, best first. When empty, those that the machine announced on the chain.
    pub relays: Vec<String>,
}

/// `[pool]`: one of a file (made by us), a block device, a mounted btrfs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolSection {
    /// Size of the file in GiB, when the pool is kept in one.
    pub disk_gib: u32,
    /// The file. When absent, `pool.img` in the state folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// A block device with a btrfs, instead of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<PathBuf>,
    /// A folder on a btrfs that the system mounts, instead of a file or device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mounted: Option<PathBuf>,
}

/// `[engine]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSection {
    /// Docker's socket. When absent, the usual places are tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// Name of our runtime in the engine's settings.
    pub runtime: String,
    /// Where that runtime looks for roots. When absent, `roots.d` in the state folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots_dir: Option<PathBuf>,
    /// Range from which lease networks get their subnets.
    pub subnets: String,
    /// The static `dbc-init`. When absent, the one beside the agent's program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsSection {
    /// Seconds that a workload has to end when it is asked to; 1 to 600.
    pub stop_s: u32,
    /// Largest image, unpacked, in GiB; 1 to 1024.
    pub image_gib: u32,
    /// Seconds that an open lease still runs after its end while the chain says nothing.
    pub grace_s: u32,
    /// Seconds between two collections of rent; 0 leaves it to whoever touches a lease.
    pub settle_s: u32,
    /// Memory in MiB that `facts` keeps for the host itself.
    pub reserve_memory_mib: u32,
}

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSection {
    /// Address of the Prometheus endpoint and of `/health`. When absent, none is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind: Option<SocketAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: "/var/lib/dbc".into(),
            chain: ChainSection::default(),
            tunnel: TunnelSection::default(),
            pool: PoolSection::default(),
            engine: EngineSection::default(),
            limits: LimitsSection::default(),
            metrics: MetricsSection::default(),
        }
    }
}

impl Default for ChainSection {
    fn default() -> Self {
        Self {
            url: "ws://127.0.0.1:9944".into(),
            light: None,
            witnesses: Vec::new(),
            genesis: None,
        }
    }
}

impl Default for PoolSection {
    fn default() -> Self {
        Self { disk_gib: 20, file: None, device: None, mounted: None }
    }
}

impl Default for EngineSection {
    fn default() -> Self {
        Self {
            socket: None,
            runtime: "dbc".into(),
            roots_dir: None,
            subnets: Subnet::DEFAULT_RANGE.to_string(),
            init: None,
        }
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            stop_s: 10,
            image_gib: 64,
            grace_s: 600,
            settle_s: 6 * 3600,
            reserve_memory_mib: 1024,
        }
    }
}

/// Settings that were checked, with every default filled in.
#[derive(Debug, Clone)]
pub struct Checked {
    /// See [`Config::state_dir`].
    pub state_dir: PathBuf,
    /// Who tells of the chain.
    pub chain: ChainFrom,
    /// See [`ChainSection::genesis`].
    pub genesis: Option<[u8; 32]>,
    /// See [`TunnelSection::bind`].
    pub bind: Option<SocketAddr>,
    /// See [`TunnelSection::relays`].
    pub relays: Vec<RelayUrl>,
    /// Where the pool is mounted.
    pub pool_mount: PathBuf,
    /// What it is kept on.
    pub pool_disk: PoolDisk,
    /// See [`EngineSection::socket`].
    pub socket: Option<PathBuf>,
    /// See [`EngineSection::runtime`].
    pub runtime: String,
    /// See [`EngineSection::roots_dir`].
    pub roots_dir: PathBuf,
    /// See [`EngineSection::subnets`].
    pub subnets: Subnet,
    /// See [`EngineSection::init`].
    pub init: PathBuf,
    /// See [`LimitsSection::stop_s`].
    pub stop_time: Duration,
    /// See [`LimitsSection::image_gib`].
    pub image_bytes_max: u64,
    /// See [`LimitsSection::grace_s`].
    pub grace: Duration,
    /// See [`LimitsSection::settle_s`].
    pub settle_every: Option<Duration>,
    /// See [`LimitsSection::reserve_memory_mib`].
    pub reserve_memory_mib: u32,
    /// See [`MetricsSection::bind`].
    pub metrics_bind: Option<SocketAddr>,
}

/// Who tells of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainFrom {
    /// A node.
    Node {
        /// See [`ChainSection::url`].
        url: String,
    },
    /// A light client.
    Light {
        /// See [`ChainSection::light`].
        spec: PathBuf,
        /// See [`ChainSection::witnesses`].
        witnesses: Vec<String>,
    },
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is wrong: {}", .0.join("; "))]
pub struct ConfigProblems(pub Vec<String>);

impl Config {
    /// Checks every field.
    ///
    /// # Errors
    /// All problems at once, each with its field and what would be right.
    pub fn validate(&self) -> Result<Checked, ConfigProblems> {
        let mut problems = Vec::new();
        if !self.state_dir.is_absolute() {
            problems.push("state_dir: must be an absolute path".to_owned());
        }
        self.chain.check(&mut problems);
        let genesis = self.chain.genesis.as_deref().and_then(|text| {
            let parsed = parse_hash(text);
            if parsed.is_none() {
                problems.push("chain.genesis: must be 64 hexadecimal characters".to_owned());
            }
            parsed
        });
        let mut relays = Vec::new();
        for url in &self.tunnel.relays {
            match url.parse() {
                Ok(url) => relays.push(url),
                Err(_) => problems.push(format!("tunnel.relays: {url:?} is no URL")),
            }
        }
        let subnets = self.engine.subnets.parse().unwrap_or_else(|error| {
            problems.push(format!("engine.subnets: {error}"));
            Subnet::DEFAULT_RANGE
        });
        let (pool_mount, pool_disk) = self.pool(&mut problems);
        self.limits.check(&mut problems);
        let name = &self.engine.runtime;
        let fine = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(fine) {
            problems.push("engine.runtime: must be 1 to 64 of A-Za-z0-9_.-".to_owned());
        }
        if !problems.is_empty() {
            return Err(ConfigProblems(problems));
        }
        let limits = &self.limits;
        Ok(Checked {
            state_dir: self.state_dir.clone(),
            chain: self.chain.from(),
            genesis,
            bind: self.tunnel.bind,
            relays,
            pool_mount,
            pool_disk,
            socket: self.engine.socket.clone(),
            runtime: name.clone(),
            roots_dir: self.in_state(self.engine.roots_dir.as_ref(), "roots.d"),
            subnets,
            init: self.engine.init.clone().unwrap_or_else(init_beside_us),
            stop_time: Duration::from_secs(limits.stop_s.into()),
            image_bytes_max: u64::from(limits.image_gib) << 30,
            grace: Duration::from_secs(limits.grace_s.into()),
            settle_every: (limits.settle_s > 0)
                .then(|| Duration::from_secs(limits.settle_s.into())),
            reserve_memory_mib: limits.reserve_memory_mib,
            metrics_bind: self.metrics.bind,
        })
    }

    fn in_state(&self, path: Option<&PathBuf>, name: &str) -> PathBuf {
        path.cloned().unwrap_or_else(|| self.state_dir.join(name))
    }

    fn pool(&self, problems: &mut Vec<String>) -> (PathBuf, PoolDisk) {
        let mount = self.state_dir.join("pool");
        let pool = &self.pool;
        let size_bytes = u64::from(pool.disk_gib) << 30;
        match (&pool.device, &pool.mounted) {
            (Some(_), Some(_)) => {
                problems.push("pool: name a device or a mounted folder, not both".to_owned());
                (mount, PoolDisk::Mounted)
            }
            (Some(_), None) | (None, Some(_)) if pool.file.is_some() => {
                problems.push("pool.file: no file is used with a device or mounted folder".into());
                (mount, PoolDisk::Mounted)
            }
            (Some(path), None) => (mount, PoolDisk::Device { path: path.clone() }),
            (None, Some(path)) => (path.clone(), PoolDisk::Mounted),
            (None, None) => {
                if size_bytes < SIZE_BYTES_MIN {
                    problems.push("pool.disk_gib: must be at least 1".to_owned());
                }
                let path = self.in_state(pool.file.as_ref(), "pool.img");
                (mount, PoolDisk::File { path, size_bytes })
            }
        }
    }
}

impl ChainSection {
    fn check(&self, problems: &mut Vec<String>) {
        let fine = |url: &String| ["ws://", "wss://"].iter().any(|scheme| url.starts_with(scheme));
        if !fine(&self.url) {
            problems.push("chain.url: must begin with ws:// or wss://".to_owned());
        }
        if self.light.as_ref().is_some_and(|path| !path.is_absolute()) {
            problems.push("chain.light: must be an absolute path".to_owned());
        }
        for url in self.witnesses.iter().filter(|url| !fine(url)) {
            problems.push(format!("chain.witnesses: {url:?} must begin with ws:// or wss://"));
        }
    }

    fn from(&self) -> ChainFrom {
        match &self.light {
            Some(spec) => {
                ChainFrom::Light { spec: spec.clone(), witnesses: self.witnesses.clone() }
            }
            None => ChainFrom::Node { url: self.url.clone() },
        }
    }
}

impl LimitsSection {
    fn check(&self, problems: &mut Vec<String>) {
        if !(1..=600).contains(&self.stop_s) {
            problems.push("limits.stop_s: must be 1 to 600".to_owned());
        }
        if !(1..=1024).contains(&self.image_gib) {
            problems.push("limits.image_gib: must be 1 to 1024".to_owned());
        }
    }
}

/// 64 hexadecimal characters, with or without `0x`.
pub fn parse_hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut hash).ok()?;
    Some(hash)
}

fn init_beside_us() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.with_file_name("dbc-init")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_fine_and_live_in_the_state_folder() {
        let checked = Config::default().validate().unwrap();
        assert_eq!(checked.pool_mount, PathBuf::from("/var/lib/dbc/pool"));
        assert_eq!(checked.roots_dir, PathBuf::from("/var/lib/dbc/roots.d"));
        assert_eq!(checked.grace, Duration::from_secs(600));
        let PoolDisk::File { path, size_bytes } = checked.pool_disk else { panic!("a file") };
        assert_eq!((path, size_bytes), ("/var/lib/dbc/pool.img".into(), 20 << 30));
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let mut config = Config::default();
        config.chain.url = "http://x".into();
        config.chain.genesis = Some("12".into());
        config.chain.light = Some("light.json".into());
        config.chain.witnesses = vec!["node.example".into()];
        config.tunnel.relays = vec!["not a url".into()];
        config.engine.subnets = "10.0.0.0".into();
        config.limits.stop_s = 0;
        config.pool.disk_gib = 0;
        let problems = config.validate().unwrap_err().0;
        for field in [
            "chain.url",
            "chain.genesis",
            "chain.light",
            "chain.witnesses",
            "tunnel.relays",
            "engine.subnets",
            "limits.stop_s",
            "pool.disk_gib",
        ] {
            assert!(problems.iter().any(|problem| problem.starts_with(field)), "{field}");
        }
    }

    #[test]
    fn a_light_spec_takes_the_place_of_a_node() {
        let text = "[chain]\nlight = \"/etc/dbc/light.json\"\nwitnesses = [\"wss://a.example\"]";
        let config: Config = toml::from_str(text).unwrap();
        let spec = "/etc/dbc/light.json".into();
        let light = ChainFrom::Light { spec, witnesses: vec!["wss://a.example".into()] };
        assert_eq!(config.validate().unwrap().chain, light);
        let node = ChainFrom::Node { url: "ws://127.0.0.1:9944".into() };
        assert_eq!(Config::default().validate().unwrap().chain, node);
    }

    #[test]
    fn the_example_file_is_read_and_shows_every_section() {
        let text = include_str!("../config.dev.toml");
        let config: Config = toml::from_str(text).unwrap();
        config.validate().unwrap();
        for section in ["[chain]", "[tunnel]", "[pool]", "[engine]", "[limits]", "[metrics]"] {
            assert!(text.contains(section), "{section}");
        }
    }
}
