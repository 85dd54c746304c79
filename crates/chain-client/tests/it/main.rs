//! The client against a real node: money, the life of a lease, and what happens when the node dies or
//! is another one. Needs `cargo xtask wasm` and `cargo build -p dbc-node` before.

mod connection;
mod council;
mod lease;
mod machine;
mod transactions;

use dbc_chain_client::{ChainClient, ChainConfig, ChainError};
use dbc_testkit::DevNode;

async fn connect(node: &DevNode) -> Result<ChainClient, ChainError> {
    ChainClient::connect(ChainConfig::new(node.url())).await
}
