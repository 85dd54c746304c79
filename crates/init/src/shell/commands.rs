//! The commands that the small shell brings with it, for images that have not even these.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::Path,
};

const HELP: &str = "\
cd DIR        change the directory        pwd           where am I
ls [-al] DIR  list                        cat FILE...   show files
echo WORD...  print                       env           print the environment
export A=B    set a variable              exit [N]      leave
exec PROGRAM  replace this shell          help          this text
Anything else is a program of the image. `;`, `&&`, `||`, quotes and $NAME work; pipes do not.";

/// Runs a command; `None` if it is none of ours.
pub fn run(name: &str, arguments: &[String]) -> Option<io::Result<()>> {
    let mut out = io::stdout().lock();
    Some(
        match name {
            "true" | ":" => Ok(()),
            "false" => Err(io::Error::other("as asked")),
            "help" => writeln!(out, "{HELP}"),
            "pwd" => std::env::current_dir().and_then(|dir| writeln!(out, "{}", dir.display())),
            "cd" => {
                let home = || std::env::var("HOME").unwrap_or_else(|_| "/".into());
                std::env::set_current_dir(arguments.first().cloned().unwrap_or_else(home))
            }
            "echo" => match arguments.split_first() {
                Some((flag, words)) if flag == "-n" => write!(out, "{}", words.join(" ")),
                _ => writeln!(out, "{}", arguments.join(" ")),
            },
            "env" if arguments.is_empty() => std::env::vars_os().try_for_each(|(name, value)| {
                writeln!(out, "{}={}", name.to_string_lossy(), value.to_string_lossy())
            }),
            "export" => arguments.iter().try_for_each(|pair| match pair.split_once('=') {
                Some((name, value)) if !name.is_empty() && !value.contains('\0') => {
                    // SAFETY: this program has one thread.
                    unsafe { std::env::set_var(name, value) };
                    Ok(())
                }
                _ => Err(io::Error::other("NAME=VALUE is expected")),
            }),
            "cat" => arguments.iter().try_for_each(|path| {
                let copied =
                    fs::File::open(path).and_then(|mut file| io::copy(&mut file, &mut out));
                copied.map(drop).map_err(|error| io::Error::other(format!("{path}: {error}")))
            }),
            "ls" => list(&mut out, arguments),
            _ => return None,
        }
        .and_then(|()| out.flush()),
    )
}

fn list(out: &mut impl Write, arguments: &[String]) -> io::Result<()> {
    let (flags, mut paths): (Vec<&str>, Vec<&str>) =
        arguments.iter().map(String::as_str).partition(|word| word.starts_with('-'));
    let (all, long) =
        (flags.iter().any(|f| f.contains('a')), flags.iter().any(|f| f.contains('l')));
    if paths.is_empty() {
        paths.push(".");
    }
    for path in paths {
        let path = Path::new(path);
        if !path.is_dir() {
            show(out, path, &path.to_string_lossy(), long)?;
            continue;
        }
        let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if all || !name.starts_with('.') {
                show(out, &entry.path(), &name, long)?;
            }
        }
    }
    Ok(())
}

fn show(out: &mut impl Write, path: &Path, name: &str, long: bool) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    let mark = if found.is_dir() { "/" } else { "" };
    if long {
        let (mode, uid, gid) = (found.mode() & 0o7777, found.uid(), found.gid());
        return writeln!(out, "{mode:04o} {uid:>6} {gid:>6} {:>12} {name}{mark}", found.size());
    }
    writeln!(out, "{name}{mark}")
}
