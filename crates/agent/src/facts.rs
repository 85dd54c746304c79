//! What this machine has, in the form in which the chain takes it. Reads `/proc` and asks the GPU
//! driver; measures nothing. What the host keeps for itself is left out.

use std::{io, path::Path};

use dbc_host::{Gpus, gpus::GpuError};
use dbc_primitives::{Gpu, GpuId, HardwareFacts, PciAddress, Text};

use crate::config::Checked;

/// Why the machine cannot be described.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FactsError {
    /// The system tells nothing.
    #[error("failed to read {file}")]
    Proc {
        /// Which file.
        file: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The GPU driver does not answer.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The driver names a GPU in a way that nobody knows.
    #[error("GPU {uuid} at {pci}: the driver's name for it is not understood")]
    GpuName {
        /// Its UUID as given.
        uuid: String,
        /// Its address as given.
        pci: String,
    },
    /// More GPUs than a machine may register.
    #[error("the machine has {0} GPUs, at most 16 can be registered")]
    TooManyGpus(usize),
}

/// Describes this machine.
///
/// # Errors
/// When the system or the GPU driver gives no usable answer.
pub fn facts(config: &Checked, gpus: &dyn Gpus) -> Result<HardwareFacts, FactsError> {
    let read = |file: &'static str| {
        std::fs::read_to_string(file).map_err(|source| FactsError::Proc { file, source })
    };
    let cards: Result<Vec<Gpu>, FactsError> = gpus.list()?.iter().map(card).collect();
    let cards = cards?;
    let count = cards.len();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory_mib = memory_mib(&read("/proc/meminfo")?);
    Ok(HardwareFacts {
        gpus: cards.try_into().map_err(|_| FactsError::TooManyGpus(count))?,
        cpu_model: text(cpu_model(&read("/proc/cpuinfo")?)),
        cpu_cores: u16::try_from(cores).unwrap_or(u16::MAX),
        memory_mib: memory_mib.saturating_sub(config.reserve_memory_mib),
        disk_gib: disk_gib(config),
    })
}

/// The pool's size, less a tenth for file system and images.
fn disk_gib(config: &Checked) -> u32 {
    let bytes = match &config.pool_disk {
        dbc_host::pool::PoolDisk::File { size_bytes, .. } => *size_bytes,
        // A disk of its own: what is there now, or nothing before it is mounted.
        _ => total_bytes(&config.pool_mount),
    };
    u32::try_from((bytes - bytes / 10) >> 30).unwrap_or(u32::MAX)
}

fn total_bytes(path: &Path) -> u64 {
    nix::sys::statvfs::statvfs(path).map_or(0, |stat| stat.blocks() * stat.fragment_size())
}

fn memory_mib(meminfo: &str) -> u32 {
    let kib = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    u32::try_from(kib.unwrap_or(0) / 1024).unwrap_or(u32::MAX)
}

fn cpu_model(cpuinfo: &str) -> &str {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':')).map_or("", |(_, name)| name.trim())
}

fn card(gpu: &dbc_host::gpus::Gpu) -> Result<Gpu, FactsError> {
    let unknown = || FactsError::GpuName { uuid: gpu.uuid.clone(), pci: gpu.pci.clone() };
    Ok(Gpu {
        id: GpuId {
            uuid: uuid(&gpu.uuid).ok_or_else(unknown)?,
            pci: pci(&gpu.pci).ok_or_else(unknown)?,
        },
        model: text(&gpu.name),
        memory_mib: u32::try_from(gpu.memory_bytes >> 20).unwrap_or(u32::MAX),
    })
}

/// `GPU-` and a UUID.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.strip_prefix("GPU-")?.split('-').collect();
    let mut bytes = [0; 16];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

/// `00000000:3B:00.0`: domain, bus, device, function.
fn pci(text: &str) -> Option<PciAddress> {
    let (domain, rest) = text.split_once(':')?;
    let (bus, rest) = rest.split_once(':')?;
    let (device, function) = rest.split_once('.')?;
    let byte = |text| u8::from_str_radix(text, 16).ok();
    Some(PciAddress {
        domain: u32::from_str_radix(domain, 16).ok()?,
        bus: byte(bus)?,
        device: byte(device)?,
        function: byte(function)?,
    })
}

/// The beginning of a name, cut at a character.
fn text(name: &str) -> Text<64> {
    let end = (0..=64.min(name.len())).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    Text::truncate_from(name.as_bytes()[..end].to_vec())
}

#[cfg(test)]
mod tests {
    use dbc_host::fake::FakeGpus;

    use super::*;
    use crate::config::Config;

    #[test]
    fn this_machine_is_described() {
        let config = Config::default().validate().unwrap();
        let facts = facts(&config, &FakeGpus::default()).unwrap();
        assert!(facts.cpu_cores > 0 && facts.memory_mib > 0, "{facts:?}");
        assert_eq!(facts.disk_gib, 18);
        let json = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<HardwareFacts>(&json).unwrap(), facts);
    }

    #[test]
    fn a_card_is_named_as_its_driver_names_it() {
        let gpu = dbc_host::gpus::Gpu {
            uuid: "GPU-12345678-9abc-def0-0102-030405060708".into(),
            name: "NVIDIA H100 80GB HBM3".into(),
            memory_bytes: 80 << 30,
            pci: "00000000:3B:00.0".into(),
            driver: "550".into(),
            links: dbc_host::gpus::Links::default(),
        };
        let card = card(&gpu).unwrap();
        assert_eq!(crate::chain::live::gpu_uuid(&card.id.uuid), gpu.uuid);
        assert_eq!(card.id.pci, PciAddress { domain: 0, bus: 0x3b, device: 0, function: 0 });
        assert_eq!(card.memory_mib, 81_920);
        let odd = dbc_host::gpus::Gpu { uuid: "MIG-1".into(), ..gpu };
        assert!(super::card(&odd).is_err());
    }

    #[test]
    fn proc_is_read_leniently() {
        assert_eq!(memory_mib("MemTotal:       2048 kB\nMemFree: 1 kB\n"), 2);
        assert_eq!(memory_mib("nonsense"), 0);
        assert_eq!(
            cpu_model("processor : 0\nmodel name\t: Some CPU @ 2 GHz\n"),
            "Some CPU @ 2 GHz"
        );
        assert_eq!(text(&"é".repeat(40)).len(), 64);
    }
}
