//! The one place where a grant is judged.
//!
//! Trust in short: what the authority block says is the access key's word. A later block counts as
//! handing the grant on only if its own signature is that of the holder at that point; it names the
//! next holder, once. Every other block can do nothing but add conditions. Facts are read block by
//! block with the library's scopes, so that no block can speak for another.

use std::time::Duration;

use biscuit_auth::{
    Algorithm, Authorizer, AuthorizerBuilder, AuthorizerLimits, Biscuit, PublicKey,
    UnverifiedBiscuit,
    builder::{Fact, Policy, PolicyKind, Predicate, Rule, Scope, Term},
    error,
};
use dbc_agent_api::{Verb, Verbs, hello::GRANT_BYTES_MAX};

use crate::{BLOCKS_MAX, CLOCK_SKEW_SECONDS, GrantError, UNPINNED_SECONDS_MAX, claims, shape};

/// What a token is held against. All of it is the agent's own knowledge, none is the client's word.
pub struct CheckContext<'a> {
    /// The lease's access key, from the chain.
    pub access_key: [u8; 32],
    /// The network's genesis hash.
    pub genesis: [u8; 32],
    /// This machine's key.
    pub machine: [u8; 32],
    /// The lease that the client asks for.
    pub lease: u64,
    /// The lease's present grant epoch, from the chain.
    pub epoch: u32,
    /// The key that the connection is authenticated by.
    pub connection_key: [u8; 32],
    /// What the client wants to do.
    pub verb: Verb,
    /// Chain time, unix seconds.
    pub now: u64,
    /// Whether a revocation id was revoked.
    pub revoked: &'a dyn Fn(&[u8]) -> bool,
}

/// What an honoured grant allows. A connection that outlives `until`, or one of whose ids is revoked
/// later, must be checked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The holder; equals the connection's key.
    pub holder: [u8; 32],
    /// The verbs left after every step; conditions added without a holder's key are not reckoned in.
    pub verbs: Verbs,
    /// First second of chain time at which it is void; the same caveat.
    pub until: u64,
    /// How often it was handed on; 0 for a grant straight from the access key.
    pub handed_on: usize,
    /// Its revocation ids, the authority's first.
    pub revocation_ids: Vec<Vec<u8>>,
}

/// Says whether the grant allows this verb on this lease, now, on this connection.
///
/// Bounded in size, blocks and work; never panics on what a client sends. Takes one signature check
/// per block, well below a millisecond for a usual grant.
pub fn check(token: &str, context: &CheckContext<'_>) -> Result<Allowed, GrantError> {
    let token = verify(token, context)?;
    // The library's own limit is a millisecond over all reads: a loaded machine would refuse good
    // grants.
    let bare = AuthorizerBuilder::new()
        .set_limits(limits())
        .build(&token)
        .map_err(|_| GrantError::Invalid("it cannot be read"))?;
    let facts = shape::require(&bare)?;
    let mut reader = Reader { authorizer: bare, seen: 0 };

    require_here(&mut reader, context)?;
    let ids = token.revocation_identifiers();
    if ids.iter().any(|id| (context.revoked)(id)) {
        return Err(GrantError::Revoked);
    }
    let (step, handed_on) = last_step(&token, &mut reader)?;
    if reader.seen != facts {
        return Err(GrantError::Invalid("a block claims what its signature does not cover"));
    }
    if step.holder != context.connection_key {
        return Err(GrantError::NotHolder);
    }
    if context.now >= step.until {
        return Err(GrantError::Expired);
    }
    if !step.verbs.allow(context.verb) {
        return Err(GrantError::Verb(context.verb));
    }
    require_conditions(&token, context)?;
    Ok(Allowed {
        holder: step.holder,
        verbs: step.verbs,
        until: step.until,
        handed_on,
        revocation_ids: ids,
    })
}

