//! Wallets: files that hold the phrase or seed of an account, encrypted with a password. The file
//! format is [`file`]; the key functions are scrypt and XSalsa20-Poly1305.

pub mod file;

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use dbc_sdk::ErrorCode;

pub use file::WalletFile;

/// Why a wallet cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// There is no such file.
    #[error("there is no wallet {0:?}")]
    NotFound(String),
    /// The name would leave the folder or is odd.
    #[error("wallet name {0:?} must be 1 to 32 of a-z, A-Z, 0-9, - and _")]
    Name(String),
    /// The file is there and cannot be understood.
    #[error("wallet {name:?} is damaged: {why}")]
    Damaged {
        /// The wallet.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The password does not open it.
    #[error("wrong password for wallet {0:?}")]
    Password(String),
    /// A wallet of that name is there.
    #[error("there is a wallet {0:?} already")]
    Exists(String),
    /// The file system refuses.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl WalletError {
    /// The code that a user meets.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound(_) => ErrorCode::WalletNotFound,
            Self::Damaged { .. } => ErrorCode::WalletDamaged,
            Self::Password(_) => ErrorCode::WalletPassword,
            Self::Name(_) | Self::Exists(_) | Self::Io { .. } => ErrorCode::InvalidInput,
        }
    }
}

/// The folder of wallets.
#[derive(Debug, Clone)]
pub struct Wallets {
    folder: PathBuf,
}

impl Wallets {
    /// Wallets of the user with that home folder.
    pub fn at(home: &std::path::Path) -> Self {
        Self { folder: home.join("wallets") }
    }

    /// Reads a wallet.
    ///
    /// # Errors
    /// Not found, damaged, or an odd name.
    pub fn load(&self, name: &str) -> Result<WalletFile, WalletError> {
        let path = self.path(name)?;
        let text = match crate::context::read_small(&path) {
            Ok(Some(text)) => text,
            Ok(None) => return Err(WalletError::NotFound(name.into())),
            Err(error) => {
                return Err(WalletError::Damaged { name: name.into(), why: format!("{error:#}") });
            }
        };
        WalletFile::parse(name, &text)
    }

    /// Writes a new wallet; one that is there is never overwritten.
    ///
    /// # Errors
    /// A wallet of that name, an odd name, or the file system's.
    pub fn store(&self, wallet: &WalletFile) -> Result<(), WalletError> {
        let path = self.path(wallet.name())?;
        let io = |path: &std::path::Path| {
            let path = path.to_path_buf();
            move |source| WalletError::Io { path, source }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(io(&self.folder))?;
        // Complete under another name first, then in place without overwriting.
        let mut part = path.clone();
        part.set_extension(format!("part{}", std::process::id()));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)
            .map_err(io(&part))?;
        file.write_all(wallet.to_json().as_bytes()).map_err(io(&part))?;
        file.sync_all().map_err(io(&part))?;
        let linked = fs::hard_link(&part, &path);
        fs::remove_file(&part).map_err(io(&part))?;
        match linked {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(WalletError::Exists(wallet.name().into()))
            }
            other => other.map_err(io(&path)),
        }
    }

    /// Removes a wallet.
    ///
    /// # Errors
    /// Not found, or the file system's.
    pub fn remove(&self, name: &str) -> Result<(), WalletError> {
        let path = self.path(name)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(WalletError::NotFound(name.into()))
            }
            other => other.map_err(|source| WalletError::Io { path, source }),
        }
    }

    /// Names of all wallets, sorted.
    ///
    /// # Errors
    /// The file system's.
    pub fn names(&self) -> Result<Vec<String>, WalletError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(WalletError::Io { path: self.folder.clone(), source }),
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| {
                Some(entry.ok()?.file_name().to_str()?.strip_suffix(".json")?.to_string())
            })
            .collect();
        names.sort();
        Ok(names)
    }

    fn path(&self, name: &str) -> Result<PathBuf, WalletError> {
        let fine = (1..=32).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !fine {
            return Err(WalletError::Name(name.chars().take(40).collect()));
        }
        Ok(self.folder.join(format!("{name}.json")))
    }
}

/// Asks for a password on the terminal, without showing it.
///
/// # Errors
/// When there is no terminal.
pub fn ask_password(prompt: &str) -> Result<String> {
    use std::io::BufRead as _;

    use nix::sys::termios;

    let terminal = fs::OpenOptions::new().read(true).write(true).open("/dev/tty").context(
        "there is no terminal to ask for a password on; use --password-file or DBC_PASSWORD",
    )?;
    (&terminal).write_all(prompt.as_bytes())?;
    let before = termios::tcgetattr(&terminal)?;
    let mut hidden = before.clone();
    hidden.local_flags.remove(termios::LocalFlags::ECHO);
    termios::tcsetattr(&terminal, termios::SetArg::TCSAFLUSH, &hidden)?;
    let mut line = String::new();
    let read = std::io::BufReader::new(&terminal).read_line(&mut line);
    termios::tcsetattr(&terminal, termios::SetArg::TCSAFLUSH, &before)?;
    (&terminal).write_all(b"\n")?;
    read?;
    Ok(line.trim_end_matches(['\n', '\r']).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

    fn wallets() -> (tempfile::TempDir, Wallets) {
        let folder = tempfile::tempdir().unwrap();
        let wallets = Wallets::at(folder.path());
        (folder, wallets)
    }

    #[test]
    fn a_wallet_opens_with_its_password_and_no_other() {
        let (_folder, wallets) = wallets();
        wallets.store(&WalletFile::seal("one", PHRASE, Some("secret")).unwrap()).unwrap();
        let file = wallets.load("one").unwrap();
        let signer = file.unlock(Some("secret")).unwrap();
        assert_eq!(signer.account().to_string(), file.address());
        assert!(matches!(file.unlock(Some("wrong")), Err(WalletError::Password(_))));
        assert!(matches!(file.unlock(None), Err(WalletError::Password(_))));
        assert!(!fs::read_to_string(wallets.path("one").unwrap()).unwrap().contains("bottom"));
    }

    #[test]
    fn a_damaged_file_says_so() {
        let (_folder, wallets) = wallets();
        wallets.store(&WalletFile::seal("one", PHRASE, Some("secret")).unwrap()).unwrap();
        let path = wallets.path("one").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for damaged in ["", "{", "null", &text[..text.len() / 2], &"x".repeat(100_000)] {
            fs::write(&path, damaged).unwrap();
            assert!(
                matches!(wallets.load("one"), Err(WalletError::Damaged { .. })),
                "{damaged:.20}"
            );
        }
        fs::write(&path, text.replace("\"version\": 1", "\"version\": 9")).unwrap();
        assert!(matches!(wallets.load("one"), Err(WalletError::Damaged { .. })));
    }

    #[test]
    fn names_stay_in_the_folder_and_nothing_is_overwritten() {
        let (_folder, wallets) = wallets();
        assert!(matches!(wallets.load("../x"), Err(WalletError::Name(_))));
        let file = WalletFile::seal("one", PHRASE, None).unwrap();
        wallets.store(&file).unwrap();
        assert!(matches!(wallets.store(&file), Err(WalletError::Exists(_))));
        assert_eq!(wallets.names().unwrap(), ["one"]);
        wallets.remove("one").unwrap();
        assert!(matches!(wallets.remove("one"), Err(WalletError::NotFound(_))));
    }
}
