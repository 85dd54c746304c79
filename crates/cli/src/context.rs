//! Where a command finds its things: the user's folder, the network's folder, the node.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use dbc_sdk::{ErrorCode, Genesis, Market, MarketConfig, Signer};
use serde::{Deserialize, Serialize};

use crate::{args::Global, failure::coded, up::state::Network, wallet};

/// Largest settings file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// What every command starts from.
#[derive(Debug, Clone)]
pub struct Context {
    /// The user's folder with wallets, keys and settings.
    pub home: PathBuf,
    /// The folder of the network on this machine.
    pub net_dir: PathBuf,
    /// Whether data is printed as JSON.
    pub json: bool,
    global: Global,
}

/// The user's settings, `config.toml` in his folder.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Node to ask. Without one, that of the network on this machine.
    pub chain: Option<String>,
    /// Hash of the first block of the network that is meant, hexadecimal: a node of another one is refused.
    /// Without one, a node of the network on this machine must serve just that.
    pub genesis: Option<String>,
    /// Relays beside those on the chain.
    pub relays: Vec<String>,
    /// The wallet that pays when none is named; `default` without one.
    pub wallet: Option<String>,
}

impl Context {
    /// Folders by flag, environment, default.
    ///
    /// # Errors
    /// When there is no home folder at all.
    pub fn new(global: Global) -> Result<Self> {
        let home = match &global.home {
            Some(home) => home.clone(),
            None => {
                let user = std::env::var_os("HOME").context("neither DBC_HOME nor HOME is set")?;
                PathBuf::from(user).join(".config/dbc")
            }
        };
        Ok(Self { home, net_dir: global.net_dir.clone(), json: global.json, global })
    }

    /// Whether progress is shown.
    pub fn quiet(&self) -> bool {
        self.global.quiet || self.json
    }

    /// The settings, or defaults when there are none.
    ///
    /// # Errors
    /// A file that cannot be read or has unknown fields.
    pub fn settings(&self) -> Result<Settings> {
        let path = self.home.join("config.toml");
        match read_small(&path)? {
            Some(text) => {
                toml::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
            }
            None => Ok(Settings::default()),
        }
    }

    /// Opens the market; the node is asked at the first call that needs it.
    ///
    /// # Errors
    /// A damaged settings file, or no node known at all.
    pub fn market(&self) -> Result<Market> {
        let mut config = MarketConfig::new(self.chain_url()?, &self.home);
        config.genesis = self.genesis()?;
        config.relays = self.settings()?.relays;
        Ok(Market::open(config)?)
    }

    /// The network that is meant, where the settings or this machine's own say.
    fn genesis(&self) -> Result<Option<Genesis>> {
        let settings = self.settings()?;
        if let Some(text) = settings.genesis {
            let parsed = text.parse();
            let parsed =
                parsed.map_err(|error| coded(ErrorCode::InvalidInput, format!("genesis: {error}")));
            return parsed.map(Some);
        }
        if self.global.chain.is_some() || settings.chain.is_some() {
            return Ok(None);
        }
        let local = Network::load(&self.net_dir)?;
        Ok(local.and_then(|network| network.genesis?.parse().ok()))
    }

    /// The network of this machine, if that is the one which the market is on.
    ///
    /// # Errors
    /// A damaged file of it; the market's when it cannot say which network it is on.
    pub async fn local(&self, market: &Market) -> Result<Option<Network>> {
        let Some(network) = Network::load(&self.net_dir)? else { return Ok(None) };
        let same = is_on(&network, market.genesis().await?);
        Ok(same.then_some(network))
    }

    /// The node to ask: by flag, settings, or that of the network on this machine.
    ///
    /// # Errors
    /// A damaged settings file, or no node known at all.
    pub fn chain_url(&self) -> Result<String> {
        let local = Network::load(&self.net_dir)?;
        let named = self.global.chain.clone().or(self.settings()?.chain);
        let url = named.or_else(|| local.as_ref().map(Network::chain_url));
        url.ok_or_else(|| coded(ErrorCode::ChainUnreachable, "no node is known"))
    }

    /// The key of the wallet that pays: by flag, settings, or `default`.
    ///
    /// # Errors
    /// The wallet's: not found, damaged, wrong password.
    pub fn signer(&self) -> Result<Signer> {
        let name = match &self.global.wallet {
            Some(name) => name.clone(),
            None => self.settings()?.wallet.unwrap_or_else(|| "default".into()),
        };
        self.signer_of(&name)
    }

    /// The key of a wallet.
    ///
    /// # Errors
    /// The wallet's: not found, damaged, wrong password.
    pub fn signer_of(&self, name: &str) -> Result<Signer> {
        // A secret address such as `//Alice` is a key by itself on development networks.
        if name.starts_with("//") {
            return Ok(Signer::from_uri(name)?);
        }
        let file = wallet::Wallets::at(&self.home).load(name)?;
        let password = match file.is_protected() {
            true => Some(self.password(name)?),
            false => None,
        };
        Ok(file.unlock(password.as_deref())?)
    }

    /// A password: from the file, the environment, or asked for.
    ///
    /// # Errors
    /// When there is no terminal to ask on.
    pub fn password(&self, name: &str) -> Result<String> {
        if let Some(path) = &self.global.password_file {
            let text =
                read_small(path)?.with_context(|| format!("{} is missing", path.display()))?;
            return Ok(text.trim_end_matches(['\n', '\r']).to_string());
        }
        if let Ok(password) = std::env::var("DBC_PASSWORD") {
            return Ok(password);
        }
        wallet::ask_password(&format!("Password of wallet {name}: "))
    }
}

/// Whether a network of this machine is the one with this first block.
fn is_on(network: &Network, genesis: Genesis) -> bool {
    network.genesis.as_deref().and_then(|text| text.parse().ok()) == Some(genesis)
}

/// A small text file; `None` when it is missing.
///
/// # Errors
/// When it cannot be read or is larger than 64 KiB.
pub fn read_small(path: &Path) -> Result<Option<String>> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot open {}", path.display())),
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {}", path.display()))?;
    anyhow::ensure!(text.len() as u64 <= FILE_BYTES_MAX, "{} is too large", path.display());
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_of_this_machine_is_known_by_its_first_block() {
        let mut network = Network {
            dir: PathBuf::new(),
            bin_dir: PathBuf::new(),
            validators: 1,
            pool_gib: 8,
            rpc_port: 9944,
            p2p_port: 30333,
            light_port: 0,
            light: false,
            registry_port: 5000,
            relay_port: 3340,
            metrics_port: 9615,
            machine: None,
            genesis: None,
            engine_is_ours: false,
            runtime: "dbc".into(),
            demo_done: false,
        };
        assert!(!is_on(&network, Genesis([7; 32])), "nobody knows yet");
        network.genesis = Some(Genesis([7; 32]).to_string());
        assert!(is_on(&network, Genesis([7; 32])));
        assert!(!is_on(&network, Genesis([8; 32])));
    }
}
