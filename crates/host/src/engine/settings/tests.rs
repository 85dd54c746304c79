//! The merge and its undo, without a Docker.

use nix::unistd::Pid;

use super::*;

fn runtime() -> Runtime {
    Runtime {
        name: "dbc".into(),
        binary: "/usr/libexec/dbc/dbc-runc".into(),
        roots_dir: "/var/lib/dbc/roots.d".into(),
    }
}

#[test]
fn foreign_settings_stay() {
    let before = r#"{ "data-root": "/srv", "runtimes": { "nvidia": { "path": "x" } } }"#;
    let after = with_runtime(Some(before), &runtime()).unwrap().unwrap();
    let parsed = parse(&after).unwrap();
    assert_eq!(parsed["data-root"], "/srv");
    assert_eq!(parsed["runtimes"]["nvidia"]["path"], "x");
    assert_eq!(parsed["runtimes"]["dbc"]["path"], "/usr/libexec/dbc/dbc-runc");
    assert_eq!(with_runtime(Some(&after), &runtime()), Ok(None), "twice is once");
}

fn undo(before: &str, backup: Option<&str>, name: &str) -> Undo {
    without_runtime(before, backup, name).unwrap().expect("our runtime is there")
}

#[test]
fn undo_gives_back_the_original_to_the_byte() {
    let before = "{\n\t\"debug\":true ,\"runtimes\": {}}";
    let after = with_runtime(Some(before), &runtime()).unwrap().unwrap();
    let undo = undo(&after, Some(before), "dbc");
    assert_eq!(undo.then, Then::Restore(before.into()));
    assert_eq!(parse(&undo.taken_up).unwrap()["runtimes"], json!({}), "Docker needs to see it");
}

#[test]
fn undo_keeps_what_was_changed_meanwhile() {
    let after = with_runtime(Some("{}"), &runtime()).unwrap().unwrap();
    let edited = after.replacen('{', "{\"debug\":true,", 1);
    let Then::Restore(text) = undo(&edited, Some("{}"), "dbc").then else {
        panic!("something to write")
    };
    assert_eq!(parse(&text), parse(r#"{"debug":true}"#));
}

#[test]
fn two_networks_on_one_machine_undo_in_any_order() {
    let other = Runtime { name: "dbc-other".into(), ..runtime() };
    let one = with_runtime(Some("{ }"), &runtime()).unwrap().unwrap();
    let both = with_runtime(Some(&one), &other).unwrap().unwrap();
    for (first, second) in [("dbc", "dbc-other"), ("dbc-other", "dbc")] {
        let shared = undo(&both, Some("{ }"), first);
        assert_eq!(shared.then, Then::Stay);
        let last = undo(&shared.taken_up, Some("{ }"), second);
        assert_eq!(last.then, Then::Restore("{ }".into()));
    }
}

#[test]
fn a_file_that_we_made_goes() {
    let after = with_runtime(None, &runtime()).unwrap().unwrap();
    assert_eq!(undo(&after, None, "dbc").then, Then::Remove);
    assert_eq!(without_runtime("{}", None, "dbc"), Ok(None));
}

#[test]
fn damaged_files_and_foreign_names_are_refused() {
    for text in ["{", "[]", "null", r#"{"runtimes":[]}"#, "{'a':1}"] {
        let refused = with_runtime(Some(text), &runtime());
        assert!(matches!(refused, Err(Problem::Damaged(_))), "{text}");
    }
    let foreign = r#"{"runtimes":{"dbc":{"path":"/usr/bin/other"}}}"#;
    assert_eq!(with_runtime(Some(foreign), &runtime()), Err(Problem::Taken("dbc".into())));
    assert_eq!(without_runtime(foreign, None, "dbc"), Ok(None));
    let old = r#"{"runtimes":{"dbc":{"path":"/old/dbc-runc"}}}"#;
    assert!(with_runtime(Some(old), &runtime()).unwrap().is_some(), "ours may move");
}

#[test]
fn the_daemons_command_line_is_understood() {
    let daemon = |line: &str| Daemon {
        pid: Pid::from_raw(1),
        words: line.split(' ').map(str::to_owned).collect(),
    };
    let usual = Path::new("/var/run/docker.sock");
    assert!(daemon("dockerd").serves(usual));
    assert!(daemon("/usr/bin/dockerd -H fd:// --containerd=/run/c.sock").serves(usual));
    assert!(!daemon("dockerd -H unix:///tmp/x.sock").serves(usual));
    assert!(daemon("dockerd --host=unix:///tmp/x.sock").serves(Path::new("/tmp/x.sock")));
    assert_eq!(
        daemon("dockerd --config-file /no/such.json").settings_file(),
        Path::new("/no/such.json")
    );
    assert!(daemon("dockerd --add-runtime a=b").flag("--add-runtime").is_some());
}
