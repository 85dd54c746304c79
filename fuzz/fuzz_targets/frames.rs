//! `cargo fuzz run frames`: see `dbc_fuzz::frames`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dbc_fuzz::frames(data));
