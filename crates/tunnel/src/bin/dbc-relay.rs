//! `dbc-relay`: runs one relay until it is told to stop. Everything it does is in the library.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

use anyhow::Context;
use clap::Parser;
use dbc_tunnel::relay::{Access, Relay, RelayServerConfig};
use serde::{Deserialize, Serialize};

/// Carries encrypted traffic for machines and clients that find no direct path to each other.
///
/// Example: dbc-relay --bind 127.0.0.1:3340
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Configuration file (TOML) with `bind`, `allow_file`, `client_bytes_per_second`, `metrics`.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Address to listen on for HTTP [default: 127.0.0.1:3340]
    #[arg(long)]
    bind: Option<SocketAddr>,
    /// File with the endpoint ids that are served, one a line; without it everybody is.
    #[arg(long)]
    allow_file: Option<PathBuf>,
    /// Bytes per second that one client may send; without it there is no limit.
    #[arg(long)]
    client_bytes_per_second: Option<NonZeroU32>,
    /// Address to serve Prometheus metrics on; without it none are.
    #[arg(long)]
    metrics: Option<SocketAddr>,
}

/// The file behind `--config`; environment variables `DBC_RELAY_<KEY>` override it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Address to listen on for HTTP.
    bind: SocketAddr,
    /// File with the endpoint ids that are served. When absent, everybody is.
    allow_file: Option<PathBuf>,
    /// Bytes per second that one client may send. When absent, there is no limit.
    client_bytes_per_second: Option<NonZeroU32>,
    /// Address to serve Prometheus metrics on. When absent, none are.
    metrics: Option<SocketAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 3340)),
            allow_file: None,
            client_bytes_per_second: None,
            metrics: None,
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    dbc_service::logs::init("info")?;
    let config: Config = dbc_service::config::load(args.config.as_deref(), "DBC_RELAY")?;
    let shutdown = dbc_service::shutdown::token().context("failed to catch signals")?;
    let bind = args.bind.unwrap_or(config.bind);
    let allow_file = args.allow_file.or(config.allow_file);
    let mut relay = Relay::start(RelayServerConfig {
        bind,
        access: allow_file.map_or(Access::Open, Access::KeyFile),
        client_bytes_per_second: args.client_bytes_per_second.or(config.client_bytes_per_second),
        metrics: args.metrics.or(config.metrics),
    })
    .await?;
    println!("{}", relay.url());
    tracing::info!(addr = %relay.addr(), "relay listens");
    tokio::select! {
        () = shutdown.cancelled() => relay.stop().await.map_err(Into::into),
        error = relay.died() => Err(error.into()),
    }
}
