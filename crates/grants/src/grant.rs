//! Making grants: minting by the access key, handing on by a holder, narrowing by anybody who has
//! one. Judging them is [`crate::check()`]'s.

use std::fmt;

use biscuit_auth::{
    Biscuit, BlockBuilder, UnverifiedBiscuit,
    builder::{Binary, Check, CheckKind, Expression, Fact, Op, Predicate, Rule, Term},
};
use dbc_agent_api::{Verbs, hello::GRANT_BYTES_MAX};

use crate::{AccessKey, BLOCKS_MAX, Claims, GrantError, HolderKey, UNPINNED_SECONDS_MAX, claims};

/// What the access key grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantTerms {
    /// The network's genesis hash.
    pub genesis: [u8; 32],
    /// The machine's key.
    pub machine: [u8; 32],
    /// The lease.
    pub lease: u64,
    /// The lease's grant epoch; raising it on the chain revokes every grant made before.
    pub epoch: u32,
    /// The only key that may use the grant.
    pub holder: [u8; 32],
    /// What it allows; at least one.
    pub verbs: Verbs,
    /// First second of chain time (unix) at which it is void.
    pub until: u64,
    /// Whether it may live longer than 24 hours.
    pub pinned: bool,
}

/// What a holder hands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// The key that may use the new grant.
    pub holder: [u8; 32],
    /// What it allows; some of the verbs of the grant that it is made from.
    pub verbs: Verbs,
    /// First second of chain time (unix) at which it is void; not after that of its origin.
    pub until: u64,
}

/// Conditions to add to a grant without changing its holder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Narrowing {
    /// The verbs left; `None` leaves all.
    pub verbs: Option<Verbs>,
    /// The new end; `None` leaves the old one.
    pub until: Option<u64>,
}

/// A grant as it is stored and sent. Holding one proves nothing: neither has its signature been
/// checked, nor may anybody but its holder use it.
#[derive(Clone)]
pub struct Grant(UnverifiedBiscuit);

impl Grant {
    /// Makes a grant. `now` is chain time in unix seconds.
    ///
    /// # Errors
    /// [`GrantError::TooLong`] beyond 24 hours without `pinned`; [`GrantError::Expired`] when `until`
    /// is not after `now`; [`GrantError::Invalid`] without a verb.
    pub fn mint(access: &AccessKey, terms: &GrantTerms, now: u64) -> Result<Self, GrantError> {
        if terms.until <= now {
            return Err(GrantError::Expired);
        }
        if !terms.pinned && terms.until - now > UNPINNED_SECONDS_MAX {
            return Err(GrantError::TooLong);
        }
        let lease = integer(terms.lease)?;
        let mut facts = vec![
            key_fact("genesis", &terms.genesis),
            key_fact("machine", &terms.machine),
            fact("lease", Term::Integer(lease)),
            fact("epoch", Term::Integer(terms.epoch.into())),
            fact("pinned", Term::Bool(terms.pinned)),
        ];
        facts.extend(holder_facts(&terms.holder, &terms.verbs, terms.until)?);
        let mut builder = Biscuit::builder();
        for fact in facts {
            builder = builder.fact(fact).map_err(|_| GrantError::Invalid("unusable terms"))?;
        }
        let token = builder
            .check(time_check(terms.until)?)
            .and_then(|builder| builder.build(&access.pair()))
            .and_then(|token| token.to_vec())
            .map_err(|_| GrantError::Invalid("the token cannot be built"))?;
        Self::from_bytes(&token)
    }

    /// Hands on a narrower grant to another key. Only the present holder can.
    ///
    /// # Errors
    /// [`GrantError::NotHolder`] when `key` is not the holder's; [`GrantError::Wider`] when the new
    /// grant would allow more; [`GrantError::Invalid`] when the token has too many blocks already.
    pub fn delegate(&self, key: &HolderKey, to: &Delegation) -> Result<Self, GrantError> {
        let claims = self.claims()?;
        if claims.holder != key.public() {
            return Err(GrantError::NotHolder);
        }
        if to.until > claims.until || !to.verbs.0.is_subset(&claims.verbs.0) {
            return Err(GrantError::Wider);
        }
        self.room()?;
        let unusable = |_| GrantError::Invalid("the token cannot be handed on");
        let mut block = BlockBuilder::new();
        for fact in holder_facts(&to.holder, &to.verbs, to.until)? {
            block = block.fact(fact).map_err(unusable)?;
        }
        let block = block
            .check(time_check(to.until)?)
            .and_then(|block| block.check(verb_check(&to.verbs)))
            .map_err(unusable)?;
        let block = self
            .0
            .third_party_request()
            .and_then(|request| request.create_block(&key.pair().private(), block))
            .and_then(|block| block.serialize())
            .map_err(unusable)?;
        let token = self.0.append_third_party(&block).map_err(unusable)?;
        Self(token).bounded()
    }

