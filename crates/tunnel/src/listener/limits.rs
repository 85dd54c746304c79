//! Counts connections and streams, in all and for each peer, so that no peer, and not all of them
//! together, can take more than the machine has for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections of one key at once.
    pub connections_per_peer: usize,
    /// Streams at once.
    pub streams: usize,
    /// Streams of one key at once.
    pub streams_per_peer: usize,
    /// How long a handshake may take, and after it the first frame of each stream.
    pub hello_time: Duration,
    /// After how long a connection without a stream is closed; clients connect again by themselves.
    pub idle_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            connections_per_peer: 16,
            streams: 2048,
            streams_per_peer: 128,
            hello_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
        }
    }
}

/// What a listener carries now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Connections.
    pub connections: usize,
    /// Streams.
    pub streams: usize,
}

#[derive(Debug)]
pub(super) struct Gate {
    pub(super) limits: Limits,
    connections: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    peers: Mutex<HashMap<[u8; 32], Weak<Peer>>>,
}

#[derive(Debug)]
struct Peer {
    connections: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            connections: Arc::new(Semaphore::new(limits.connections)),
            streams: Arc::new(Semaphore::new(limits.streams)),
            peers: Mutex::default(),
        }
    }

    pub(super) fn load(&self) -> Load {
        Load {
            connections: self.limits.connections - self.connections.available_permits(),
            streams: self.limits.streams - self.streams.available_permits(),
        }
    }

    pub(super) fn connection(self: &Arc<Self>) -> Option<ConnectionPermit> {
        let total = self.connections.clone().try_acquire_owned().ok()?;
        let gate = self.clone();
        Some(ConnectionPermit { gate, _total: total, of_peer: None, alive: Arc::new(()) })
    }

    fn peer(&self, key: [u8; 32]) -> Arc<Peer> {
        // A panic while the lock was held cannot leave the map half-written.
        let mut peers = self.peers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(peer) = peers.get(&key).and_then(Weak::upgrade) {
            return peer;
        }
        // There are never more living peers than connections and streams.
        peers.retain(|_, peer| peer.strong_count() > 0);
        let peer = Arc::new(Peer {
            connections: Arc::new(Semaphore::new(self.limits.connections_per_peer)),
            streams: Arc::new(Semaphore::new(self.limits.streams_per_peer)),
        });
        peers.insert(key, Arc::downgrade(&peer));
        peer
    }
}

/// One connection's share; given back when dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    gate: Arc<Gate>,
    _total: OwnedSemaphorePermit,
    of_peer: Option<(Arc<Peer>, OwnedSemaphorePermit)>,
    /// Shared with the connection's streams, to count them.
    alive: Arc<()>,
}

impl ConnectionPermit {
    /// The same share, now also of this peer's; `None` when the peer has too many.
    pub(super) fn of_peer(mut self, key: [u8; 32]) -> Option<Self> {
        let peer = self.gate.peer(key);
        let permit = peer.connections.clone().try_acquire_owned().ok()?;
        self.of_peer = Some((peer, permit));
        Some(self)
    }

    /// A share for one stream; `None` when there are too many.
    pub(super) fn stream(&self) -> Option<Permit> {
        let (peer, _) = self.of_peer.as_ref()?;
        let of_peer = peer.streams.clone().try_acquire_owned().ok()?;
        let total = self.gate.streams.clone().try_acquire_owned().ok()?;
        let alive = self.alive.clone();
        Some(Permit { _total: total, _of_peer: of_peer, _peer: peer.clone(), _alive: alive })
    }

    /// How many streams of this connection there are.
    pub(super) fn streams(&self) -> usize {
        Arc::strong_count(&self.alive) - 1
    }
}

/// One stream's share; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    _total: OwnedSemaphorePermit,
    _of_peer: OwnedSemaphorePermit,
    _peer: Arc<Peer>,
    _alive: Arc<()>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Arc<Gate> {
        let limits = Limits {
            connections: 3,
            connections_per_peer: 2,
            streams: 3,
            streams_per_peer: 2,
            ..Limits::default()
        };
        Arc::new(Gate::new(limits))
    }

    #[test]
    fn a_peer_cannot_take_what_is_for_all() {
        let gate = gate();
        let one = gate.connection().unwrap().of_peer([1; 32]).unwrap();
        let _two = gate.connection().unwrap().of_peer([1; 32]).unwrap();
        assert!(gate.connection().unwrap().of_peer([1; 32]).is_none());
        let other = gate.connection().unwrap().of_peer([2; 32]).unwrap();
        assert!(gate.connection().is_none());

        let streams = [one.stream().unwrap(), one.stream().unwrap()];
        assert!(one.stream().is_none());
        let _other_stream = other.stream().unwrap();
        assert!(other.stream().is_none(), "all streams are taken");
        assert_eq!((one.streams(), other.streams()), (2, 1));
        assert_eq!(gate.load(), Load { connections: 3, streams: 3 });
        drop(streams);
        assert!(one.stream().is_some());
    }

    #[test]
    fn peers_that_are_gone_are_forgotten() {
        let gate = gate();
        for key in 0..100 {
            drop(gate.connection().unwrap().of_peer([key; 32]).unwrap());
        }
        assert!(gate.peers.lock().unwrap().len() <= 2);
        assert_eq!(gate.load(), Load { connections: 0, streams: 0 });
    }
}
