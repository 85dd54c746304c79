//! `cargo fuzz run grants`: see `dbc_fuzz::grants`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dbc_fuzz::grants(data));
