//! The facade against a real node and an agent of few words: rent, money, grants, and who is away.
//! Needs `cargo xtask wasm` and `cargo build -p dbc-node` before.

mod agent;
mod govern;
mod market;
mod wait;
mod world;
