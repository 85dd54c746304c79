//! Reads a daemon's configuration: environment over file over default. Checks of meaning belong to
//! the daemon's own `Config::validate`; command-line flags are laid over the result by its `main`.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use toml::{Table, Value};

/// Largest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why a configuration cannot be used. The cause names line and field.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("failed to read the configuration file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no configuration of this program.
    #[error("the configuration file {path} is wrong")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line and field.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// An environment variable sets no known field, or sets it to something impossible.
    #[error("the environment variable {name} is wrong")]
    Env {
        /// The variable.
        name: String,
        /// Field and reason.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The defaults cannot be written as TOML: a fault of the program.
    #[error("the default configuration cannot be written down")]
    Default(#[source] toml::ser::Error),
}

/// Loads a configuration. `path = None` means that no file was named: defaults and environment.
///
/// A variable `<env_prefix>_<SECTION>_<KEY>` (or `<env_prefix>_<KEY>` for a field outside any
/// section) overrides the file, e.g. `DBC_AGENT_POOL_DISK_GIB=40` with the prefix `DBC_AGENT`. Its
/// value is read as TOML and, if it is none, as a plain string. Fields missing in the file take the
/// default when the type says `#[serde(default, deny_unknown_fields)]`, as every `Config` should.
pub fn load<C>(path: Option<&Path>, env_prefix: &str) -> Result<C, ConfigError>
where
    C: DeserializeOwned + Serialize + Default,
{
    // Variables that are no UTF-8 cannot be meant for us: our names and values are text.
    let env = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    load_with(path, env_prefix, env)
}

fn load_with<C>(
    path: Option<&Path>,
    env_prefix: &str,
    env: impl Iterator<Item = (String, String)>,
) -> Result<C, ConfigError>
where
    C: DeserializeOwned + Serialize + Default,
{
    let (mut config, mut table) = match path {
        None => (C::default(), Table::new()),
        Some(path) => read(path)?,
    };
    let known = Table::try_from(C::default()).map_err(ConfigError::Default)?;
    let prefix = format!("{env_prefix}_");
    let mut overrides: Vec<_> = env
        .filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.to_owned(), value)))
        .collect();
    overrides.sort();
    for (field, value) in overrides {
        set(&mut table, &known, &field.to_lowercase(), value);
        // One at a time, so that the message can name the variable.
        config = table.clone().try_into().map_err(|source| ConfigError::Env {
            name: format!("{prefix}{field}"),
            source: Box::new(source),
        })?;
    }
    Ok(config)
}

fn read<C: DeserializeOwned>(path: &Path) -> Result<(C, Table), ConfigError> {
    let read_error = |source| ConfigError::Read { path: path.to_owned(), source };
    let parse_error =
        |source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) };
    let file = std::fs::File::open(path).map_err(read_error)?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(read_error)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(read_error(std::io::Error::other("larger than 1 MiB")));
    }
    // Read twice: straight into the type for messages with line and column, and as a table for the
    // environment to be laid over.
    let config = toml::from_str(&text).map_err(parse_error)?;
    let table = text.parse().map_err(parse_error)?;
    Ok((config, table))
}

/// Sets `field`, written as `section_key` or `key`. What is a section is told by the defaults.
fn set(table: &mut Table, known: &Table, field: &str, value: String) {
    for (name, inner) in known {
        let (Value::Table(inner), Some(rest)) = (inner, section_rest(field, name)) else {
            continue;
        };
        let section = table.entry(name.clone()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(section) = section {
            return set(section, inner, rest, value);
        }
    }
    table.insert(field.to_owned(), to_value(value));
}

fn section_rest<'a>(field: &'a str, section: &str) -> Option<&'a str> {
    field.strip_prefix(section)?.strip_prefix('_')
}

fn to_value(text: String) -> Value {
    match format!("value = {text}").parse::<Table>() {
        // More than one key means that the text broke out of its line: then it is no value.
        Ok(mut table) if table.len() == 1 => table.remove("value").unwrap_or(Value::String(text)),
        _ => Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde::Deserialize;

    use super::*;
    use crate::error_chain;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Config {
        chain: String,
        state_dir: Option<PathBuf>,
        pool: Pool,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Pool {
        disk_gib: u32,
        device: Option<String>,
    }

    impl Default for Config {
        fn default() -> Self {
            Self { chain: "ws://127.0.0.1:9944".into(), state_dir: None, pool: Pool::default() }
        }
    }

    impl Default for Pool {
        fn default() -> Self {
            Self { disk_gib: 20, device: None }
        }
    }

    fn env(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn no_file_means_the_defaults() {
        let config: Config = load_with(None, "DBC_AGENT", env(&[("DBC_CLI_CHAIN", "x")])).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn environment_wins_over_file_wins_over_default() {
        let file = file("chain = \"ws://a\"\n[pool]\ndisk_gib = 30\n");
        let vars = [("DBC_AGENT_POOL_DISK_GIB", "40"), ("DBC_AGENT_STATE_DIR", "/var/lib/x")];
        let config: Config = load_with(Some(file.path()), "DBC_AGENT", env(&vars)).unwrap();
        assert_eq!(config.chain, "ws://a");
        assert_eq!(config.pool, Pool { disk_gib: 40, device: None });
        assert_eq!(config.state_dir, Some(PathBuf::from("/var/lib/x")));
    }

    #[test]
    fn an_optional_field_of_a_section_is_found() {
        let vars = [("DBC_AGENT_POOL_DEVICE", "/dev/sdb")];
        let config: Config = load_with(None, "DBC_AGENT", env(&vars)).unwrap();
        assert_eq!(config.pool.device.as_deref(), Some("/dev/sdb"));
    }

    #[test]
    fn a_wrong_field_is_named_with_its_file() {
        let file = file("[pool]\ndisc_gib = 30\n");
        let error = load_with::<Config>(Some(file.path()), "DBC_AGENT", env(&[])).unwrap_err();
        let text = error_chain(&error);
        assert!(text.contains(&file.path().display().to_string()), "{text}");
        assert!(text.contains("disc_gib") && text.contains("line 2"), "{text}");
    }

    #[test]
    fn a_wrong_variable_is_named() {
        for (name, value) in [("DBC_AGENT_POOL_DISK_GIB", "lots"), ("DBC_AGENT_POOL_NOPE", "1")] {
            let error = load_with::<Config>(None, "DBC_AGENT", env(&[(name, value)])).unwrap_err();
            assert!(error_chain(&error).contains(name));
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let path = Path::new("/nonexistent/agent.toml");
        let error = load_with::<Config>(Some(path), "DBC_AGENT", env(&[])).unwrap_err();
        assert!(error_chain(&error).contains("/nonexistent/agent.toml"));
    }
}
