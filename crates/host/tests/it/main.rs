//! The real parts against a real Docker, btrfs and nftables. Needs root, `docker.io`, `btrfs-progs`,
//! `nftables`, `busybox-static` and `docker-registry`; a Docker that runs is used, else one is
//! started and stopped again. Without root every test says so and passes.

mod cleanup;
mod containers;
mod env;
mod image;
mod limits;
mod machine;
mod network;
mod outside;
mod proxy;
mod pull;
mod roots;
mod settings;
