//! What is remembered of a rented validator, so that a command that is cut off goes on where it was. Written
//! before each step; holds no secret: those never leave the node.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use anyhow::{Context as _, Result};
use dbc_sdk::{AccountId, ErrorCode, Genesis, Market, Money};
use serde::{Deserialize, Serialize};

use crate::{
    args::RentNode,
    context::{Context, read_small},
    failure::coded,
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
    /// Image with the node, where one was named.
    #[serde(default)]
    pub image: Option<String>,
    /// Chain spec of the network, where one was named.
    #[serde(default)]
    pub spec: Option<PathBuf>,
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
            image: None,
            spec: None,
            path: Self::path(context, genesis, account),
        };
        plan.save()?;
        Ok(plan)
    }

    /// Takes over which image and which chain spec are named now; those of before stay where none is.
    ///
    /// # Errors
    /// When others are named for a lease that is `fixed`, as its node has them already.
    pub fn name(&mut self, args: &RentNode, fixed: bool) -> Result<()> {
        let spec = match &args.spec {
            Some(file) => Some(file.canonicalize().map_err(|error| {
                let why = format!("--spec: {}: {error}", file.display());
                coded(ErrorCode::InvalidInput, why)
            })?),
            None => None,
        };
        let other = |flag: &str| {
            let why = format!(
                "{flag}: its lease runs with another one; leave the flag out, or `dbc validator end` first"
            );
            Err(coded(ErrorCode::InvalidInput, why))
        };
        if fixed && args.image.is_some() && args.image != self.image {
            return other("--image");
        }
        if fixed && spec.is_some() && spec != self.spec {
            return other("--spec");
        }
        self.image = args.image.clone().or(self.image.take());
        self.spec = spec.or(self.spec.take());
        Ok(())
    }

    /// The node and the keys in it went with their lease.
    ///
    /// # Errors
    /// The file system's.
    pub fn forget_lease(&mut self) -> Result<()> {
        (self.tag, self.lease, self.keys) = (rand::random(), None, None);
        self.save()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn args(image: Option<&str>, spec: Option<&std::path::Path>) -> RentNode {
        RentNode {
            bond: "1".into(),
            commission: "10%".into(),
            term: 3_600,
            machine: None,
            max_price: None,
            image: image.map(str::to_owned),
            spec: spec.map(std::path::Path::to_owned),
            shares: 1,
            memory: None,
            disk: None,
        }
    }

    fn plan(folder: &std::path::Path) -> Plan {
        Plan {
            genesis: Genesis([7; 32]),
            account: AccountId([1; 32]),
            bond: Money::dbc(1),
            commission: "10%".into(),
            tag: 5,
            lease: Some(9),
            keys: Some(("0x01".into(), "0x02".into())),
            before: Some(Money::dbc(3)),
            ending: false,
            image: None,
            spec: None,
            path: folder.join("plan.json"),
        }
    }

    #[test]
    fn what_its_lease_runs_with_is_not_changed_by_naming_another() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| {
            let file = folder.path().join(name);
            fs::write(&file, "{}").unwrap();
            file
        });
        let mut plan = plan(folder.path());
        plan.name(&args(Some("node:1"), Some(&one)), false).unwrap();
        for again in [args(None, None), args(Some("node:1"), Some(&one))] {
            plan.name(&again, true).unwrap();
            assert_eq!(plan.image.as_deref(), Some("node:1"));
        }
        let image = plan.name(&args(Some("node:2"), None), true).unwrap_err();
        assert!(image.to_string().contains("--image: its lease runs with another one"), "{image}");
        let spec = plan.name(&args(None, Some(&other)), true).unwrap_err();
        assert!(spec.to_string().contains("--spec: its lease"), "{spec}");
        plan.name(&args(Some("node:2"), Some(&other)), false).unwrap();
        assert_eq!(plan.image.as_deref(), Some("node:2"));
        assert_eq!(plan.spec, Some(other.canonicalize().unwrap()));
        assert!(plan.name(&args(None, Some(&folder.path().join("none"))), false).is_err());
    }

    #[test]
    fn with_its_lease_the_keys_in_it_are_forgotten_and_the_bond_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = plan(folder.path());
        plan.forget_lease().unwrap();
        assert_eq!((plan.lease, &plan.keys), (None, &None));
        assert_ne!(plan.tag, 5, "another order");
        assert_eq!(plan.before, Some(Money::dbc(3)));
        let stored: Plan = serde_json::from_slice(&fs::read(&plan.path).unwrap()).unwrap();
        assert_eq!(Plan { path: plan.path.clone(), ..stored }, plan);
    }
}
