//! The one place of the agent where a request is allowed or refused: lease, grant, holder's key and
//! verb, in that order. What a grant is worth is judged by `dbc_grants::check`; here is what the
//! agent knows about the lease. A stream that outlives its grant is cut off from here, too.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use dbc_agent_api::{ApiError, ErrorCode, Verb, Verbs, hello::Hello};
use dbc_grants::CheckContext;
use dbc_host::WorkloadKey;
use tokio::{sync::watch, time::sleep};
use tracing::warn;

use crate::{
    chain::LeaseRecord,
    ledger::Ledger,
    store::{Store, StoreError},
};

/// Revocation ids of one lease; a renter who needs more raises the grant epoch on the chain.
const REVOCATIONS_MAX: usize = 4096;
/// Ids in one request, and bytes of one.
const REQUEST_IDS_MAX: usize = 64;
const ID_BYTES_MAX: usize = 64;
/// A stream's grant is checked again this often, and whenever something was revoked.
const RECHECK: Duration = Duration::from_secs(15);

/// What the gate needs to know of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// Genesis hash of the network.
    pub genesis: [u8; 32],
    /// The machine's key.
    pub machine: [u8; 32],
}

/// Judges requests. Shared by all streams.
pub struct Gate {
    identity: Identity,
    ledger: Arc<Ledger>,
    store: Store,
    revoked: RwLock<HashMap<u64, HashSet<Vec<u8>>>>,
    /// Counts revocations, so that open streams look again at once.
    changes: watch::Sender<u64>,
}

/// A stream that was let in. Dropping it changes nothing.
pub struct Pass {
    gate: Arc<Gate>,
    peer: [u8; 32],
    grant: String,
    key: WorkloadKey,
    verbs: Verbs,
}

impl Gate {
    /// Reads the revocations that were stored.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open(
        identity: Identity,
        ledger: Arc<Ledger>,
        store: Store,
    ) -> Result<Arc<Self>, StoreError> {
        let mut revoked: HashMap<u64, HashSet<Vec<u8>>> = HashMap::new();
        for (lease, id) in store.revocations().await? {
            revoked.entry(lease).or_default().insert(id);
        }
        let changes = watch::channel(0).0;
        Ok(Arc::new(Self { identity, ledger, store, revoked: RwLock::new(revoked), changes }))
    }

    /// Lets a stream in if its grant allows any verb at all here, now, on this connection.
    ///
    /// # Errors
    /// Why not, in the words of the code table.
    pub async fn admit(self: &Arc<Self>, peer: [u8; 32], hello: &Hello) -> Result<Pass, ApiError> {
        let lease = match self.ledger.find(hello.lease).await {
            Ok(Some(lease)) => lease,
            Ok(None) => return Err(not_found(hello.lease)),
            Err(error) => {
                let message = format!("the machine cannot ask the chain for this lease: {error}");
                return Err(ApiError::new(ErrorCode::ChainUnreachable, message));
            }
        };
        // One moment for all verbs: a grant that ends meanwhile has not the wrong verbs.
        let now = self.now()?;
        let mut verbs = Verbs::default();
        let mut first_refusal = None;
        for verb in Verb::ALL {
            match self.check(peer, &hello.grant, &lease, verb, now) {
                Ok(()) => drop(verbs.0.insert(verb)),
                Err(error) => drop(first_refusal.get_or_insert(error)),
            }
        }
        match first_refusal {
            Some(refusal) if verbs.0.is_empty() => Err(refusal),
            _ => Ok(Pass {
                gate: self.clone(),
                peer,
                grant: hello.grant.clone(),
                key: WorkloadKey::new(hello.lease, hello.workload),
                verbs,
            }),
        }
    }

    /// Chain time in seconds since 1970.
    fn now(&self) -> Result<u64, ApiError> {
        match self.ledger.clock().now().unix_s {
            0 => {
                let message = "the machine has not heard from the chain yet";
                Err(ApiError::new(ErrorCode::ChainUnreachable, message))
            }
            now => Ok(now),
        }
    }

    /// The check itself.
    fn check(
        &self,
        peer: [u8; 32],
        grant: &str,
        lease: &LeaseRecord,
        verb: Verb,
        now: u64,
    ) -> Result<(), ApiError> {
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        let of_lease = revoked.get(&lease.id);
        let context = CheckContext {
            access_key: lease.access_key,
            genesis: self.identity.genesis,
            machine: self.identity.machine,
            lease: lease.id,
            epoch: lease.grant_epoch,
            connection_key: peer,
            verb,
            now,
            revoked: &|id| of_lease.is_some_and(|ids| ids.contains(id)),
        };
        dbc_grants::check(grant, &context).map(drop).map_err(Into::into)
    }

    /// Revokes grants of a lease by the ids of their blocks; kept over restarts.
    ///
    /// # Errors
    /// `invalid_input` for malformed or too many ids.
    async fn revoke(&self, lease: u64, ids: &[String]) -> Result<(), ApiError> {
        let bad = |why: &str| ApiError::new(ErrorCode::InvalidInput, format!("ids: {why}"));
        if ids.len() > REQUEST_IDS_MAX {
            return Err(bad("more than 64 in one request"));
        }
        let decode = |id: &String| hex::decode(id).ok().filter(|id| fits(id));
        let decoded: Option<Vec<Vec<u8>>> = ids.iter().map(decode).collect();
        let decoded = decoded.ok_or_else(|| bad("not 2 to 128 hexadecimal characters each"))?;
        match self.store.revoke(lease, decoded.clone(), REVOCATIONS_MAX).await {
            Ok(true) => {}
            Ok(false) => {
                return Err(bad(
                    "the lease has 4,096 already; `dbc grant revoke LEASE --all` raises its epoch",
                ));
            }
            Err(error) => {
                warn!(error = dbc_service::error_chain(&error), "revocation not stored");
                let message = "the machine cannot store the revocation now";
                return Err(ApiError::new(ErrorCode::HostUnavailable, message));
            }
        }
        let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        revoked.entry(lease).or_default().extend(decoded);
        drop(revoked);
        self.changes.send_modify(|count| *count += 1);
        Ok(())
    }
}

