//! Access to leases: agents, and grants made from a lease's access key, handed on, listed, revoked.

use std::net::SocketAddr;

use dbc_grants::{Delegation, Grant, GrantError, GrantTerms};
use dbc_tunnel::{RelayUrl, Target};

use crate::{
    Agent, Market, MarketError,
    agent::{Access, grant_error},
    grant::{GrantOrder, GrantView},
    home::Card,
    id::{Genesis, HolderId, MachineId},
};

/// Longest label of a grant, in characters.
const LABEL_CHARS_MAX: usize = 64;
/// Grants of one lease that are kept; the oldest give way.
const GRANTS_MAX: usize = 500;
/// Digits of a grant's id.
const ID_DIGITS: usize = 12;

impl Market {
    /// What runs inside a lease, by this device's access key or by a grant that was imported here.
    /// Nothing is connected until the first call of [`Agent`].
    ///
    /// Errors: `lease_not_found`, `lease_closed`, `grant_invalid` when this device has no access.
    pub async fn agent(&self, lease: u64) -> Result<Agent, MarketError> {
        let genesis = self.genesis_for(lease).await?;
        let card = self.card(genesis, lease).await?;
        if let Some(key) = self.home().lease_key(&genesis, lease)? {
            let access = Access::by_key(key, genesis, card.machine, lease, card.grant_epoch);
            return Ok(self.agent_at(&card, access));
        }
        let now = self.now();
        let grant = self
            .home()
            .grants(&genesis, lease)?
            .into_iter()
            .filter(|grant| !grant.own && !grant.revoked && grant.until > now)
            .max_by_key(|grant| (grant.verbs.0.len(), grant.until))
            .ok_or(MarketError::NoAccess { lease })?;
        let access = self.token_access(&grant.token)?;
        Ok(self.agent_at(&card, access))
    }

    /// The same under this grant, which must name this device's holder key.
    pub async fn agent_with_grant(&self, token: &str) -> Result<Agent, MarketError> {
        let claims = Grant::decode(token).and_then(|grant| grant.claims()).map_err(grant_error)?;
        let genesis = self.genesis_for(claims.lease).await?;
        if genesis.0 != claims.genesis {
            return Err(grant_error(GrantError::Foreign("network")));
        }
        let card = self.card(genesis, claims.lease).await?;
        if card.machine.0 != claims.machine {
            return Err(grant_error(GrantError::Foreign("machine")));
        }
        let access = self.token_access(token)?;
        Ok(self.agent_at(&card, access))
    }

    /// Makes a grant for another device. Needs the lease's access key on this device.
    pub async fn grant_create(
        &self,
        lease: u64,
        order: &GrantOrder,
    ) -> Result<GrantView, MarketError> {
        check_order(order)?;
        let genesis = self.genesis_for(lease).await?;
        let card = self.card(genesis, lease).await?;
        let key = self.home().lease_key(&genesis, lease)?;
        let key = key.ok_or(MarketError::NoAccess { lease })?;
        let now = self.now();
        let terms = GrantTerms {
            genesis: genesis.0,
            machine: card.machine.0,
            lease,
            epoch: card.grant_epoch,
            holder: order.holder.0,
            verbs: order.verbs.clone(),
            until: now.saturating_add(order.for_s),
            pinned: order.pinned,
        };
        let grant = Grant::mint(&key, &terms, now).map_err(grant_error)?;
        self.keep_grant(&grant, order.label.clone(), true)
    }

    /// Hands a narrower grant on: `token` must name this device as its holder.
    pub async fn grant_delegate(
        &self,
        token: &str,
        order: &GrantOrder,
    ) -> Result<GrantView, MarketError> {
        check_order(order)?;
        let grant = Grant::decode(token).map_err(grant_error)?;
        let to = Delegation {
            holder: order.holder.0,
            verbs: order.verbs.clone(),
            until: self.now().saturating_add(order.for_s),
        };
        let holder = self.home().holder_key()?;
        let narrower = grant.delegate(&holder, &to).map_err(grant_error)?;
        self.keep_grant(&narrower, order.label.clone(), true)
    }

    /// Keeps a grant that was made for this device, so that [`Market::agent`] finds it.
    pub async fn grant_import(&self, token: &str) -> Result<GrantView, MarketError> {
        let grant = Grant::decode(token).map_err(grant_error)?;
        let claims = grant.claims().map_err(grant_error)?;
        if claims.holder != self.holder()?.0 {
            return Err(grant_error(GrantError::NotHolder));
        }
        let genesis = self.genesis_for(claims.lease).await?;
        if claims.genesis != genesis.0 {
            return Err(grant_error(GrantError::Foreign("network")));
        }
        if claims.until <= self.now() {
            return Err(grant_error(GrantError::Expired));
        }
        self.keep_grant(&grant, String::new(), false)
    }

