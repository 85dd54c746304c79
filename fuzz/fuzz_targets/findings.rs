//! `cargo fuzz run findings`: see `dbc_fuzz::findings`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dbc_fuzz::findings(data));
