//! `dbc-init` as a real process: sessions, files, forwards, probes, and the duties of PID 1. In one
//! binary, to link once.

mod attach;
mod bounds;
mod files;
mod pid1;
mod programs;
mod support;
mod terminal;
