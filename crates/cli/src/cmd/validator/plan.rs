//! What is remembered of a rented validator, so that a command that is cut off goes on where it was. Written
//! before each step; holds no secret: those never leave the node.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use anyhow::{Context as _, Result};
use dbc_sdk::{AccountId, Genesis, Market, Money};
use serde::{Deserialize, Serialize};

use crate::{
    args::RentNode,
    context::{Context, read_small},
};

/// The plan of one account on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The network.
    pub genesis: Genesis,
    /// Whose bond it is.
    pub account: AccountId,
    /// What shall count of his bond.
    pub bond: Money,
    /// What he keeps, as typed.
    pub commission: String,
    /// Makes the order idempotent.
    pub tag: u64,
    /// The lease, once there is one.
    pub lease: Option<u64>,
    /// Keys that were made in the node, and the proof that they are the account's.
    pub keys: Option<(String, String)>,
    /// What counted before anything was bonded for it; the pledge is what is beyond.
    pub before: Option<Money>,
    /// Whether it is being undone.
    pub ending: bool,
    /// The file.
    #[serde(skip)]
    path: PathBuf,
}

impl Plan {
    /// The plan of an account, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub async fn load(
        context: &Context,
        market: &Market,
        account: AccountId,
    ) -> Result<Option<Self>> {
        let path = Self::path(context, market.genesis().await?, account);
        let Some(text) = read_small(&path)? else { return Ok(None) };
        let plan: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged", path.display()))?;
        Ok(Some(Self { path, ..plan }))
    }

    /// A new plan, on disk.
    ///
    /// # Errors
    /// The file system's.
    pub async fn make(
        context: &Context,
        market: &Market,
        account: AccountId,
        args: &RentNode,
        bond: Money,
    ) -> Result<Self> {
        let genesis = market.genesis().await?;
        let plan = Self {
            genesis,
            account,
            bond,
            commission: args.commission.clone(),
            tag: rand::random(),
            lease: None,
            keys: None,
            before: None,
            ending: false,
            path: Self::path(context, genesis, account),
        };
        plan.save()?;
        Ok(plan)
    }

    /// Writes it down, whole or not at all.
    ///
    /// # Errors
    /// The file system's.
    pub fn save(&self) -> Result<()> {
        let folder = self.path.parent().context("the plan's file has no folder")?;
        let part = self.path.with_extension("part");
        let write = || {
            fs::create_dir_all(folder)?;
            let mut file = fs::OpenOptions::new()
                .create(true)
                .write(true)
                .truncate(true)
                .mode(0o600)
                .open(&part)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            fs::rename(&part, &self.path)
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Forgets it: all of it is undone.
    ///
    /// # Errors
    /// The file system's.
    pub fn remove(self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    fn path(context: &Context, genesis: Genesis, account: AccountId) -> PathBuf {
        let network: String = genesis.to_string().chars().take(16).collect();
        context.home.join("validators").join(format!("{network}-{account}.json"))
    }
}
