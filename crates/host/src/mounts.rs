//! Mounts and loop devices as the kernel lists them. Reads `/proc` and `/sys`; changes nothing.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

/// A mount of this process's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub target: PathBuf,
    /// File system type, e.g. `btrfs`.
    pub kind: String,
    /// Device or name.
    pub source: PathBuf,
}

/// All mounts, in the order in which they were made.
pub fn mounts() -> io::Result<Vec<Mount>> {
    Ok(parse(&fs::read("/proc/self/mountinfo")?))
}

/// The mount at exactly this path, the topmost when there are several. Links are followed first.
pub fn mount_at(path: &Path) -> io::Result<Option<Mount>> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    Ok(mounts()?.into_iter().rev().find(|mount| mount.target == *path))
}

/// A loop device and the file behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loop {
    /// E.g. `/dev/loop0`.
    pub device: PathBuf,
    /// The file; ` (deleted)` is appended by the kernel when it is gone.
    pub file: PathBuf,
}

/// All loop devices in use.
pub fn loops() -> io::Result<Vec<Loop>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/sys/block")? {
        let entry = entry?;
        let Ok(mut file) = fs::read(entry.path().join("loop/backing_file")) else { continue };
        if file.last() == Some(&b'\n') {
            file.pop();
        }
        found.push(Loop {
            device: Path::new("/dev").join(entry.file_name()),
            file: PathBuf::from(OsString::from_vec(file)),
        });
    }
    Ok(found)
}

/// One mount per line: `id parent major:minor root target options [optional…] - type source super`.
fn parse(text: &[u8]) -> Vec<Mount> {
    let line = |line: &[u8]| {
        let words: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
        let dash = words.iter().position(|word| *word == b"-")?;
        Some(Mount {
            target: unescape(words.get(4)?),
            kind: String::from_utf8_lossy(words.get(dash + 1)?).into_owned(),
            source: unescape(words.get(dash + 2)?),
        })
    };
    text.split(|b| *b == b'\n').filter_map(line).collect()
}

/// The kernel writes space, tab, newline and backslash as `\ooo`.
fn unescape(word: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|digits| digits.iter().all(|b| (b'0'..=b'7').contains(b)));
        match (first, octal) {
            (b'\\', Some(digits)) => {
                let value = digits.iter().fold(0_u32, |sum, b| sum * 8 + u32::from(b - b'0'));
                bytes.push(value.to_le_bytes()[0]);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let text = b"36 35 98:0 / /mnt/a\\040b rw,noatime shared:1 - btrfs /dev/loop0 rw\nbroken\n";
        let mount =
            Mount { target: "/mnt/a b".into(), kind: "btrfs".into(), source: "/dev/loop0".into() };
        assert_eq!(parse(text), [mount]);
    }

    #[test]
    fn this_machine_can_be_read() {
        assert!(mounts().unwrap().iter().any(|mount| mount.target == Path::new("/proc")));
        assert_eq!(mount_at(Path::new("/no/such/mount")).unwrap(), None);
        loops().unwrap();
    }
}
