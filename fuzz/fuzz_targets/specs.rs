//! `cargo fuzz run specs`: see `dbc_fuzz::specs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dbc_fuzz::specs(data));
