//! From a spec and a share of the machine to a container: pure, so that every limit and every word
//! that reaches the engine is tested here. GPUs and CPU shares are equal parts of a machine: a lease of k
//! of n gets k/n of everything else, rounded down, so that all leases together get no more than there is.

use std::{collections::BTreeMap, path::PathBuf};

use dbc_agent_api::{
    ApiError, ErrorCode, WorkloadSpec,
    workload::{ContainerSpec, Resources, WorkloadKind},
};
use dbc_host::{
    WorkloadKey,
    backend::{ContainerPlan, InitMount, Limits},
    image::ImageConfig,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::chain::{LeaseRecord, MachineRecord};

/// Processes and threads when the spec names no number.
const PIDS_DEFAULT: u32 = 4096;
/// Most that a spec may ask for; the kernel has 32,768 in all by default.
const PIDS_MAX: u32 = 16_384;
/// Where programs are sought when neither image nor spec says so; Docker's own default.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Entries and bytes of an image's environment that are taken over.
const IMAGE_ENV_MAX: usize = 256;

/// What of the machine a lease pays for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Thousandths of a core.
    pub cpu_millis: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Disk in GiB.
    pub disk_gib: u32,
    /// UUIDs of GPUs.
    pub gpus: Vec<String>,
}

/// Cuts a lease's share: k/n for k of n parts, which are the machine's GPUs and the CPU shares that it
/// offers (mechanisms rule 31).
///
/// # Errors
/// When the lease names a GPU that the machine does not have: the machine changed under it.
pub fn share(machine: &MachineRecord, lease: &LeaseRecord) -> Result<Share, ApiError> {
    let uuid = |position: &u8| machine.gpus.get(usize::from(*position)).cloned();
    let gpus: Option<Vec<String>> = lease.gpus.iter().map(uuid).collect();
    let Some(gpus) = gpus else {
        return Err(ApiError::new(
            ErrorCode::HostUnavailable,
            format!("lease {} names a GPU that this machine does not have", lease.id),
        ));
    };
    // At most 16 GPUs and 65,535 shares: no product below leaves 64 bits.
    let count = |gpus: usize, shares: u16| gpus as u64 + u64::from(shares);
    let total = count(machine.gpus.len(), machine.cpu_shares).max(1);
    let part = count(gpus.len(), lease.cpu_shares).clamp(1, total);
    let cut = |all: u64| u32::try_from(all * part / total).unwrap_or(u32::MAX);
    Ok(Share {
        cpu_millis: cut(u64::from(machine.cpu_cores) * 1000),
        memory_mib: cut(machine.memory_mib.into()),
        disk_gib: cut(machine.disk_gib.into()),
        gpus,
    })
}

/// A spec fitted into a share: what the container gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Limits of the container.
    pub limits: Limits,
    /// Quota of the root.
    pub quota_bytes: u64,
    /// UUIDs of its GPUs.
    pub gpus: Vec<String>,
    /// Hash of what the renter asked for and pays for: spec and share. A container made from
    /// another basis is made anew; one that differs in anything else is left until it stops.
    pub basis: String,
}

/// Fits a spec into a share.
///
/// # Errors
/// `invalid_spec` when it asks for more than the share has, or for a virtual machine.
pub fn fit(spec: &WorkloadSpec, share: &Share) -> Result<Shape, ApiError> {
    let Resources { cpu_millis, memory_mib, disk_gib, pids } = &container(spec)?.resources;
    within("resources.cpu_millis", *cpu_millis, share.cpu_millis, "1/1000 core")?;
    within("resources.memory_mib", *memory_mib, share.memory_mib, "MiB")?;
    within("resources.disk_gib", *disk_gib, share.disk_gib, "GiB")?;
    within("resources.pids", *pids, PIDS_MAX, "processes")?;
    cut(spec, share)
}

