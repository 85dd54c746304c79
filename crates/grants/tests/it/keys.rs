//! Key files.

use std::{fs, os::unix::fs::PermissionsExt};

use dbc_grants::{AccessKey, HolderKey, KeyError};

#[test]
fn a_key_comes_back_from_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("holder.key");
    let key = HolderKey::load_or_create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(HolderKey::load_or_create(&path).unwrap().public(), key.public());
    assert_eq!(HolderKey::from_hex(&key.to_hex()).unwrap().public(), key.public());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no leftovers");
}

#[test]
fn a_key_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("7.key");
    let key = AccessKey::generate();
    key.save(&path).unwrap();
    assert!(matches!(AccessKey::generate().save(&path), Err(KeyError::Write { .. })));
    assert_eq!(AccessKey::load(&path).unwrap().public(), key.public());
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("holder.key");
    HolderKey::generate().save(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(HolderKey::load(&path), Err(KeyError::Mode { mode: 0o640, .. })));
}

#[test]
fn a_damaged_key_is_named_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("holder.key");
    HolderKey::generate().save(&path).unwrap();
    for text in ["", "zz", &"0".repeat(63), &"0".repeat(100_000)] {
        fs::write(&path, text).unwrap();
        let error = HolderKey::load_or_create(&path).unwrap_err();
        assert!(matches!(error, KeyError::Damaged { .. }));
        assert!(error.to_string().contains("holder.key"));
    }
}

#[test]
fn debug_output_hides_the_secret() {
    let key = AccessKey::generate();
    assert!(!format!("{key:?}").contains(key.to_hex().as_str()));
}
