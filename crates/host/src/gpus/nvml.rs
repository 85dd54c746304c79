//! GPUs by NVIDIA's management library, loaded when asked for: a machine without the driver has none.

use std::collections::{BTreeMap, BTreeSet};

use nvml_wrapper::{
    Device, Nvml, enums::device::SampleValue, error::NvmlError, structs::device::FieldId,
    sys_exports::field_id::NVML_FI_DEV_GET_GPU_RECOVERY_ACTION,
};

use super::{Gpu, GpuError, Gpus, Links, Loss};

/// The name that the driver's package installs; the one without a number comes with compilers only.
const LIBRARY: &str = "libnvidia-ml.so.1";
/// The largest machines have sixteen.
const GPUS_MAX: u32 = 64;
/// NVLink connections that are asked after; today's cards have eighteen.
const NVLINKS_MAX: u32 = 32;
/// `NVML_GPU_RECOVERY_ACTION_GPU_RESET` and `…_NODE_REBOOT`, what a driver asks for after a fatal Xid. Other actions
/// leave a card that computes.
const RESETS: [u64; 2] = [1, 2];

/// [`Gpus`] by NVML.
#[derive(Debug, Clone, Copy, Default)]
pub struct NvmlGpus;

impl Gpus for NvmlGpus {
    fn list(&self) -> Result<Vec<Gpu>, GpuError> {
        let Some(nvml) = start()? else { return Ok(Vec::new()) };
        let driver = nvml.sys_driver_version().map_err(|e| failed("tell its version", e))?;
        indexes(&nvml)?.map(|index| describe(&nvml, index, &driver)).collect()
    }

    fn lost(&self, wanted: &BTreeSet<String>) -> Result<BTreeMap<String, Loss>, GpuError> {
        let seen = match start()? {
            Some(nvml) => {
                indexes(&nvml)?.filter_map(|index| examine(&nvml, index, wanted)).collect()
            }
            None => BTreeMap::new(),
        };
        Ok(losses(wanted, &seen))
    }
}

/// `None` on a machine without the driver.
fn start() -> Result<Option<Nvml>, GpuError> {
    match Nvml::builder().lib_path(LIBRARY.as_ref()).init() {
        Ok(nvml) => Ok(Some(nvml)),
        Err(
            NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound | NvmlError::DriverNotLoaded,
        ) => Ok(None),
        Err(error) => Err(failed("start", error)),
    }
}

fn indexes(nvml: &Nvml) -> Result<std::ops::Range<u32>, GpuError> {
    let count = nvml.device_count().map_err(|error| failed("count GPUs", error))?;
    Ok(0..count.min(GPUS_MAX))
}

/// A card's UUID and what is wrong with it; `None` for one that not even tells its UUID, or that nobody asked for.
fn examine(nvml: &Nvml, index: u32, wanted: &BTreeSet<String>) -> Option<(String, Option<Loss>)> {
    let device = nvml.device_by_index(index).ok()?;
    let uuid = device.uuid().ok().filter(|uuid| wanted.contains(uuid))?;
    let loss = match device.memory_info() {
        Ok(_) => reset_needed(&device).then_some(Loss::ResetNeeded),
        Err(NvmlError::ResetRequired) => Some(Loss::ResetNeeded),
        Err(_) => Some(Loss::Unreachable),
    };
    Some((uuid, loss))
}

/// A driver that does not know the question says nothing.
fn reset_needed(device: &Device<'_>) -> bool {
    let asked = device.field_values_for(&[FieldId(NVML_FI_DEV_GET_GPU_RECOVERY_ACTION)]);
    let Some(Ok(sample)) = asked.ok().and_then(|samples| samples.into_iter().next()) else {
        return false;
    };
    match sample.value {
        Ok(SampleValue::U32(action)) => RESETS.contains(&action.into()),
        Ok(SampleValue::U64(action)) => RESETS.contains(&action),
        _ => false,
    }
}

/// `seen`: the cards that told their UUID.
fn losses(
    wanted: &BTreeSet<String>,
    seen: &BTreeMap<String, Option<Loss>>,
) -> BTreeMap<String, Loss> {
    let loss =
        |uuid: &String| Some((uuid.clone(), seen.get(uuid).map_or(Some(Loss::Gone), |l| *l)?));
    wanted.iter().filter_map(loss).collect()
}

fn describe(nvml: &Nvml, index: u32, driver: &str) -> Result<Gpu, GpuError> {
    let read = || {
        let device = nvml.device_by_index(index)?;
        Ok(Gpu {
            uuid: device.uuid()?,
            name: device.name()?,
            memory_bytes: device.memory_info()?.total,
            pci: device.pci_info()?.bus_id,
            driver: driver.to_owned(),
            links: links(&device),
        })
    };
    read().map_err(|error| failed("describe a GPU", error))
}

/// What a card does not have, its driver calls unsupported: that is no fault.
fn links(device: &Device<'_>) -> Links {
    let up = |link: &u32| device.link_wrapper_for(*link).is_active().unwrap_or(false);
    Links {
        pcie_generation: device.max_pcie_link_gen().ok(),
        pcie_lanes: device.max_pcie_link_width().ok(),
        nvlinks: u32::try_from((0..NVLINKS_MAX).filter(up).count()).unwrap_or(NVLINKS_MAX),
    }
}

fn failed(action: &'static str, error: NvmlError) -> GpuError {
    GpuError { action, source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_gives_a_list() {
        let gpus = NvmlGpus.list().unwrap();
        eprintln!("{} GPUs: {gpus:?}", gpus.len());
        assert!(gpus.iter().all(|gpu| gpu.uuid.starts_with("GPU-") && gpu.memory_bytes > 0));
        // Its own are all well, unless the machine is broken; another's is not here.
        let mut wanted: BTreeSet<String> = gpus.into_iter().map(|gpu| gpu.uuid).collect();
        wanted.insert("GPU-of-another-machine".into());
        let lost = NvmlGpus.lost(&wanted).unwrap();
        assert_eq!(lost, BTreeMap::from([("GPU-of-another-machine".to_owned(), Loss::Gone)]));
    }

    #[test]
    fn a_card_is_lost_that_is_not_seen_or_not_well() {
        let seen = BTreeMap::from([
            ("GPU-0".to_owned(), None),
            ("GPU-1".to_owned(), Some(Loss::Unreachable)),
            ("GPU-2".to_owned(), Some(Loss::ResetNeeded)),
        ]);
        let lost = |uuids: &[&str]| {
            let wanted = uuids.iter().map(ToString::to_string).collect();
            losses(&wanted, &seen).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(lost(&["GPU-0"]), []);
        assert_eq!(lost(&["GPU-1"]), [("GPU-1".to_owned(), Loss::Unreachable)]);
        assert_eq!(
            lost(&["GPU-0", "GPU-2", "GPU-3"]),
            [("GPU-2".to_owned(), Loss::ResetNeeded), ("GPU-3".to_owned(), Loss::Gone)]
        );
    }
}