    /// The grants that this device made or was given, of one lease or of all; newest last.
    pub fn grant_list(&self, lease: Option<u64>) -> Result<Vec<GrantView>, MarketError> {
        let mut grants = self.home().all_grants()?;
        grants.retain(|grant| {
            lease.is_none_or(|lease| grant.lease == lease)
                && self.inner.config.genesis.is_none_or(|genesis| grant.genesis == genesis)
        });
        Ok(grants)
    }

    /// Revokes one grant, and all that were made from it, with the agent. Where the agent cannot be
    /// reached, [`Market::revoke_all`] does it on the chain for all grants at once.
    pub async fn grant_revoke(&self, lease: u64, id: &str) -> Result<GrantView, MarketError> {
        let genesis = self.genesis_for(lease).await?;
        let mut grants = self.home().grants(&genesis, lease)?;
        let mut fits = grants
            .iter()
            .enumerate()
            .filter(|(_, grant)| !id.is_empty() && grant.id.starts_with(id));
        let (Some((at, _)), None) = (fits.next(), fits.next()) else {
            return Err(MarketError::Input {
                field: "grant",
                why: format!("{id:?} names no grant of lease {lease}, or more than one"),
            });
        };
        let own = grants[at].revocation_ids.last().cloned();
        let own = own.ok_or_else(|| MarketError::Internal("a grant without an id".into()))?;
        self.agent(lease).await?.revoke(vec![own]).await?;
        grants[at].revoked = true;
        self.home().put_grants(&genesis, lease, &grants)?;
        Ok(grants.swap_remove(at))
    }

    /// What reaches the machine of a lease: from the chain, or from the card that was kept when the
    /// chain was last asked.
    pub(crate) async fn card(&self, genesis: Genesis, lease: u64) -> Result<Card, MarketError> {
        let fresh = async {
            let found = self.lease(lease).await?;
            if found.is_closed() && found.retain_until.is_none() {
                return Err(MarketError::LeaseClosed { lease });
            }
            let machine = self.machine(found.machine).await?;
            Ok(Card {
                genesis,
                lease,
                machine: machine.id,
                endpoint: machine.network.endpoint,
                relays: machine.network.relays,
                grant_epoch: found.grant_epoch,
            })
        };
        match fresh.await {
            Ok(card) => {
                self.home().put_card(&card)?;
                Ok(card)
            }
            Err(error) if error.is_retryable() => self.home().card(&genesis, lease)?.ok_or(error),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn agent_at(&self, card: &Card, access: Access) -> Agent {
        let target = self.target(card);
        Agent::new(self.clone(), card.genesis, card.machine, card.lease, target, access)
    }

    fn target(&self, card: &Card) -> Target {
        let known = &self.inner.config.addresses;
        let direct: Vec<SocketAddr> = known
            .iter()
            .filter(|(machine, _)| *machine == card.machine)
            .map(|(_, address)| *address)
            .collect();
        // The machine's own relays come from the chain; one that is no address is left out.
        let relays: Vec<RelayUrl> =
            card.relays.iter().filter_map(|relay| relay.parse().ok()).collect();
        Target { endpoint: card.endpoint.0, relays, direct }
    }

    fn token_access(&self, token: &str) -> Result<Access, MarketError> {
        let grant = Grant::decode(token).map_err(grant_error)?;
        Ok(Access::Token { grant, holder: self.home().holder_key()? })
    }

    fn keep_grant(
        &self,
        grant: &Grant,
        label: String,
        own: bool,
    ) -> Result<GrantView, MarketError> {
        let view = view(grant, label, own)?;
        let mut grants = self.home().grants(&view.genesis, view.lease)?;
        grants.retain(|kept| kept.revocation_ids != view.revocation_ids);
        grants.push(view.clone());
        let surplus = grants.len().saturating_sub(GRANTS_MAX);
        grants.drain(..surplus);
        self.home().put_grants(&view.genesis, view.lease, &grants)?;
        Ok(view)
    }
}

fn view(grant: &Grant, label: String, own: bool) -> Result<GrantView, MarketError> {
    let claims = grant.claims().map_err(grant_error)?;
    let revocation_ids: Vec<_> = grant.revocation_ids().into_iter().map(hex::encode).collect();
    let id = revocation_ids.last().map(|id| id.chars().take(ID_DIGITS).collect());
    Ok(GrantView {
        id: id.unwrap_or_default(),
        genesis: Genesis(claims.genesis),
        machine: MachineId(claims.machine),
        lease: claims.lease,
        holder: HolderId(claims.holder),
        verbs: claims.verbs,
        until: claims.until,
        pinned: claims.pinned,
        label,
        revoked: false,
        own,
        revocation_ids,
        token: grant.encode(),
    })
}

fn check_order(order: &GrantOrder) -> Result<(), MarketError> {
    if order.verbs.0.is_empty() {
        return Err(MarketError::Input { field: "verbs", why: "must name at least one".into() });
    }
    if order.label.chars().count() > LABEL_CHARS_MAX {
        let why = format!("must have at most {LABEL_CHARS_MAX} characters");
        return Err(MarketError::Input { field: "label", why });
    }
    Ok(())
}
