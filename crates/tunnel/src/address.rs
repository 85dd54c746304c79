//! Where a machine is: what the chain says of it (its key and its home relays), kept in a book that
//! the endpoint looks into. Current socket addresses are hints and may be missing or wrong.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, RwLock},
};

use futures::{StreamExt, stream, stream::BoxStream};
use iroh::{
    EndpointAddr, EndpointId, RelayUrl, TransportAddr,
    address_lookup::{AddressLookup, Error, Item},
    endpoint_info::{EndpointData, EndpointInfo},
};

/// Most relays of one machine that are tried.
const RELAYS_MAX: usize = 4;
/// Most socket addresses of one machine that are tried.
const DIRECT_MAX: usize = 16;
/// Most machines in a book; the oldest knowledge is not kept beyond it.
const MACHINES_MAX: usize = 100_000;

/// A machine to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its network key (the endpoint id in its facts on the chain).
    pub endpoint: [u8; 32],
    /// Its home relays; at most 4 are tried.
    pub relays: Vec<RelayUrl>,
    /// Socket addresses where it may be, tried beside the relays; at most 16 are.
    pub direct: Vec<SocketAddr>,
}

impl Target {
    /// A machine of which only the key is known; the [`AddressBook`] must know the rest.
    pub fn new(endpoint: [u8; 32]) -> Self {
        Self { endpoint, relays: Vec::new(), direct: Vec::new() }
    }

    pub(crate) fn address(&self) -> Option<EndpointAddr> {
        let id = EndpointId::from_bytes(&self.endpoint).ok()?;
        Some(EndpointAddr::from_parts(id, transports(&self.relays, &self.direct)))
    }
}

fn transports(relays: &[RelayUrl], direct: &[SocketAddr]) -> impl Iterator<Item = TransportAddr> {
    let relays = relays.iter().take(RELAYS_MAX).cloned().map(TransportAddr::Relay);
    relays.chain(direct.iter().take(DIRECT_MAX).copied().map(TransportAddr::Ip))
}

/// What is known of machines' addresses, shared by all its clones. Fed from the chain by its owner;
/// asked by the endpoint when a [`Target`] names no address.
#[derive(Debug, Clone, Default)]
pub struct AddressBook(Arc<RwLock<HashMap<[u8; 32], EndpointData>>>);

impl AddressBook {
    /// Stores what is known of a machine, replacing what was. Ignored when the book is full
    /// (100,000 machines) and does not know the machine.
    pub fn set(&self, target: &Target) {
        let mut book = self.write();
        if book.len() < MACHINES_MAX || book.contains_key(&target.endpoint) {
            let data = EndpointData::new(transports(&target.relays, &target.direct).collect());
            book.insert(target.endpoint, data);
        }
    }

    /// Forgets a machine.
    pub fn remove(&self, endpoint: &[u8; 32]) {
        self.write().remove(endpoint);
    }

    /// The relays of a machine, as known.
    pub fn relays(&self, endpoint: &[u8; 32]) -> Vec<RelayUrl> {
        self.read(endpoint).map(|data| data.relay_urls().cloned().collect()).unwrap_or_default()
    }

    fn read(&self, endpoint: &[u8; 32]) -> Option<EndpointData> {
        // A panic while the lock was held cannot leave the map half-written.
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(endpoint).cloned()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<[u8; 32], EndpointData>> {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl AddressLookup for AddressBook {
    fn resolve(&self, endpoint: EndpointId) -> Option<BoxStream<'static, Result<Item, Error>>> {
        let data = self.read(endpoint.as_bytes())?;
        let item = Item::new(EndpointInfo::from_parts(endpoint, data), "chain", None);
        Some(stream::iter([Ok(item)]).boxed())
    }
}
