//! `dbc-node`: validates, finalizes, serves JSON-RPC and light clients. It does not know the
//! runtime: the chain spec carries it as WebAssembly, so that a change in a pallet rebuilds no node.

mod chain_spec;
mod cli;
mod command;
mod fake_runtime;
mod rpc;
mod runtime_file;
mod service;

fn main() -> sc_cli::Result<()> {
    command::run()
}
