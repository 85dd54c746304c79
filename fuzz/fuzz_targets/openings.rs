//! `cargo fuzz run openings`: see `dbc_fuzz::openings`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dbc_fuzz::openings(data));
