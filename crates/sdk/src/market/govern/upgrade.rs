//! Upgrades of the network: a referendum authorizes the code of another runtime, anybody brings it.

use std::time::Duration;

use dbc_chain_client::{At, View};
use tokio::time::sleep;

use super::super::network::finish;
use crate::{
    Market, MarketError,
    account::Signer,
    view::{DraftView, UpgradeView},
};

/// The track that may replace the runtime.
const TRACK: &str = "root";
/// Largest code that fits into a block, in bytes.
const CODE_BYTES_MAX: usize = 15 << 18;
/// What WebAssembly begins with, and what it begins with when it is compressed.
const BEGINNINGS: [&[u8]; 2] = [b"\0asm", &[82, 188, 83, 118, 70, 219, 142, 5]];
/// How often the version is asked for, and how many times at most.
const LOOK: Duration = Duration::from_secs(2);
const LOOKS: u32 = 60;

impl Market {
    /// Writes the question whether the network shall go on with this runtime.
    ///
    /// Errors: `invalid_input` when the bytes are no runtime.
    pub async fn draft_upgrade(&self, code: &[u8]) -> Result<DraftView, MarketError> {
        check(code)?;
        let view = self.chain().await?.at(At::Best).await?;
        let call = view.authorize_upgrade(code)?;
        self.draft_on(&view, TRACK, call).await
    }

    /// Brings a runtime that was authorized, and waits until blocks are made with it.
    ///
    /// Errors: `invalid_input` when the bytes are no runtime or another one than was authorized, `chain_refused`
    /// when the chain takes none of that name or version.
    pub async fn upgrade(
        &self,
        signer: &Signer,
        code: Vec<u8>,
    ) -> Result<UpgradeView, MarketError> {
        check(&code)?;
        let chain = self.chain().await?;
        let view = chain.at(At::Best).await?;
        authorized(&view, &code).await?;
        let (hash, from) = (view.code_hash(&code), view.runtime_version().await?);
        finish(chain.apply_upgrade(signer, code).await?).await?;
        for _ in 0..LOOKS {
            let to = chain.at(At::Best).await?.runtime_version().await?;
            if to != from {
                return Ok(UpgradeView { code_hash: hex::encode(hash), from, to });
            }
            sleep(LOOK).await;
        }
        Err(MarketError::Internal("the runtime was taken, but no block was made with it".into()))
    }
}

fn input(why: impl Into<String>) -> MarketError {
    MarketError::Input { field: "runtime", why: why.into() }
}

fn check(code: &[u8]) -> Result<(), MarketError> {
    if code.len() > CODE_BYTES_MAX {
        let why = format!("has {} bytes; {CODE_BYTES_MAX} fit into a block", code.len());
        return Err(input(why));
    }
    if !BEGINNINGS.iter().any(|beginning| code.starts_with(beginning)) {
        return Err(input("is no WebAssembly; `cargo xtask wasm --release` builds a runtime"));
    }
    Ok(())
}

async fn authorized(view: &View, code: &[u8]) -> Result<(), MarketError> {
    match view.authorized_upgrade().await? {
        Some(hash) if hash == view.code_hash(code) => Ok(()),
        Some(hash) => Err(input(format!(
            "is another one than was authorized: its hash is {}, the chain waits for {}",
            hex::encode(view.code_hash(code)),
            hex::encode(hash)
        ))),
        None => Err(input(
            "was not authorized, or is there already; `dbc vote propose --upgrade` asks for it",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_is_no_runtime_is_refused() {
        check(b"\0asm\x01").unwrap();
        check(&[82, 188, 83, 118, 70, 219, 142, 5, 0]).unwrap();
        assert!(check(b"#!/bin/sh").is_err());
        assert!(check(b"").is_err());
        assert!(check(&[b"\0asm".as_slice(), &vec![0; 4 << 20]].concat()).is_err());
    }
}
