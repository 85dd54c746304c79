//! `dbc-prove`: what an auditor who visits a machine copies into his lease there. Reads the command line and two
//! lines of input, prints two lines; all else is in [`exchange`]. It reaches neither chain nor network.

mod exchange;

use std::{io, process::ExitCode};

const USAGE: &str = "\
Computes an audit challenge and opens rows of it.

usage: dbc-prove SEED EDGE LINKS GPUS

  SEED   64 hexadecimal digits; - reads them from the first line of input, once all is ready
  EDGE   rows and columns of each matrix
  LINKS  products of each chain
  GPUS   cards that compute, each a chain of its own; 0 for the processor

It prints the root in hexadecimal, reads a line of places (LINK:ROW, with blanks between them, 64 at most) and
prints the openings in base64.

example: echo 3:5 0:1 | dbc-prove $(openssl rand -hex 32) 16 4 0";

fn main() -> ExitCode {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = words.take(exchange::WORDS + 1).collect();
    match words.first().map(String::as_str) {
        Some("--help" | "-h") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some("--version") => {
            println!("dbc-prove {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    match exchange::run(&words, io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("dbc-prove: {}", why.replace(char::is_control, " "));
            ExitCode::FAILURE
        }
    }
}
