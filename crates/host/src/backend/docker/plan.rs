//! From a plan to what Docker is asked for. Here is every setting that keeps a stranger's container
//! in its place; pure, so that tests read the result.

use std::{collections::HashMap, path::Path};

use bollard::models::{
    ContainerCreateBody, DeviceRequest, HostConfig, HostConfigLogConfig, Mount, MountType,
    RestartPolicy, RestartPolicyNameEnum,
};

use super::DockerConfig;
use crate::{
    backend::{BackendError, ContainerPlan, InitMount},
    ids::{LABEL_LEASE, LABEL_NETWORK, LABEL_PLAN, LABEL_WORKLOAD},
    rundir,
};

/// Where our PID 1 is inside.
const INIT: &str = "/.dbc/init";
/// What a system image needs to install packages and serve; nothing that reaches the host's kernel
/// configuration, other processes or raw packets.
const CAPABILITIES: [&str; 9] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
];
/// The kernel refuses larger ones with a message that names no field.
const WORDS_BYTES_MAX: usize = 512 << 10;
const MEMORY_BYTES_MIN: u64 = 16 << 20;
const CPU_PERIOD_US: i64 = 100_000;

/// Checks what would otherwise fail late, or mean something else to Docker.
pub(super) fn check(plan: &ContainerPlan) -> Result<(), BackendError> {
    let bad = |why: &str| Err(BackendError::BadPlan { why: why.to_owned() });
    let words = plan.command.iter().chain(&plan.env);
    let bytes = words.clone().map(String::len).fold(0_usize, usize::saturating_add);
    let mut paths = vec![&plan.root];
    if let Some(init) = &plan.init {
        paths.extend([&init.binary, &init.run_dir]);
    }
    if paths.iter().any(|path| !path.is_absolute() || path.to_str().is_none()) {
        return bad("paths on the host must be absolute and UTF-8");
    }
    if bytes > WORDS_BYTES_MAX || words.clone().any(|word| word.contains('\0')) {
        return bad("command and environment must be smaller than 512 KiB and have no zero byte");
    }
    if plan.env.iter().any(|entry| entry.find('=').is_none_or(|at| at == 0)) {
        return bad("entries of the environment must be NAME=value");
    }
    if plan.command.is_empty() && plan.init.is_none() {
        return bad("there is no command");
    }
    let numbers = |user: &String| {
        user.split(':').all(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
    };
    if plan.init.is_none() && !plan.user.as_ref().is_none_or(numbers) {
        return bad("without init the user must be given by number");
    }
    // A folder below /proc as working directory has been a way out of a container before.
    let outside = |dir: &String| {
        let dir = Path::new(dir);
        !dir.is_absolute() || ["/proc", "/sys", "/dev"].iter().any(|place| dir.starts_with(place))
    };
    if plan.workdir.as_ref().is_some_and(outside) {
        return bad("the working directory must be absolute and not below /proc, /sys or /dev");
    }
    let host = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if !(1..=63).contains(&plan.hostname.len()) || !plan.hostname.bytes().all(host) {
        return bad("the host name must be 1 to 63 letters, digits and -");
    }
    let signal = |name: &String| {
        (1..=16).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-".contains(&b))
    };
    if !plan.stop_signal.as_ref().is_none_or(signal) {
        return bad("the stop signal must be a signal's name or number");
    }
    let limits = plan.limits;
    if limits.memory_bytes < MEMORY_BYTES_MIN || limits.cpu_millis < 10 || limits.pids == 0 {
        return bad("limits must be at least 16 MiB, 10 thousandths of a core and one process");
    }
    Ok(())
}

/// What Docker is asked for; `plan` was checked.
pub(super) fn body(
    plan: &ContainerPlan,
    config: &DockerConfig,
    hash: &str,
    image: &str,
) -> ContainerCreateBody {
    let labels = HashMap::from([
        (LABEL_NETWORK.to_owned(), config.network.to_string()),
        (LABEL_LEASE.to_owned(), plan.key.lease.to_string()),
        (LABEL_WORKLOAD.to_owned(), plan.key.workload.to_string()),
        (LABEL_PLAN.to_owned(), hash.to_owned()),
    ]);
    let (entrypoint, cmd, user, workdir) = match &plan.init {
        Some(init) => {
            let mut words = vec![INIT.to_owned()];
            words.extend(init.args.iter().cloned());
            let mut cmd = vec!["--".to_owned()];
            cmd.extend(plan.command.iter().cloned());
            (words, cmd, None, None)
        }
        None => {
            let (program, args) = plan.command.split_at(1);
            (program.to_vec(), args.to_vec(), plan.user.clone(), plan.workdir.clone())
        }
    };
    ContainerCreateBody {
        hostname: Some(plan.hostname.clone()),
        user,
        env: Some(plan.env.clone()),
        cmd: Some(cmd),
        entrypoint: Some(entrypoint),
        image: Some(image.to_owned()),
        working_dir: Some(workdir.unwrap_or_else(|| "/".into())),
        labels: Some(labels),
        stop_signal: plan.stop_signal.clone(),
        host_config: Some(host_config(plan, config)),
        ..Default::default()
    }
}

fn host_config(plan: &ContainerPlan, config: &DockerConfig) -> HostConfig {
    let memory = i64::try_from(plan.limits.memory_bytes).unwrap_or(i64::MAX);
    HostConfig {
        runtime: Some(config.runtime.clone()),
        network_mode: Some(plan.network.clone()),
        cap_drop: Some(vec!["ALL".into()]),
        cap_add: Some(CAPABILITIES.map(String::from).into()),
        // Docker adds its own seccomp profile when none is named.
        security_opt: Some(vec!["no-new-privileges:true".into()]),
        privileged: Some(false),
        pids_limit: Some(i64::from(plan.limits.pids)),
        memory: Some(memory),
        // Memory and swap together: as much swap as memory where no card is computed with, and none beside cards.
        memory_swap: Some(if plan.gpus.is_empty() { memory.saturating_mul(2) } else { memory }),
        cpu_period: Some(CPU_PERIOD_US),
        cpu_quota: Some(i64::from(plan.limits.cpu_millis) * CPU_PERIOD_US / 1000),
        ipc_mode: Some("private".into()),
        // Counts as memory of the container; the usual 64 MiB stop data loaders of PyTorch.
        shm_size: Some(memory / 2),
        // A tenant's process goes before the agent or the engine does.
        oom_score_adj: Some(500),
        // Owners in the pool are those of the image, so an engine-wide remap must not apply.
        userns_mode: Some("host".into()),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".into()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "10m".to_owned()),
                ("max-file".to_owned(), "3".to_owned()),
            ])),
        }),
        mounts: plan.init.as_ref().map(init_mounts),
        device_requests: (!plan.gpus.is_empty()).then(|| vec![gpu_request(&plan.gpus)]),
        ..Default::default()
    }
}

