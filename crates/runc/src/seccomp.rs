//! Takes the btrfs ioctls out of a seccomp profile: who may write to a subvolume could otherwise
//! make subvolumes and snapshots inside it, which classic quotas do not count (mechanisms.md rule
//! 17). A pure function over the profile as JSON.

use serde_json::{Value, json};

/// Type byte of every btrfs ioctl: bits 8 to 15 of the request number.
const BTRFS_IOCTL_MAGIC: u64 = 0x94;

/// Replaces whatever lets `ioctl` through by rules that let it through when its type byte differs
/// from btrfs' in at least one bit. The kernel looks at the low 32 bits of the request alone, so the
/// high half cannot disguise it. A profile that allows by default is refused.
pub fn refuse_btrfs_ioctls(profile: &mut Value) -> Result<(), String> {
    match profile.get("defaultAction").and_then(Value::as_str) {
        Some(action) if refuses(action) => {}
        _ => return Err("the seccomp profile does not refuse by default".to_owned()),
    }
    let rules = profile
        .get_mut("syscalls")
        .and_then(Value::as_array_mut)
        .ok_or("the seccomp profile has no list of system calls")?;
    let mut was_allowed = false;
    for rule in rules.iter_mut() {
        let action = rule.get("action").and_then(Value::as_str).unwrap_or_default();
        if refuses(action) {
            continue;
        }
        let names = rule
            .get_mut("names")
            .and_then(Value::as_array_mut)
            .ok_or("a rule of the seccomp profile names no system calls")?;
        let before = names.len();
        names.retain(|name| name.as_str() != Some("ioctl"));
        was_allowed |= names.len() < before;
    }
    rules.retain(|rule| rule["names"].as_array().is_none_or(|names| !names.is_empty()));
    if was_allowed {
        rules.extend((8..16).map(allow_if_bit_differs));
    }
    Ok(())
}

/// Allows an `ioctl` whose request has the other value than btrfs' at this bit.
fn allow_if_bit_differs(bit: u32) -> Value {
    let mask = 1_u64 << bit;
    let other = !(BTRFS_IOCTL_MAGIC << 8) & mask;
    json!({
        "names": ["ioctl"],
        "action": "SCMP_ACT_ALLOW",
        "args": [{ "index": 1, "value": mask, "valueTwo": other, "op": "SCMP_CMP_MASKED_EQ" }],
    })
}

fn refuses(action: &str) -> bool {
    matches!(
        action,
        "SCMP_ACT_ERRNO" | "SCMP_ACT_KILL" | "SCMP_ACT_KILL_PROCESS" | "SCMP_ACT_KILL_THREAD"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would decide for this request under the rewritten profile.
    fn allowed(profile: &Value, request: u64) -> bool {
        let rules = profile["syscalls"].as_array().unwrap().iter();
        let mut named =
            rules.filter(|rule| rule["names"].as_array().unwrap().contains(&json!("ioctl")));
        named.any(|rule| {
            let hit = rule.get("args").and_then(Value::as_array).is_none_or(|args| {
                args.iter().all(|arg| {
                    assert_eq!(arg["op"], "SCMP_CMP_MASKED_EQ");
                    assert_eq!(arg["index"], 1);
                    request & arg["value"].as_u64().unwrap() == arg["valueTwo"].as_u64().unwrap()
                })
            });
            hit && rule["action"] == "SCMP_ACT_ALLOW"
        })
    }

    fn profile() -> Value {
        json!({
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [
                { "names": ["read", "ioctl", "write"], "action": "SCMP_ACT_ALLOW" },
                { "names": ["ioctl"], "action": "SCMP_ACT_LOG" },
                { "names": ["clone"], "action": "SCMP_ACT_ALLOW",
                  "args": [{ "index": 0, "value": 2_114_060_288_u64, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }] },
            ],
        })
    }

    #[test]
    fn rule_17_every_btrfs_ioctl_is_refused_and_no_other() {
        let mut profile = profile();
        assert!(allowed(&profile, 0x5000_940e), "the test's own evaluation works");
        refuse_btrfs_ioctls(&mut profile).unwrap();
        for kind in 0..=0xff_u64 {
            for rest in [0x0000_0000, 0x5000_000e, 0xc000_0039, 0xffff_ffff_ffff_00ff] {
                let request = rest & !0xff00 | kind << 8;
                assert_eq!(allowed(&profile, request), kind != BTRFS_IOCTL_MAGIC, "{request:#x}");
            }
        }
        let text = profile.to_string();
        assert!(text.contains("read") && text.contains("write") && text.contains("clone"));
        assert!(!text.contains("SCMP_ACT_LOG"));
    }

    #[test]
    fn a_profile_that_never_allowed_ioctl_stays_so() {
        let mut profile = json!({ "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [{ "names": ["ioctl"], "action": "SCMP_ACT_ERRNO" }] });
        let before = profile.clone();
        refuse_btrfs_ioctls(&mut profile).unwrap();
        assert_eq!(profile, before);
    }

    #[test]
    fn open_profiles_are_refused() {
        for mut profile in [
            json!({}),
            json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [] }),
            json!({ "defaultAction": "SCMP_ACT_ERRNO" }),
            json!({ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{ "action": "SCMP_ACT_ALLOW" }] }),
        ] {
            assert!(refuse_btrfs_ioctls(&mut profile).is_err(), "{profile}");
        }
    }
}
