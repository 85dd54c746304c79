//! Whose rights the workload has: looked up in the container's own `/etc/passwd` and `/etc/group`,
//! which its tenant may have written, so reads are bounded and never wait. (A static binary has no
//! `getpwnam`.)

use std::{
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Of either file, no more is read.
const FILE_BYTES_MAX: u64 = 4 << 20;
const GROUPS_MAX: usize = 256;
/// Shells that only say that one may not log in.
const NO_SHELLS: [&str; 4] = ["nologin", "false", "true", "sync"];

/// A user inside the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Name, or the number where it has none.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Other groups.
    pub groups: Vec<u32>,
    /// Home directory; `/` where none is known.
    pub home: PathBuf,
    /// Login shell; `None` where it is not known or only refuses.
    pub shell: Option<PathBuf>,
}

/// Why a user could not be determined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// Neither in `/etc/passwd` nor a number.
    #[error("there is no user {0:?} in the image")]
    NoUser(String),
    /// Neither in `/etc/group` nor a number.
    #[error("there is no group {0:?} in the image")]
    NoGroup(String),
}

/// Finds `user[:group]`, each a name or a number, below `root`.
pub fn resolve(root: &Path, spec: &str) -> Result<Account, UserError> {
    let (user, group) = match spec.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (spec, None),
    };
    let passwd = read_lines(&root.join("etc/passwd"));
    let groups = read_lines(&root.join("etc/group"));
    let number = user.parse::<u32>().ok();
    let by_name = passwd.lines().filter_map(parse_passwd).find(|entry| entry.name == user);
    let entry = by_name.or_else(|| {
        passwd.lines().filter_map(parse_passwd).find(|entry| Some(entry.uid) == number)
    });
    let mut account = match (entry, number) {
        (Some(account), _) => account,
        (None, Some(uid)) => Account {
            name: uid.to_string(),
            uid,
            gid: 0,
            groups: Vec::new(),
            home: "/".into(),
            shell: None,
        },
        (None, None) => return Err(UserError::NoUser(user.into())),
    };
    match group {
        Some(group) => {
            let known = groups.lines().filter_map(parse_group).find(|entry| entry.name == group);
            account.gid = match known {
                Some(entry) => entry.gid,
                None => group.parse().map_err(|_| UserError::NoGroup(group.into()))?,
            };
        }
        None => {
            let member = |entry: &Group<'_>| entry.members.split(',').any(|m| m == account.name);
            let found = groups.lines().filter_map(parse_group).filter(member).map(|g| g.gid);
            account.groups = found.filter(|gid| *gid != account.gid).take(GROUPS_MAX).collect();
        }
    }
    Ok(account)
}

/// The file as text, empty where it cannot be read. A tenant may put a pipe in its place: that must
/// not stop PID 1.
fn read_lines(path: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        let mut bytes = Vec::new();
        if file.metadata()?.is_file() {
            file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

fn parse_passwd(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let (_password, uid, gid) = (fields.next()?, fields.next()?, fields.next()?);
    let (_comment, home) = (fields.next()?, fields.next()?);
    let shell = fields.next().map(str::trim).filter(|shell| shell.starts_with('/'));
    let refuses = |shell: &&str| NO_SHELLS.iter().any(|no| shell.rsplit('/').next() == Some(no));
    Some(Account {
        name: name.into(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        groups: Vec::new(),
        home: if home.starts_with('/') { home.into() } else { "/".into() },
        shell: shell.filter(|shell| !refuses(shell)).map(PathBuf::from),
    })
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

fn parse_group(line: &str) -> Option<Group<'_>> {
    let mut fields = line.split(':');
    let (name, _password, gid) = (fields.next()?, fields.next()?, fields.next()?);
    Some(Group { name, gid: gid.parse().ok()?, members: fields.next().unwrap_or("").trim() })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn image(passwd: &str, group: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        fs::write(dir.path().join("etc/passwd"), passwd).unwrap();
        fs::write(dir.path().join("etc/group"), group).unwrap();
        dir
    }

    #[test]
    fn users_are_found_by_name_and_number() {
        let dir = image(
            "root:x:0:0:root:/root:/bin/bash\nbroken\nnobody:x:65534:65533::/nonexistent:/usr/sbin/nologin\nana:x:7:8:,:/home/ana:/bin/zsh",
            "wheel:x:10:root,ana\nvideo:x:44:ana\nana:x:8:ana\n",
        );
        let ana = resolve(dir.path(), "ana").unwrap();
        assert_eq!((ana.uid, ana.gid, ana.groups), (7, 8, vec![10, 44]));
        assert_eq!(ana.shell.unwrap(), Path::new("/bin/zsh"));
        let nobody = resolve(dir.path(), "65534").unwrap();
        assert_eq!((nobody.name.as_str(), nobody.gid, nobody.shell), ("nobody", 65533, None));
        let ana = resolve(dir.path(), "ana:video").unwrap();
        assert_eq!((ana.gid, ana.groups), (44, vec![]));
        let other = resolve(dir.path(), "1234:55").unwrap();
        assert_eq!((other.uid, other.gid, other.home.as_path()), (1234, 55, Path::new("/")));
        assert!(matches!(resolve(dir.path(), "eve"), Err(UserError::NoUser(_))));
        assert!(matches!(resolve(dir.path(), "ana:eve"), Err(UserError::NoGroup(_))));
    }

    #[test]
    fn an_image_without_files_has_numbers_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(resolve(dir.path(), "0").unwrap().uid, 0);
        assert!(resolve(dir.path(), "root").is_err());
    }

    #[test]
    fn a_pipe_in_the_place_of_passwd_stops_nobody() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        let mode = nix::sys::stat::Mode::S_IRWXU;
        nix::unistd::mkfifo(&dir.path().join("etc/passwd"), mode).unwrap();
        assert_eq!(resolve(dir.path(), "5").unwrap().uid, 5);
    }
}
