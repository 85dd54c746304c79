//! The container's bundle: which root it gets, and the edit of its `config.json`. Reads are bounded;
//! the file is replaced whole or not at all.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::seccomp;

/// Far above any real bundle; a container with 32 KiB of environment has about 100 KiB.
const CONFIG_BYTES_MAX: u64 = 4 << 20;
const MAPPING_BYTES_MAX: u64 = 16 << 10;
/// Files on the engine's own disk that it mounts into each container: writable, they would let a
/// tenant fill that disk past his quota.
const ENGINE_FILES: [&str; 3] = ["/etc/resolv.conf", "/etc/hostname", "/etc/hosts"];

/// The root that the agent prepared for this container: `<roots>/<id>.json` holds `{"root": "…"}`.
pub fn root_of(roots: &Path, id: &str) -> Result<PathBuf, String> {
    let file = roots.join(format!("{id}.json"));
    let text = read_bounded(&file, MAPPING_BYTES_MAX)
        .map_err(|why| format!("no root was prepared for container {id}: {why}"))?;
    let mapping: Value = serde_json::from_slice(&text)
        .map_err(|error| format!("{} is damaged: {error}", file.display()))?;
    let root = mapping
        .get("root")
        .and_then(Value::as_str)
        .map(PathBuf::from)
        .filter(|root| root.is_absolute())
        .ok_or_else(|| format!("{} names no absolute root", file.display()))?;
    match fs::symlink_metadata(&root) {
        Ok(meta) if meta.is_dir() => Ok(root),
        Ok(_) => Err(format!("root {} is no directory", root.display())),
        Err(error) => {
            Err(format!("root {} of container {id} is not there: {error}", root.display()))
        }
    }
}

/// Edits `<bundle>/config.json`.
pub fn rewrite(bundle: &Path, root: &Path) -> Result<(), String> {
    let file = bundle.join("config.json");
    let text = read_bounded(&file, CONFIG_BYTES_MAX)?;
    let mut config: Value = serde_json::from_slice(&text)
        .map_err(|error| format!("{} is not JSON: {error}", file.display()))?;
    edit(&mut config, root)?;
    let text = serde_json::to_vec(&config).map_err(|error| error.to_string())?;
    replace(&file, &text).map_err(|error| format!("cannot write {}: {error}", file.display()))
}

/// The edit itself, without I/O.
fn edit(config: &mut Value, root: &Path) -> Result<(), String> {
    let root = root.to_str().ok_or("the root's path is not UTF-8")?;
    let section =
        config.get_mut("root").and_then(Value::as_object_mut).ok_or("config.json has no root")?;
    section.insert("path".into(), root.into());
    section.insert("readonly".into(), false.into());
    let profile = config
        .pointer_mut("/linux/seccomp")
        .filter(|profile| profile.is_object())
        .ok_or("config.json has no seccomp profile")?;
    seccomp::refuse_btrfs_ioctls(profile)?;
    let Some(mounts) = config.get_mut("mounts") else { return Ok(()) };
    for mount in mounts.as_array_mut().ok_or("mounts of config.json are no list")? {
        let ours = |to: &str| ENGINE_FILES.contains(&to);
        if mount.get("destination").and_then(Value::as_str).is_some_and(ours) {
            make_readonly(mount)?;
        }
    }
    Ok(())
}

fn make_readonly(mount: &mut Value) -> Result<(), String> {
    let mount = mount.as_object_mut().ok_or("a mount of config.json is malformed")?;
    let options = mount.entry("options").or_insert_with(|| Value::Array(Vec::new()));
    let options = options.as_array_mut().ok_or("options of a mount are no list")?;
    options.retain(|option| option != "rw");
    options.push("ro".into());
    Ok(())
}

fn read_bounded(file: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let say = |error: std::io::Error| format!("cannot read {}: {error}", file.display());
    let mut text = Vec::new();
    let opened = fs::File::open(file).map_err(say)?;
    opened.take(bytes_max + 1).read_to_end(&mut text).map_err(say)?;
    if text.len() as u64 > bytes_max {
        return Err(format!("{} is larger than {bytes_max} bytes", file.display()));
    }
    Ok(text)
}

fn replace(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let new = file.with_extension("json.dbc");
    let mut out =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    out.write_all(text)?;
    out.set_permissions(fs::metadata(file)?.permissions())?;
    drop(out);
    fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config() -> Value {
        json!({
            "root": { "path": "/var/lib/docker/overlay2/x/merged", "readonly": true },
            "mounts": [
                { "destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"] },
                { "destination": "/etc/hosts", "type": "bind", "source": "/x", "options": ["rbind", "rw"] },
                { "destination": "/etc/hostname", "type": "bind", "source": "/y" },
            ],
            "linux": { "seccomp": { "defaultAction": "SCMP_ACT_ERRNO",
                "syscalls": [{ "names": ["ioctl"], "action": "SCMP_ACT_ALLOW" }] } },
        })
    }

    #[test]
    fn rule_16_the_root_becomes_the_prepared_one() {
        let mut config = config();
        edit(&mut config, Path::new("/pool/roots/a-1-0")).unwrap();
        assert_eq!(config["root"], json!({ "path": "/pool/roots/a-1-0", "readonly": false }));
        assert_eq!(config["linux"]["seccomp"]["syscalls"].as_array().unwrap().len(), 8);
        assert_eq!(config["mounts"][0]["options"], json!(["nosuid"]));
    }

    #[test]
    fn rule_16_files_on_the_engines_disk_are_not_writable() {
        let mut config = config();
        edit(&mut config, Path::new("/pool/roots/a-1-0")).unwrap();
        assert_eq!(config["mounts"][1]["options"], json!(["rbind", "ro"]));
        assert_eq!(config["mounts"][2]["options"], json!(["ro"]));
    }

    #[test]
    fn incomplete_bundles_are_refused() {
        for key in ["root", "linux"] {
            let mut config = config();
            config.as_object_mut().unwrap().remove(key);
            assert!(edit(&mut config, Path::new("/r")).is_err(), "{key}");
        }
        let mut unconfined = config();
        unconfined["linux"]["seccomp"] = Value::Null;
        assert!(edit(&mut unconfined, Path::new("/r")).is_err());
    }

    #[test]
    fn a_container_without_a_prepared_root_is_refused() {
        let dir = std::env::temp_dir().join(format!("dbc-runc-test-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let put = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
        put("a.json", &json!({ "root": dir }).to_string());
        put("b.json", "{}");
        put("c.json", "no json");
        put("d.json", r#"{"root":"relative"}"#);
        put("e.json", &json!({ "root": dir.join("missing") }).to_string());
        put("f.json", &json!({ "root": dir.join("a.json") }).to_string());
        put("g.json", &" ".repeat(20 << 10));
        assert_eq!(root_of(&dir, "a").unwrap(), dir);
        for id in ["b", "c", "d", "e", "f", "g", "none"] {
            assert!(root_of(&dir, id).is_err(), "{id}");
        }
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_file_is_replaced_and_bounded() {
        let dir = std::env::temp_dir().join(format!("dbc-runc-bundle-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("config.json"), config().to_string()).unwrap();
        rewrite(&dir, Path::new("/r")).unwrap();
        let text = fs::read_to_string(dir.join("config.json")).unwrap();
        assert!(text.contains(r#""path":"/r""#));
        assert!(!dir.join("config.json.dbc").exists());
        fs::write(dir.join("config.json"), " ".repeat(5 << 20)).unwrap();
        assert!(rewrite(&dir, Path::new("/r")).unwrap_err().contains("larger"));
        fs::remove_dir_all(&dir).unwrap();
    }
}
