//! What is typed is understood, and what documents say can be typed.

use clap::CommandFactory as _;

use super::*;

#[test]
fn every_command_shows_an_example_and_takes_json() {
    fn walk(command: &clap::Command, path: &str) {
        let path = format!("{path} {}", command.get_name());
        if command.get_subcommands().next().is_none() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example: "), "{path} has no example");
            assert!(command.get_about().is_some(), "{path} has no description");
        }
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            walk(sub, &path);
        }
    }
    let mut command = Dbc::command();
    command.build();
    command.clone().debug_assert();
    walk(&command, "");
    let parsed = Dbc::try_parse_from(["dbc", "lease", "show", "1", "--json"]).unwrap();
    assert!(parsed.global.json);
}

#[test]
fn a_report_is_made_of_a_machine_or_gone_on_with_by_its_number() {
    let report = |words: &[&str]| {
        let all = ["dbc", "report"].iter().chain(words);
        Dbc::try_parse_from(all).map(|parsed| match parsed.command {
            Command::Report(report) => report,
            other => panic!("{other:?}"),
        })
    };
    let made = report(&["0", "--kind", "malfunction", "--evidence", "seen.txt"]).unwrap();
    assert_eq!((made.machine.as_deref(), made.resume), (Some("0"), None));
    let again = report(&["--resume", "5", "--evidence", "seen.txt"]).unwrap();
    assert_eq!((again.machine, again.resume), (None, Some(5)));
    for wrong in [&[][..], &["0"], &["--kind", "malfunction"], &["0", "--resume", "5"]] {
        assert!(report(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn all_grants_of_a_lease_are_revoked_on_demand_and_not_by_a_slip() {
    assert!(Dbc::try_parse_from(["dbc", "grant", "revoke", "1"]).is_err());
    assert!(Dbc::try_parse_from(["dbc", "grant", "revoke", "1", "--all"]).is_ok());
    assert!(Dbc::try_parse_from(["dbc", "grant", "revoke", "1", "3f", "--all"]).is_err());
}

#[test]
fn a_retired_machine_is_withdrawn_by_its_number_or_as_this_one() {
    for words in [&["dbc", "provider", "withdraw"][..], &["dbc", "provider", "withdraw", "7"]] {
        let parsed = Dbc::try_parse_from(words).unwrap();
        let Command::Provider(Provider::Withdraw { machine }) = parsed.command else { panic!() };
        assert_eq!(machine.as_deref(), words.get(3).copied());
    }
}

#[test]
fn terms_read_as_people_write_them() {
    assert_eq!(parse_term("90"), Ok(90));
    assert_eq!(parse_term("15m"), Ok(900));
    assert_eq!(parse_term("2h"), Ok(7_200));
    for wrong in ["", "0s", "h", "-1h", "1w", "999999d", "18446744073709551615d"] {
        assert!(parse_term(wrong).is_err(), "{wrong}");
    }
}

/// Words of a line as a shell has them: quotes in pairs, a comment behind `#`.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            '#' if !quoted && words.last().is_some_and(String::is_empty) => break,
            blank if blank.is_whitespace() && !quoted => words.push(String::new()),
            other => words.last_mut().expect("at least one").push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What a guide says can be typed: lines of `dbc` that are indented, or stand in a fence of `sh`.
fn typed(text: &str) -> Vec<String> {
    let mut fence = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(info) = line.strip_prefix("```") {
            fence = match fence {
                Some(_) => None,
                None => Some(info.split_whitespace().next() == Some("sh")),
            };
            continue;
        }
        let command = match fence {
            Some(true) => Some(line),
            Some(false) => None,
            None => line.strip_prefix("    "),
        };
        lines.extend(command.filter(|line| line.starts_with("dbc ")).map(str::to_owned));
    }
    lines
}

/// Between backticks in running text, where words may be left out: its commands and flags are there.
#[test]
fn the_commands_that_guides_speak_of_are_there() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides");
    let mut all = Dbc::command();
    all.build();
    let mut spoken = 0;
    for entry in std::fs::read_dir(docs).unwrap() {
        let file = entry.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let spans = text.split('`').skip(1).step_by(2);
        for span in spans.filter(|span| span.starts_with("dbc ")) {
            let named = format!("{}: `{span}`", file.display());
            let words = words(span);
            let mut command = &all;
            let mut rest = &words[1..];
            while let Some(sub) = rest.first().and_then(|word| command.find_subcommand(word)) {
                (command, rest) = (sub, &rest[1..]);
            }
            let named_one = command.get_name() != "dbc";
            let groups = command.get_subcommands().any(|sub| sub.get_name() != "help");
            assert!(named_one && (rest.is_empty() || !groups), "{named} is no command");
            let before = rest.iter().take_while(|word| *word != "--");
            for flag in before.filter_map(|word| word.strip_prefix("--")) {
                let known = command.get_arguments().any(|arg| arg.get_long() == Some(flag));
                assert!(known, "{named} has no flag --{flag}");
            }
            spoken += 1;
        }
    }
    assert!(spoken > 20, "{spoken} commands");
}

#[test]
fn the_commands_of_guides_and_examples_are_commands() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files: Vec<_> = std::fs::read_dir(docs.join("docs/guides"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.push(docs.join("README.md"));
    let mut lines: Vec<(String, String)> = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap().replace("\\\n", " ");
        let named = file.display().to_string();
        lines.extend(typed(&text).into_iter().map(|line| (named.clone(), line)));
    }
    fn walk(command: &clap::Command, lines: &mut Vec<(String, String)>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = help.lines().map(|line| line.trim().trim_start_matches("Example: "));
        let named = format!("--help of {}", command.get_name());
        let ours = examples.filter(|line| line.starts_with("dbc "));
        lines.extend(ours.map(|line| (named.clone(), line.to_owned())));
        command.get_subcommands().for_each(|sub| walk(sub, lines));
    }
    walk(&Dbc::command(), &mut lines);
    assert!(lines.len() > 80, "{} commands", lines.len());
    for (named, line) in lines {
        // Each of `a ; b` and `a && b` is one; a redirection is the shell's.
        for one in line.split(" ; ").flat_map(|part| part.split(" && ")) {
            let mut words = words(one);
            words.truncate(words.iter().position(|w| w == ">" || w == "<").unwrap_or(words.len()));
            if let Err(error) = Dbc::try_parse_from(&words) {
                panic!("{named}: `{one}` is no command: {error}");
            }
        }
    }
}
