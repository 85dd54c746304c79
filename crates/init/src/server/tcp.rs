//! Connections to services on the workload's own loopback, for port forwards and probes.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::copy_bidirectional_with_sizes,
    net::{TcpStream, UnixStream},
    time::timeout,
};

/// Nothing on loopback takes longer that ever answers.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Small, as there may be hundreds of connections and this is PID 1 of a small container.
const BUFFER_BYTES: usize = 16 * 1024;

/// Connects to the port, IPv4 first.
pub async fn connect(port: u16) -> io::Result<TcpStream> {
    let one = |address: SocketAddr| async move {
        match timeout(CONNECT_TIME, TcpStream::connect(address)).await {
            Ok(connected) => connected,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    };
    match one((Ipv4Addr::LOCALHOST, port).into()).await {
        Ok(stream) => Ok(stream),
        Err(first) => one((Ipv6Addr::LOCALHOST, port).into()).await.map_err(|_| first),
    }
}

/// Moves bytes both ways until both have ended; an end of one is passed on.
pub async fn relay(mut client: UnixStream, mut service: TcpStream) {
    let _ = service.set_nodelay(true);
    let copy = copy_bidirectional_with_sizes(&mut client, &mut service, BUFFER_BYTES, BUFFER_BYTES);
    let _ = copy.await; // either end may break off at any time
}
