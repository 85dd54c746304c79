//! `cargo fuzz run transcripts`: see `dbc_fuzz::transcripts`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dbc_fuzz::transcripts(data));