/// Cuts what a spec asks for to a share: a lease that gave its cards up has less of everything than it had
/// when its spec was taken (mechanisms rule 31).
///
/// # Errors
/// `invalid_spec` for a virtual machine.
pub fn cut(spec: &WorkloadSpec, share: &Share) -> Result<Shape, ApiError> {
    let Resources { cpu_millis, memory_mib, disk_gib, pids } = &container(spec)?.resources;
    let part = |wanted: Option<u32>, most: u32| wanted.unwrap_or(most).min(most);
    let cpu_millis = part(*cpu_millis, share.cpu_millis);
    let memory_mib = part(*memory_mib, share.memory_mib);
    let disk_gib = part(*disk_gib, share.disk_gib);
    let pids = pids.unwrap_or(PIDS_DEFAULT).min(PIDS_MAX);
    let words = serde_json::to_vec(&(spec, share)).expect("strings, numbers and maps encode");
    Ok(Shape {
        limits: Limits { cpu_millis, memory_bytes: u64::from(memory_mib) << 20, pids },
        quota_bytes: u64::from(disk_gib) << 30,
        gpus: share.gpus.clone(),
        basis: hex::encode(Sha256::digest(words)),
    })
}

fn within(field: &str, wanted: Option<u32>, most: u32, unit: &str) -> Result<(), ApiError> {
    match wanted {
        Some(wanted) if wanted > most => Err(ApiError::new(
            ErrorCode::InvalidSpec,
            format!(
                "{field}: asks for {wanted} {unit}, the lease's share of the machine is {most}"
            ),
        )),
        _ => Ok(()),
    }
}

/// The container of a spec.
///
/// # Errors
/// `invalid_spec` for a virtual machine: this agent runs containers alone.
pub fn container(spec: &WorkloadSpec) -> Result<&ContainerSpec, ApiError> {
    match &spec.kind {
        WorkloadKind::Container(container) => Ok(container),
        WorkloadKind::Vm(_) => {
            Err(ApiError::new(ErrorCode::InvalidSpec, "kind.vm: this agent runs containers alone"))
        }
    }
}

/// Where the parts of a container are on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Its root, from the pool.
    pub root: PathBuf,
    /// Engine's name of the lease's network.
    pub network: String,
    /// Our PID 1 on the host.
    pub init: PathBuf,
    /// The folder that workload and agent share.
    pub run_dir: PathBuf,
}

/// The container to be.
///
/// # Errors
/// See [`container`].
pub fn container_plan(
    key: WorkloadKey,
    spec: &WorkloadSpec,
    shape: &Shape,
    image: &ImageConfig,
    places: &Places,
) -> Result<ContainerPlan, ApiError> {
    let container = container(spec)?;
    let command =
        if container.command.is_empty() { image.command() } else { container.command.clone() };
    let user = container.user.clone().or_else(|| some(&image.user));
    let workdir = container.workdir.clone().or_else(|| some(&image.workdir));
    let init = InitMount {
        binary: places.init.clone(),
        run_dir: places.run_dir.clone(),
        args: init_args(user.as_deref(), workdir.as_deref(), command.is_empty()),
    };
    Ok(ContainerPlan {
        key,
        root: places.root.clone(),
        network: places.network.clone(),
        hostname: format!("dbc-{}", key.lease),
        command,
        env: environment(key, container, image),
        user,
        workdir,
        limits: shape.limits,
        init: Some(init),
        gpus: shape.gpus.clone(),
        stop_signal: None,
    })
}

/// Arguments of `dbc-init` before `--`.
fn init_args(user: Option<&str>, workdir: Option<&str>, hold: bool) -> Vec<String> {
    let mut args = Vec::new();
    for (name, value) in [("--user", user), ("--workdir", workdir)] {
        if let Some(value) = value {
            args.extend([name.to_owned(), value.to_owned()]);
        }
    }
    if hold {
        args.push("--hold".into());
    }
    args
}

