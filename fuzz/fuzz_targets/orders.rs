//! `cargo fuzz run orders`: see `dbc_fuzz::orders`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dbc_fuzz::orders(data));