/// Reads the token and checks all its signatures.
fn verify(text: &str, context: &CheckContext<'_>) -> Result<Biscuit, GrantError> {
    if text.len() > GRANT_BYTES_MAX {
        return Err(GrantError::Invalid("longer than 8 KiB"));
    }
    let unverified = UnverifiedBiscuit::from_base64(text)
        .map_err(|_| GrantError::Invalid("not a grant token"))?;
    // Before the signatures, which cost time for each block.
    if unverified.block_count() > BLOCKS_MAX {
        return Err(GrantError::Invalid("handed on or narrowed too many times"));
    }
    let root = PublicKey::from_bytes(&context.access_key, Algorithm::Ed25519)
        .map_err(|_| GrantError::Invalid("the lease's access key is no key"))?;
    Biscuit::from_base64(text, root).map_err(|_| {
        // Each lease has a key of its own, so a grant for another lease fails here. Saying so is
        // worth more to its owner than "bad signature", and it is refused either way.
        match claims::read(&unverified) {
            Ok(claims) if claims.genesis != context.genesis => GrantError::Foreign("network"),
            Ok(claims) if claims.machine != context.machine => GrantError::Foreign("machine"),
            Ok(claims) if claims.lease != context.lease => GrantError::Foreign("lease"),
            _ => GrantError::Invalid("not signed by the lease's access key"),
        }
    })
}

fn require_here(reader: &mut Reader, context: &CheckContext<'_>) -> Result<(), GrantError> {
    if reader.key("genesis", None)? != context.genesis {
        return Err(GrantError::Foreign("network"));
    }
    if reader.key("machine", None)? != context.machine {
        return Err(GrantError::Foreign("machine"));
    }
    if reader.number("lease", None)? != context.lease {
        return Err(GrantError::Foreign("lease"));
    }
    // A raised epoch is the owner's way to revoke everything at once; a later one is nobody's.
    if reader.number("epoch", None)? != u64::from(context.epoch) {
        return Err(GrantError::Revoked);
    }
    let until = reader.number("until", None)?;
    let latest = context.now.saturating_add(UNPINNED_SECONDS_MAX + CLOCK_SKEW_SECONDS);
    // Facts read twice are counted twice, so `until` is counted with the steps.
    reader.seen -= 1;
    if !reader.flag("pinned")? && until > latest {
        return Err(GrantError::TooLong);
    }
    Ok(())
}

/// One holder's share: what is left after it.
struct Step {
    holder: [u8; 32],
    verbs: Verbs,
    until: u64,
}

/// Follows the grant from the access key's holder to the present one.
fn last_step(token: &Biscuit, reader: &mut Reader) -> Result<(Step, usize), GrantError> {
    let mut step = reader.step(None)?;
    let mut signers = Vec::new();
    for key in token.external_public_keys().into_iter().flatten() {
        if !matches!(key, PublicKey::Ed25519(_)) || key.to_bytes() != step.holder {
            return Err(GrantError::Invalid("handed on by a key that did not hold it"));
        }
        // The library trusts blocks by their signer. One block per signer keeps that exact.
        if signers.contains(&key) {
            return Err(GrantError::Invalid("handed on twice by the same key"));
        }
        signers.push(key);
        let next = reader.step(Some(key))?;
        step = Step {
            holder: next.holder,
            verbs: step.verbs.0.intersection(&next.verbs.0).copied().collect(),
            until: step.until.min(next.until),
        };
    }
    Ok((step, signers.len()))
}

/// Generous in time: a loaded machine must not refuse good grants. What bounds the work is `shape`.
fn limits() -> AuthorizerLimits {
    AuthorizerLimits { max_facts: 256, max_iterations: 4, max_time: Duration::from_millis(500) }
}

