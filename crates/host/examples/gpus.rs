//! Prints what the GPU inventory sees of this machine as JSON: for a look at a machine with cards before an
//! agent is set up on it. `cargo run -p dbc-host --example gpus`. Exits with 1 where there is no card.

use std::{error::Error, process::ExitCode};

use dbc_host::gpus::{Gpus as _, NvmlGpus};

fn main() -> ExitCode {
    let gpus = match NvmlGpus.list() {
        Ok(gpus) => gpus,
        Err(error) => {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            eprintln!("{error}: {cause}");
            return ExitCode::from(2);
        }
    };
    println!("{:#}", serde_json::json!({ "count": gpus.len(), "gpus": gpus }));
    if gpus.is_empty() {
        eprintln!(
            "no GPU: there is no card, or its driver's library libnvidia-ml.so.1 is not installed or not loaded"
        );
        return ExitCode::from(1);
    }
    ExitCode::SUCCESS
}
