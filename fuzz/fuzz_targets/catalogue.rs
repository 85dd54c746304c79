//! `cargo fuzz run catalogue`: see `dbc_fuzz::catalogue`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dbc_fuzz::catalogue(data));
