//! A registry that misbehaves: passes everything to the real one until told otherwise.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// No bound yet.
const ALL: u64 = u64::MAX;

/// A proxy before the registry.
pub struct Proxy {
    /// `127.0.0.1:port`.
    pub address: String,
    left: Arc<AtomicU64>,
    silent: bool,
}

impl Proxy {
    /// With `silent`, it keeps connections open when its bytes are used up; else it breaks them.
    pub async fn start(registry: &str, silent: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (left, registry) = (Arc::new(AtomicU64::new(ALL)), registry.to_owned());
        let proxy = Self { address, left: Arc::clone(&left), silent };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (registry, left) = (registry.clone(), Arc::clone(&left));
                tokio::spawn(async move {
                    let _ = serve(client, &registry, &left, silent).await;
                });
            }
        });
        proxy
    }

    /// Lets this many more bytes of answers through.
    pub fn die_after(&self, bytes: u64) {
        assert!(bytes > 0 || self.silent);
        self.left.store(bytes, Ordering::Relaxed);
    }

    pub fn recover(&self) {
        self.left.store(ALL, Ordering::Relaxed);
    }
}

async fn serve(
    client: TcpStream,
    registry: &str,
    left: &AtomicU64,
    silent: bool,
) -> std::io::Result<()> {
    let server = TcpStream::connect(registry).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = from_server.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let before = left.load(Ordering::Relaxed);
        if before != ALL {
            if before < read as u64 {
                left.store(0, Ordering::Relaxed);
                if silent {
                    std::future::pending::<()>().await;
                }
                return Ok(());
            }
            left.store(before - read as u64, Ordering::Relaxed);
        }
        to_client.write_all(&buffer[..read]).await?;
    }
}
