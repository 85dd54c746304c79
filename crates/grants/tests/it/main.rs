//! Grants from outside: what is honoured and what is refused (mechanisms.md rule 20).

mod attacks;
mod garbage;
mod keys;
mod life;

use dbc_agent_api::{Verb, Verbs};
use dbc_grants::{
    AccessKey, Allowed, CheckContext, Grant, GrantError, GrantTerms, HolderKey, check,
};

const NOW: u64 = 1_800_000_000;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// A lease with its access key, and the first holder.
struct Lease {
    access: AccessKey,
    alice: HolderKey,
    terms: GrantTerms,
}

impl Lease {
    fn new() -> Self {
        let alice = HolderKey::generate();
        let terms = GrantTerms {
            genesis: [1; 32],
            machine: [2; 32],
            lease: 7,
            epoch: 3,
            holder: alice.public(),
            verbs: [Verb::View, Verb::Shell, Verb::Logs].into_iter().collect(),
            until: NOW + HOUR,
            pinned: false,
        };
        Self { access: AccessKey::generate(), alice, terms }
    }

    fn grant(&self) -> Grant {
        Grant::mint(&self.access, &self.terms, NOW).unwrap()
    }

    fn context(&self, connection: &HolderKey, verb: Verb) -> CheckContext<'static> {
        CheckContext {
            access_key: self.access.public(),
            genesis: self.terms.genesis,
            machine: self.terms.machine,
            lease: self.terms.lease,
            epoch: self.terms.epoch,
            connection_key: connection.public(),
            verb,
            now: NOW,
            revoked: &|_| false,
        }
    }

    fn check(&self, grant: &Grant, by: &HolderKey, verb: Verb) -> Result<Allowed, GrantError> {
        check(&grant.encode(), &self.context(by, verb))
    }
}

fn verbs(verbs: impl IntoIterator<Item = Verb>) -> Verbs {
    verbs.into_iter().collect()
}
