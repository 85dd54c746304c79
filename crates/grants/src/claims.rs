//! What a token says about itself, read without the access key: for the client's lists, and to tell
//! a foreign grant from a broken one. Nothing is decided by it.

use biscuit_auth::{PublicKey, UnverifiedBiscuit};
use dbc_agent_api::{Verb, Verbs};

use crate::GrantError;

/// The unverified words of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The network's genesis hash.
    pub genesis: [u8; 32],
    /// The machine's key.
    pub machine: [u8; 32],
    /// The lease.
    pub lease: u64,
    /// The lease's grant epoch when it was minted.
    pub epoch: u32,
    /// The present holder: that of the last step in which it was handed on.
    pub holder: [u8; 32],
    /// The verbs that every step left.
    pub verbs: Verbs,
    /// The earliest end, unix seconds of chain time.
    pub until: u64,
    /// Whether it may live longer than 24 hours.
    pub pinned: bool,
    /// How often it was handed on.
    pub handed_on: usize,
}

pub(crate) fn read(token: &UnverifiedBiscuit) -> Result<Claims, GrantError> {
    let unreadable = GrantError::Invalid("not a grant token");
    let first = Words::of(token, 0)?;
    let mut claims = Claims {
        genesis: first.key("genesis").ok_or(unreadable.clone())?,
        machine: first.key("machine").ok_or(unreadable.clone())?,
        lease: first.number("lease").ok_or(unreadable.clone())?,
        epoch: first.number("epoch").ok_or(unreadable.clone())?,
        holder: first.key("holder").ok_or(unreadable.clone())?,
        verbs: first.verbs(),
        until: first.number("until").ok_or(unreadable.clone())?,
        pinned: first.text("pinned") == Some("true"),
        handed_on: 0,
    };
    for (index, key) in token.external_public_keys().into_iter().enumerate() {
        let Some(PublicKey::Ed25519(_)) = key else { continue };
        let step = Words::of(token, index)?;
        claims.holder = step.key("holder").ok_or(unreadable.clone())?;
        claims.until = claims.until.min(step.number("until").ok_or(unreadable.clone())?);
        let verbs = step.verbs();
        claims.verbs.0.retain(|verb| verbs.allow(*verb));
        claims.handed_on += 1;
    }
    Ok(claims)
}

/// The printed facts of one block, `name(value);` a line.
struct Words(String);

impl Words {
    fn of(token: &UnverifiedBiscuit, block: usize) -> Result<Self, GrantError> {
        token
            .print_block_source(block)
            .map(Self)
            .map_err(|_| GrantError::Invalid("not a grant token"))
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.0.lines().filter_map(move |line| {
            let value = line.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(");")?;
            Some(value.trim_matches('"'))
        })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| {
            let value = line.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(");")?;
            Some(value.trim_matches('"'))
        })
    }

    fn key(&self, name: &str) -> Option<[u8; 32]> {
        let mut key = [0; 32];
        hex::decode_to_slice(self.text(name)?, &mut key).ok()?;
        Some(key)
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.text(name)?.parse().ok()
    }

    fn verbs(&self) -> Verbs {
        self.all("verb").filter_map(|word| word.parse::<Verb>().ok()).collect()
    }
}