/// The image's environment, overlaid with the spec's, then with ours.
fn environment(key: WorkloadKey, spec: &ContainerSpec, image: &ImageConfig) -> Vec<String> {
    let mut env = BTreeMap::from([("PATH".to_owned(), PATH_DEFAULT.to_owned())]);
    for entry in image.env.iter().take(IMAGE_ENV_MAX) {
        if let Some((name, value)) = entry.split_once('=') {
            // Names of ours tell programs inside where they are; an image cannot forge them.
            if !name.is_empty() && !name.starts_with("DBC_") {
                env.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    env.extend(spec.env.clone());
    env.insert("DBC_LEASE".into(), key.lease.to_string());
    env.insert("DBC_WORKLOAD".into(), key.workload.to_string());
    env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use dbc_agent_api::workload::VmSpec;

    use super::*;

    fn machine(gpus: usize) -> MachineRecord {
        MachineRecord {
            gpus: (0..gpus).map(|at| format!("GPU-{at}")).collect(),
            cpu_shares: u16::from(gpus == 0),
            cpu_cores: 64,
            memory_mib: 65_536,
            disk_gib: 1000,
            relays: Vec::new(),
        }
    }

    fn lease(gpus: &[u8]) -> LeaseRecord {
        LeaseRecord {
            id: 7,
            machine: [1; 32],
            gpus: gpus.to_vec(),
            cpu_shares: u16::from(gpus.is_empty()),
            started_at: None,
            ends_at: 1000,
            access_key: [2; 32],
            grant_epoch: 0,
            spec_hash: None,
            down: false,
            closed: None,
            moved: false,
        }
    }

    fn spec(change: impl FnOnce(&mut ContainerSpec)) -> WorkloadSpec {
        let mut spec = WorkloadSpec::container("debian");
        let WorkloadKind::Container(container) = &mut spec.kind else { unreachable!() };
        change(container);
        spec
    }

    fn places() -> Places {
        Places {
            root: "/pool/roots/7-0".into(),
            network: "dbc-7".into(),
            init: "/libexec/dbc-init".into(),
            run_dir: "/state/run/7-0".into(),
        }
    }

    #[test]
    fn k_of_n_gpus_bring_k_nths_of_everything() {
        let share = share(&machine(8), &lease(&[1, 6])).unwrap();
        assert_eq!(share.gpus, ["GPU-1", "GPU-6"]);
        assert_eq!((share.cpu_millis, share.memory_mib, share.disk_gib), (16_000, 16_384, 250));
        assert!(super::share(&machine(1), &lease(&[1])).is_err());
    }

    #[test]
    fn d58_all_shares_bring_the_whole_machine() {
        let whole = share(&machine(0), &lease(&[])).unwrap();
        assert_eq!((whole.cpu_millis, whole.memory_mib, whole.disk_gib), (64_000, 65_536, 1000));
        let machine = MachineRecord { cpu_shares: 3, ..machine(0) };
        let lease = LeaseRecord { cpu_shares: 3, ..lease(&[]) };
        assert_eq!(share(&machine, &lease).unwrap(), whole);
    }

    #[test]
    fn rule_31_leases_together_never_get_more_than_the_machine_has() {
        for (gpus, shares) in [(0, 1), (0, 3), (0, 7), (1, 1), (2, 3), (8, 0), (16, 5)] {
            let machine = MachineRecord { cpu_shares: shares, ..machine(gpus) };
            // Everybody takes one part, but for one who takes two shares where there are so many.
            let mut leases: Vec<_> = (0..gpus).map(|gpu| lease(&[gpu as u8])).collect();
            let two = shares.min(2);
            leases.extend((two > 0).then(|| LeaseRecord { cpu_shares: two, ..lease(&[]) }));
            leases.extend((two..shares).map(|_| lease(&[])));
            let cut: Vec<_> = leases.iter().map(|lease| share(&machine, lease).unwrap()).collect();
            let sum = |part: fn(&Share) -> u32| cut.iter().map(part).sum::<u32>();
            let least = 1 + gpus as u32 + u32::from(shares);
            let fits = |sum: u32, all: u32| sum <= all && all - sum < least;
            assert!(fits(sum(|share| share.cpu_millis), 64_000), "{cut:?}");
            assert!(fits(sum(|share| share.memory_mib), 65_536), "{cut:?}");
            assert!(fits(sum(|share| share.disk_gib), 1000), "{cut:?}");
        }
    }

    #[test]
    fn a_spec_gets_its_share_or_less_and_never_more() {
        let share = share(&machine(0), &lease(&[])).unwrap();
        let shape = fit(&spec(|_| {}), &share).unwrap();
        assert_eq!(shape.limits.memory_bytes, 64 << 30);
        assert_eq!(shape.quota_bytes, 1000 << 30);
        let less = fit(&spec(|c| c.resources.memory_mib = Some(512)), &share).unwrap();
        assert_eq!(less.limits.memory_bytes, 512 << 20);
        assert_ne!(less.basis, shape.basis);
        let error = fit(&spec(|c| c.resources.disk_gib = Some(1001)), &share).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidSpec);
        assert!(error.message.contains("disk_gib") && error.message.contains("1000"), "{error}");
        let error = fit(&spec(|c| c.resources.pids = Some(1_000_000)), &share).unwrap_err();
        assert!(error.message.contains("pids"));
    }

    #[test]
    fn rule_31_a_known_spec_is_cut_to_what_its_lease_has_left() {
        let machine = MachineRecord { cpu_shares: 4, ..machine(4) };
        let with_cards = share(&machine, &lease(&[0, 1])).unwrap();
        let without = share(&machine, &lease(&[])).unwrap();
        let spec = spec(|c| c.resources.memory_mib = Some(with_cards.memory_mib));
        let before = fit(&spec, &with_cards).unwrap();
        assert!(fit(&spec, &without).is_err(), "a new spec is refused");
        let after = cut(&spec, &without).unwrap();
        assert_eq!(after.limits.memory_bytes, u64::from(without.memory_mib) << 20);
        assert_eq!((after.gpus.len(), before.gpus.len()), (0, 2));
        assert_ne!(after.basis, before.basis);
        assert_eq!(cut(&spec, &with_cards).unwrap(), before);
    }

    #[test]
    fn a_virtual_machine_is_refused_clearly() {
        let vm = VmSpec { image: "a".into(), resources: Resources::default() };
        let spec = WorkloadSpec { version: 1, kind: WorkloadKind::Vm(vm) };
        let share = share(&machine(0), &lease(&[])).unwrap();
        assert_eq!(fit(&spec, &share).unwrap_err().code, ErrorCode::InvalidSpec);
    }

    #[test]
    fn the_spec_lies_over_the_image() {
        let image = ImageConfig {
            entrypoint: vec!["/entry".into()],
            cmd: vec!["serve".into()],
            env: vec!["A=1".into(), "B=2".into(), "DBC_LEASE=99".into(), "odd".into()],
            user: "nobody".into(),
            workdir: "/srv".into(),
            ..ImageConfig::default()
        };
        let share = share(&machine(0), &lease(&[])).unwrap();
        let key = WorkloadKey::new(7, 0);
        let plain = spec(|_| {});
        let shape = fit(&plain, &share).unwrap();
        let plan = container_plan(key, &plain, &shape, &image, &places()).unwrap();
        assert_eq!(plan.command, ["/entry", "serve"]);
        assert_eq!(plan.init.unwrap().args, ["--user", "nobody", "--workdir", "/srv"]);
        assert!(plan.env.contains(&"DBC_LEASE=7".to_owned()), "{:?}", plan.env);
        assert!(plan.env.contains(&"A=1".to_owned()));

        let own = spec(|c| {
            c.command = vec!["sleep".into(), "9".into()];
            c.env.insert("B".into(), "3".into());
            c.user = Some("root".into());
        });
        let plan = container_plan(key, &own, &shape, &image, &places()).unwrap();
        assert_eq!(plan.command, ["sleep", "9"]);
        assert_eq!(plan.user.as_deref(), Some("root"));
        assert!(plan.env.contains(&"B=3".to_owned()));
    }

    #[test]
    fn without_any_command_init_holds_the_container() {
        let share = share(&machine(0), &lease(&[])).unwrap();
        let spec = spec(|_| {});
        let shape = fit(&spec, &share).unwrap();
        let image = ImageConfig::default();
        let plan =
            container_plan(WorkloadKey::new(7, 0), &spec, &shape, &image, &places()).unwrap();
        assert!(plan.command.is_empty());
        assert_eq!(plan.init.unwrap().args, ["--hold"]);
    }
}
