//! Starts `dbc-init`.

fn main() {}