fn init_mounts(init: &InitMount) -> Vec<Mount> {
    let mount = |source: &Path, target: &str, read_only| Mount {
        target: Some(target.to_owned()),
        source: Some(source.to_string_lossy().into_owned()),
        typ: Some(MountType::BIND),
        read_only: Some(read_only),
        ..Default::default()
    };
    vec![mount(&init.binary, INIT, true), mount(&init.run_dir, rundir::MOUNTED_AT, false)]
}

fn gpu_request(uuids: &[String]) -> DeviceRequest {
    DeviceRequest {
        driver: Some("nvidia".into()),
        device_ids: Some(uuids.to_vec()),
        capabilities: Some(vec![vec!["gpu".into(), "compute".into(), "utility".into()]]),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backend::Limits, ids::WorkloadKey};

    fn plan() -> ContainerPlan {
        ContainerPlan {
            key: WorkloadKey::new(7, 0),
            root: "/pool/roots/x".into(),
            network: "dbc-abababab-7".into(),
            hostname: "lease-7".into(),
            command: vec!["/bin/app".into(), "-x".into()],
            env: vec!["A=b".into()],
            user: Some("1000:1000".into()),
            workdir: Some("/srv".into()),
            limits: Limits { cpu_millis: 1500, memory_bytes: 64 << 20, pids: 100 },
            init: None,
            gpus: vec![],
            stop_signal: None,
        }
    }

    fn config() -> DockerConfig {
        DockerConfig {
            network: "abababab".parse().unwrap(),
            runtime: "dbc".into(),
            roots_dir: "/roots.d".into(),
        }
    }

    #[test]
    fn a_container_gets_no_more_than_it_needs() {
        let body = body(&plan(), &config(), "hash", "empty");
        let host = body.host_config.unwrap();
        assert_eq!(host.cap_drop, Some(vec!["ALL".into()]));
        assert!(!host.cap_add.unwrap().iter().any(|cap| cap == "SYS_ADMIN" || cap == "NET_RAW"));
        assert_eq!(host.security_opt, Some(vec!["no-new-privileges:true".into()]));
        assert_eq!((host.memory, host.memory_swap), (Some(64 << 20), Some(128 << 20)));
        assert_eq!((host.cpu_quota, host.cpu_period), (Some(150_000), Some(100_000)));
        assert_eq!(host.pids_limit, Some(100));
        assert_eq!(host.runtime.as_deref(), Some("dbc"));
        assert_eq!(host.mounts, None);
        assert_eq!(body.entrypoint, Some(vec!["/bin/app".into()]));
        assert_eq!(body.cmd, Some(vec!["-x".into()]));
        assert_eq!(body.working_dir.as_deref(), Some("/srv"));
    }

    #[test]
    fn with_init_nothing_of_the_image_chooses_user_or_folder() {
        let mut plan = plan();
        plan.init = Some(InitMount {
            binary: "/usr/libexec/dbc-init".into(),
            run_dir: "/run/x".into(),
            args: vec!["--user".into(), "nobody".into()],
        });
        let body = body(&plan, &config(), "hash", "empty");
        assert_eq!((body.user, body.working_dir.as_deref()), (None, Some("/")));
        assert_eq!(body.entrypoint.unwrap(), ["/.dbc/init", "--user", "nobody"]);
        assert_eq!(body.cmd.unwrap(), ["--", "/bin/app", "-x"]);
        let mounts = body.host_config.unwrap().mounts.unwrap();
        assert_eq!(mounts[0].read_only, Some(true));
        assert_eq!(mounts[1].target.as_deref(), Some("/.dbc/run"));
    }

    #[test]
    fn plans_that_mean_something_else_are_refused() {
        let tries: [fn(&mut ContainerPlan); 12] = [
            |p| p.root = "relative".into(),
            |p| p.command.clear(),
            |p| p.command.push("a\0b".into()),
            |p| p.env.push("novalue".into()),
            |p| p.env.push("=x".into()),
            |p| p.env.push(format!("A={}", "x".repeat(WORDS_BYTES_MAX))),
            |p| p.user = Some("nobody".into()),
            |p| p.workdir = Some("/proc/self/fd/7".into()),
            |p| p.workdir = Some("srv".into()),
            |p| p.hostname = "a.b".into(),
            |p| p.stop_signal = Some("SIG TERM".into()),
            |p| p.limits.memory_bytes = 1,
        ];
        check(&plan()).unwrap();
        for (at, change) in tries.iter().enumerate() {
            let mut plan = plan();
            change(&mut plan);
            assert!(check(&plan).is_err(), "change {at}");
        }
    }
}
