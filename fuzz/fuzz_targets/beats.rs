//! `cargo fuzz run beats`: see `dbc_fuzz::beats`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dbc_fuzz::beats(data));