    /// Adds conditions; the holder stays. Needs no key.
    ///
    /// # Errors
    /// [`GrantError::Invalid`] when the token has too many blocks already, or no verb would be left.
    pub fn narrow(&self, by: &Narrowing) -> Result<Self, GrantError> {
        self.room()?;
        let unusable = |_| GrantError::Invalid("the token cannot be narrowed");
        let mut block = BlockBuilder::new();
        if let Some(verbs) = &by.verbs {
            if verbs.0.is_empty() {
                return Err(GrantError::Invalid("no verb"));
            }
            block = block.check(verb_check(verbs)).map_err(unusable)?;
        }
        if let Some(until) = by.until {
            block = block.check(time_check(until)?).map_err(unusable)?;
        }
        Self(self.0.append(block).map_err(unusable)?).bounded()
    }

    /// The token as text: URL-safe base64, at most [`GRANT_BYTES_MAX`] bytes.
    pub fn encode(&self) -> String {
        // Every way to make a `Grant` went through this once, see `bounded` and `decode`.
        self.0.to_base64().expect("a token that was encoded before can be encoded")
    }

    /// Reads a token. Checks its form and size, not its signatures.
    pub fn decode(text: &str) -> Result<Self, GrantError> {
        if text.len() > GRANT_BYTES_MAX {
            return Err(GrantError::Invalid("longer than 8 KiB"));
        }
        let token = UnverifiedBiscuit::from_base64(text)
            .map_err(|_| GrantError::Invalid("not a grant token"))?;
        Self(token).bounded()
    }

    /// What the token says about itself, for lists and for choosing one; not checked, and blind to
    /// conditions that somebody added with other tools.
    pub fn claims(&self) -> Result<Claims, GrantError> {
        claims::read(&self.0)
    }

    /// One id for each block. Revoking the first revokes the grant and all that were made from it,
    /// revoking a later one that step and all after it.
    pub fn revocation_ids(&self) -> Vec<Vec<u8>> {
        self.0.revocation_identifiers()
    }

    fn from_bytes(token: &[u8]) -> Result<Self, GrantError> {
        UnverifiedBiscuit::from(token)
            .map_err(|_| GrantError::Invalid("not a grant token"))
            .and_then(|token| Self(token).bounded())
    }

    fn room(&self) -> Result<(), GrantError> {
        if self.0.block_count() >= BLOCKS_MAX {
            return Err(GrantError::Invalid("handed on or narrowed too many times"));
        }
        Ok(())
    }

    fn bounded(self) -> Result<Self, GrantError> {
        if self.0.block_count() > BLOCKS_MAX {
            return Err(GrantError::Invalid("handed on or narrowed too many times"));
        }
        let text = self.0.to_base64().map_err(|_| GrantError::Invalid("not a grant token"))?;
        if text.len() > GRANT_BYTES_MAX {
            return Err(GrantError::Invalid("longer than 8 KiB"));
        }
        Ok(self)
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the token, which may end up in a log.
        f.debug_struct("Grant").field("blocks", &self.0.block_count()).finish_non_exhaustive()
    }
}

fn holder_facts(holder: &[u8; 32], verbs: &Verbs, until: u64) -> Result<Vec<Fact>, GrantError> {
    if verbs.0.is_empty() {
        return Err(GrantError::Invalid("no verb"));
    }
    let mut facts = vec![key_fact("holder", holder), fact("until", Term::Integer(integer(until)?))];
    facts.extend(verbs.0.iter().map(|verb| fact("verb", Term::Str(verb.to_string()))));
    Ok(facts)
}

fn fact(name: &str, term: Term) -> Fact {
    Fact::new(name.to_owned(), vec![term])
}

fn key_fact(name: &str, key: &[u8; 32]) -> Fact {
    fact(name, Term::Str(hex::encode(key)))
}

fn integer(value: u64) -> Result<i64, GrantError> {
    i64::try_from(value).map_err(|_| GrantError::Invalid("number out of range"))
}

/// `check if time($t), $t < until`.
fn time_check(until: u64) -> Result<Check, GrantError> {
    integer(until)?;
    Ok(check_if(
        "time",
        vec![Op::Value(variable()), Op::Value(Term::Date(until)), Op::Binary(Binary::LessThan)],
    ))
}

/// `check if operation($v), {verbs}.contains($v)`.
fn verb_check(verbs: &Verbs) -> Check {
    let verbs = verbs.0.iter().map(|verb| Term::Str(verb.to_string())).collect();
    check_if(
        "operation",
        vec![Op::Value(Term::Set(verbs)), Op::Value(variable()), Op::Binary(Binary::Contains)],
    )
}

fn variable() -> Term {
    Term::Variable("x".to_owned())
}

fn check_if(name: &str, ops: Vec<Op>) -> Check {
    let head = Predicate { name: "query".to_owned(), terms: vec![] };
    let body = vec![Predicate { name: name.to_owned(), terms: vec![variable()] }];
    let query = Rule::new(head, body, vec![Expression { ops }], vec![]);
    Check { queries: vec![query], kind: CheckKind::One }
}
