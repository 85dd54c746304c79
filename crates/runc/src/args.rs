//! Reads runc's command line as far as needed: which subcommand, and for the ones that make a
//! container its id and bundle. What it does not know it refuses where a container would be made,
//! and passes on where not. No I/O.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

/// Global options of runc that take a value (1.0 to 1.3).
const GLOBAL_VALUE: [&str; 5] = ["root", "log", "log-format", "criu", "rootless"];
/// Global options of runc that take none.
const GLOBAL_FLAG: [&str; 6] = ["debug", "systemd-cgroup", "help", "h", "version", "v"];
/// Options of `create` and `run` that take a value.
const CREATE_VALUE: [&str; 5] = ["bundle", "b", "console-socket", "pid-file", "preserve-fds"];
/// Options of `create` and `run` that take none.
const CREATE_FLAG: [&str; 7] =
    ["no-pivot", "no-new-keyring", "no-subreaper", "keep", "detach", "d", "debug"];

/// A call of this program, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Folder with one file per container, when the engine's settings name one.
    pub roots: Option<PathBuf>,
    /// The real runc, when the engine's settings name it.
    pub runc: Option<PathBuf>,
    /// Where the engine looks for runc's messages.
    pub log: Option<PathBuf>,
    /// What is asked of runc.
    pub call: Call,
    /// Its arguments, unchanged.
    pub rest: Vec<OsString>,
}

/// What is asked of runc.
#[derive(Debug, PartialEq, Eq)]
pub enum Call {
    /// Makes a container.
    Create {
        /// The container.
        id: String,
        /// Folder with its `config.json`.
        bundle: PathBuf,
    },
    /// Anything else.
    Other,
}

impl Invocation {
    /// Takes the arguments apart (without the program's name).
    pub fn parse(args: Vec<OsString>) -> Result<Self, String> {
        let (mut roots, mut runc) = (None, None);
        let mut rest = args.as_slice();
        while let [name, value, tail @ ..] = rest {
            match name.to_str() {
                Some("--dbc-roots") => roots = Some(absolute(value)?),
                Some("--dbc-runc") => runc = Some(absolute(value)?),
                _ => break,
            }
            rest = tail;
        }
        let mut log = None;
        let call = Call::parse(rest, &mut log)?;
        Ok(Self { roots, runc, log, call, rest: rest.to_vec() })
    }
}

impl Call {
    fn parse(args: &[OsString], log: &mut Option<PathBuf>) -> Result<Self, String> {
        let mut words = args.iter();
        let note = |name: &str, value: &OsStr| {
            if name == "log" {
                *log = Some(PathBuf::from(value));
            }
        };
        let subcommand = match skip_options(&mut words, &GLOBAL_VALUE, &GLOBAL_FLAG, note) {
            Ok(word) => word,
            Err(why) if args.iter().any(|arg| makes_container(arg)) => return Err(why),
            Err(_) => return Ok(Self::Other),
        };
        match subcommand.and_then(OsStr::to_str) {
            Some("create" | "run") => Self::parse_create(&mut words),
            Some("restore") => Err("a container cannot be restored from a checkpoint".to_owned()),
            _ => Ok(Self::Other),
        }
    }

    fn parse_create<'a>(words: &mut impl Iterator<Item = &'a OsString>) -> Result<Self, String> {
        let mut bundle = PathBuf::from(".");
        let id = skip_options(words, &CREATE_VALUE, &CREATE_FLAG, |name, value| {
            if matches!(name, "bundle" | "b") {
                bundle = PathBuf::from(value);
            }
        })?
        .ok_or("the container's id is missing")?;
        if words.next().is_some() {
            return Err("something follows the container's id".to_owned());
        }
        let id =
            id.to_str().filter(|id| id_is_plain(id)).ok_or("the container's id is malformed")?;
        Ok(Self::Create { id: id.to_owned(), bundle })
    }
}

/// Passes options and gives the first word that is none. `value` gets each option with its value.
fn skip_options<'a>(
    words: &mut impl Iterator<Item = &'a OsString>,
    with_value: &[&str],
    without: &[&str],
    mut value: impl FnMut(&str, &OsStr),
) -> Result<Option<&'a OsStr>, String> {
    while let Some(word) = words.next() {
        let text = word.to_str().ok_or("an argument is not UTF-8")?;
        let Some(option) = text.strip_prefix('-') else { return Ok(Some(word)) };
        let option = option.strip_prefix('-').unwrap_or(option);
        let (name, attached) = match option.split_once('=') {
            Some((name, attached)) => (name, Some(attached)),
            None => (option, None),
        };
        if with_value.contains(&name) {
            match attached {
                Some(attached) => value(name, OsStr::new(attached)),
                None => value(name, words.next().ok_or_else(|| format!("-{name} has no value"))?),
            }
        } else if !without.contains(&name) {
            return Err(format!("unknown option {text:?}"));
        }
    }
    Ok(None)
}

fn makes_container(arg: &OsStr) -> bool {
    matches!(arg.to_str(), Some("create" | "run" | "restore"))
}

/// An id becomes a file name, so it must be one plain part of a path.
fn id_is_plain(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        && !id.starts_with('.')
}

fn absolute(path: &OsStr) -> Result<PathBuf, String> {
    let path = PathBuf::from(path);
    if path.is_absolute() { Ok(path) } else { Err(format!("{path:?} is not an absolute path")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Invocation, String> {
        Invocation::parse(line.split_whitespace().map(OsString::from).collect())
    }

    fn create(id: &str, bundle: &str) -> Call {
        Call::Create { id: id.into(), bundle: bundle.into() }
    }

    #[test]
    fn the_engines_own_create_is_understood() {
        let line = "--root /var/run/docker/runtime-runc/moby --log /run/l.json --log-format json \
                    create --bundle /run/b --pid-file /run/b/init.pid abc123";
        let found = parse(line).unwrap();
        assert_eq!(found.call, create("abc123", "/run/b"));
        assert_eq!(found.rest.len(), 12);
        assert_eq!((found.roots, found.runc), (None, None));
        assert_eq!(found.log, Some("/run/l.json".into()));
    }

    #[test]
    fn own_options_are_taken_away() {
        let found = parse("--dbc-roots /a --dbc-runc /b --debug create -b=/run/b x").unwrap();
        assert_eq!(found.call, create("x", "/run/b"));
        assert_eq!((found.roots, found.runc), (Some("/a".into()), Some("/b".into())));
        assert_eq!(found.rest[0], "--debug");
        assert!(parse("--dbc-roots relative create x").is_err());
    }

    #[test]
    fn run_counts_as_create() {
        assert_eq!(parse("run --detach x").unwrap().call, create("x", "."));
    }

    #[test]
    fn other_subcommands_pass_unchanged() {
        for line in [
            "--root /r delete --force x",
            "--version",
            "",
            "start x",
            "exec --process p x",
            "--new-option y state x",
        ] {
            let found = parse(line).unwrap();
            assert_eq!(found.call, Call::Other, "{line}");
            assert_eq!(found.rest, line.split_whitespace().collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_not_understood_makes_no_container() {
        for line in [
            "--new-option y create x",
            "create --new-option x",
            "create",
            "create --bundle",
            "create x y",
            "create ../x",
            "create .x",
            "restore x",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
