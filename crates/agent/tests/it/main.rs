//! The whole agent against a fake host and a fake chain: life of a lease, restarts, death at every
//! step, and the door over a real tunnel on loopback.

mod crash;
mod docker;
mod door;
mod faults;
mod life;
mod light;
mod shares;
mod world;
