//! The reference page of error codes says what the table says. `UPDATE=1 cargo test -p dbc-agent-api`
//! writes it anew.

use std::{fmt::Write as _, fs, path::Path};

use dbc_agent_api::ErrorCode;

#[test]
fn the_reference_page_lists_every_code() {
    let mut page = String::from(
        "# Error codes\n\nMade from `crates/agent-api/src/code.rs`. `dbc` prints a message, an empty line and the hint; with `--json` the code is in \
         `error.code`.\nExit status: 0 done, 1 no (not found, refused), 2 error.\n\n| code | what to do |\n|---|---|\n",
    );
    for code in ErrorCode::ALL {
        writeln!(page, "| `{code}` | {} |", code.hint()).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/errors.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), page, "run with UPDATE=1 to write it anew");
}