impl Pass {
    /// The workload that the stream is about.
    pub fn key(&self) -> WorkloadKey {
        self.key
    }

    /// What it may do, as of when it was let in.
    pub fn verbs(&self) -> &Verbs {
        &self.verbs
    }

    /// Whether it may do this now.
    ///
    /// # Errors
    /// Why not.
    pub fn allow(&self, verb: Verb) -> Result<(), ApiError> {
        let lease = self.gate.ledger.now(self.key.lease);
        let lease = lease.newest().ok_or_else(|| not_found(self.key.lease))?;
        self.gate.check(self.peer, &self.grant, lease, verb, self.gate.now()?)
    }

    /// Revokes grants of the lease.
    ///
    /// # Errors
    /// See [`Verb::Manage`] and the bounds of a request.
    pub async fn revoke(&self, ids: &[String]) -> Result<(), ApiError> {
        self.allow(Verb::Manage)?;
        self.gate.revoke(self.key.lease, ids).await
    }

    /// Resolves when none of these verbs is allowed any more, with the reason: the grant ended or
    /// was revoked, or the lease's access changed.
    pub async fn ended(&self, verbs: &[Verb]) -> ApiError {
        let mut changes = self.gate.changes.subscribe();
        let mut lease = self.gate.ledger.lease(self.key.lease);
        loop {
            let mut refusal = None;
            if !verbs.iter().any(|verb| self.allow(*verb).map_err(|e| refusal = Some(e)).is_ok()) {
                if let Some(refusal) = refusal {
                    return refusal;
                }
            }
            tokio::select! {
                Ok(()) = changes.changed() => {}
                changed = lease.changed() => {
                    if changed.is_err() {
                        return not_found(self.key.lease);
                    }
                }
                () = sleep(RECHECK) => {}
            }
        }
    }
}

fn fits(id: &[u8]) -> bool {
    (1..=ID_BYTES_MAX).contains(&id.len())
}

fn not_found(lease: u64) -> ApiError {
    ApiError::new(ErrorCode::LeaseNotFound, format!("there is no lease {lease} of this machine"))
}