/// Runs the conditions of all blocks.
fn require_conditions(token: &Biscuit, context: &CheckContext<'_>) -> Result<(), GrantError> {
    let broken = |_| GrantError::Invalid("its conditions cannot be evaluated");
    let always = Rule::new(predicate("query", vec![]), vec![], vec![], vec![]);
    let outcome = AuthorizerBuilder::new()
        .fact(Fact::new("time".to_owned(), vec![Term::Date(context.now)]))
        .and_then(|builder| {
            let verb = Term::Str(context.verb.to_string());
            builder.fact(Fact::new("operation".to_owned(), vec![verb]))
        })
        .and_then(|builder| {
            builder.policy(Policy { queries: vec![always], kind: PolicyKind::Allow })
        })
        .and_then(|builder| builder.set_limits(limits()).build(token))
        .map_err(broken)?
        .authorize();
    match outcome {
        Ok(_) => Ok(()),
        Err(error::Token::FailedLogic(error::Logic::Unauthorized { checks, .. })) => {
            let about_time = |check: &error::FailedCheck| match check {
                error::FailedCheck::Block(check) => check.rule.contains("time("),
                error::FailedCheck::Authorizer(_) => false,
            };
            Err(if checks.iter().all(about_time) {
                GrantError::Expired
            } else {
                GrantError::Narrowed
            })
        }
        Err(error) => Err(broken(error)),
    }
}

fn predicate(name: &str, terms: Vec<Term>) -> Predicate {
    Predicate { name: name.to_owned(), terms }
}

/// Reads facts of one block at a time: the authority's, or that of a signer.
struct Reader {
    authorizer: Authorizer,
    /// How many facts were read; the token must not hold others.
    seen: usize,
}

impl Reader {
    fn step(&mut self, signer: Option<PublicKey>) -> Result<Step, GrantError> {
        let mut verbs = Verbs::default();
        for word in self.all::<String>("verb", signer)? {
            let verb = word.parse().map_err(|_| GrantError::Invalid("it names an unknown verb"))?;
            verbs.0.insert(verb);
        }
        let holder = self.key("holder", signer)?;
        Ok(Step { holder, verbs, until: self.number("until", signer)? })
    }

    fn key(&mut self, name: &str, signer: Option<PublicKey>) -> Result<[u8; 32], GrantError> {
        let mut key = [0; 32];
        hex::decode_to_slice(self.one::<String>(name, signer)?, &mut key)
            .map_err(|_| GrantError::Invalid("a key in it is malformed"))?;
        Ok(key)
    }

    fn number(&mut self, name: &str, signer: Option<PublicKey>) -> Result<u64, GrantError> {
        u64::try_from(self.one::<i64>(name, signer)?)
            .map_err(|_| GrantError::Invalid("a number in it is negative"))
    }

    fn flag(&mut self, name: &str) -> Result<bool, GrantError> {
        self.one(name, None)
    }

    fn one<T>(&mut self, name: &str, signer: Option<PublicKey>) -> Result<T, GrantError>
    where
        T: TryFrom<Term, Error = error::Token>,
    {
        let mut values = self.all(name, signer)?;
        match (values.pop(), values.is_empty()) {
            (Some(value), true) => Ok(value),
            _ => Err(GrantError::Invalid("it lacks a fact or says it twice")),
        }
    }

    fn all<T>(&mut self, name: &str, signer: Option<PublicKey>) -> Result<Vec<T>, GrantError>
    where
        T: TryFrom<Term, Error = error::Token>,
    {
        let variable = || vec![Term::Variable("x".to_owned())];
        // Without a scope a query sees the authority block alone, with one that signer's alone.
        let scopes = signer.map(Scope::PublicKey).into_iter().collect();
        let query = Rule::new(
            predicate(name, variable()),
            vec![predicate(name, variable())],
            vec![],
            scopes,
        );
        let values: Vec<(T,)> = self
            .authorizer
            .query(query)
            .map_err(|_| GrantError::Invalid("a fact in it is malformed"))?;
        self.seen += values.len();
        Ok(values.into_iter().map(|(value,)| value).collect())
    }
}
