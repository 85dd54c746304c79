//! GPUs by NVIDIA's management library, loaded when asked for: a machine without the driver has none.

use nvml_wrapper::{Device, Nvml, error::NvmlError};

use super::{Gpu, GpuError, Gpus, Links};

/// The name that the driver's package installs; the one without a number comes with compilers only.
const LIBRARY: &str = "libnvidia-ml.so.1";
/// The largest machines have sixteen.
const GPUS_MAX: u32 = 64;
/// NVLink connections that are asked after; today's cards have eighteen.
const NVLINKS_MAX: u32 = 32;

/// [`Gpus`] by NVML.
#[derive(Debug, Clone, Copy, Default)]
pub struct NvmlGpus;

impl Gpus for NvmlGpus {
    fn list(&self) -> Result<Vec<Gpu>, GpuError> {
        let nvml = match Nvml::builder().lib_path(LIBRARY.as_ref()).init() {
            Ok(nvml) => nvml,
            Err(
                NvmlError::LibloadingError(_)
                | NvmlError::LibraryNotFound
                | NvmlError::DriverNotLoaded,
            ) => return Ok(Vec::new()),
            Err(error) => return Err(failed("start", error)),
        };
        let driver = nvml.sys_driver_version().map_err(|e| failed("tell its version", e))?;
        let count = nvml.device_count().map_err(|e| failed("count GPUs", e))?;
        (0..count.min(GPUS_MAX)).map(|index| describe(&nvml, index, &driver)).collect()
    }
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
    }
}
