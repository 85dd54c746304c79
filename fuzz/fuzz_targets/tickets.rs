//! `cargo fuzz run tickets`: see `dbc_fuzz::tickets`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dbc_fuzz::tickets(data));
