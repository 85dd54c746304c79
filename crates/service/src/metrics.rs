//! Serves a daemon's counters as Prometheus text on `/metrics`, and its health on `/health`.
//! No TLS and no login: bind it to loopback or to a network of one's own.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router, http::StatusCode, http::header::CONTENT_TYPE, response::IntoResponse, routing::get,
};
pub use prometheus_client::registry::Registry;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A running endpoint; it ends with the token that it was started with.
#[derive(Debug)]
pub struct MetricsServer {
    /// The address in use; tells the port when port 0 was asked for.
    pub local_addr: SocketAddr,
    /// Ends after the token is cancelled.
    pub task: JoinHandle<()>,
}

/// Starts the endpoint; returns once it listens.
///
/// # Errors
/// When `bind` cannot be listened on.
pub async fn serve(
    bind: SocketAddr,
    registry: Arc<Registry>,
    shutdown: CancellationToken,
) -> std::io::Result<MetricsServer> {
    let listener = TcpListener::bind(bind).await?;
    let local_addr = listener.local_addr()?;
    let app = Router::new()
        .route("/metrics", get(move || std::future::ready(encode(&registry))))
        .route("/health", get(|| async { "ok\n" }));
    let task = tokio::spawn(async move {
        let served = axum::serve(listener, app)
            .with_graceful_shutdown(async move { shutdown.cancelled().await })
            .await;
        if let Err(error) = served {
            tracing::warn!(error = crate::error_chain(&error), "metrics endpoint ended");
        }
    });
    Ok(MetricsServer { local_addr, task })
}

fn encode(registry: &Registry) -> impl IntoResponse + use<> {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, registry) {
        Ok(()) => (StatusCode::OK, [(CONTENT_TYPE, OPENMETRICS)], text),
        Err(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, [(CONTENT_TYPE, "text/plain")], String::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn counters_are_served_until_shutdown() {
        let mut registry = Registry::with_prefix("dbc");
        let starts = Counter::<u64>::default();
        registry.register("workload_starts", "Workloads started", starts.clone());
        starts.inc();
        let token = CancellationToken::new();
        let bind = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = serve(bind, Arc::new(registry), token.clone()).await.unwrap();
        assert!(get(server.local_addr, "/metrics").await.contains("dbc_workload_starts_total 1"));
        assert!(get(server.local_addr, "/health").await.starts_with("HTTP/1.1 200"));
        assert!(get(server.local_addr, "/etc").await.starts_with("HTTP/1.1 404"));
        token.cancel();
        server.task.await.unwrap();
    }
}
