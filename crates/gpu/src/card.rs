//! The cards, in the driver's order.

use std::sync::Arc;

use cudarc::driver::{CudaContext, DriverError, sys};

/// A card on which challenges can be computed.
#[derive(Debug, Clone)]
pub struct Card {
    /// As the driver names it, e.g. `NVIDIA H100 80GB HBM3`.
    pub name: String,
    /// The driver's UUID, which NVML prints as `GPU-…`.
    pub uuid: [u8; 16],
    /// Bytes of memory that are free now.
    pub free_bytes: u64,
    pub(crate) context: Arc<CudaContext>,
}

/// A card did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the card failed to {action}")]
pub struct CardError {
    /// What was asked.
    pub action: &'static str,
    /// The driver's answer.
    #[source]
    pub source: DriverError,
}

/// Says what was asked for when the driver refuses.
pub(crate) fn asked<T>(
    action: &'static str,
    answer: Result<T, DriverError>,
) -> Result<T, CardError> {
    answer.map_err(|source| CardError { action, source })
}

/// All cards; none where there is no driver or no card.
///
/// # Errors
/// When the driver is there and a card does not answer.
pub fn cards() -> Result<Vec<Card>, CardError> {
    // SAFETY: loads the driver's own library, as every program for these cards does.
    if !unsafe { sys::is_culib_present() } {
        return Ok(Vec::new());
    }
    // A library without a card, as containers have it, says so here.
    let count = CudaContext::device_count().unwrap_or(0);
    (0..usize::try_from(count).unwrap_or(0)).map(card).collect()
}

fn card(ordinal: usize) -> Result<Card, CardError> {
    let context = asked("make a context", CudaContext::new(ordinal))?;
    let (free, _) = asked("tell its free memory", context.mem_get_info())?;
    let uuid = asked("tell its UUID", context.uuid())?;
    Ok(Card {
        name: asked("tell its name", context.name())?,
        uuid: uuid.bytes.map(i8::cast_unsigned),
        free_bytes: free as u64,
        context,
    })
}
