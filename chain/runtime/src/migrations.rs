//! What an upgrade does to the state before its code reads it, in steps over blocks: nothing in this version. With
//! the feature `rehearsal`, which no network has, it walks over all machines, so that the way of a real migration
//! is tried before there is one.

/// The migrations of this version, each once.
#[cfg(not(feature = "rehearsal"))]
pub type All = ();
/// The migrations of this version, each once.
#[cfg(feature = "rehearsal")]
pub type All = (rehearsal::Walk,);

/// A migration that changes nothing, and takes its time.
#[cfg(feature = "rehearsal")]
pub mod rehearsal {
    use frame_support::{
        migrations::{MigrationId, SteppedMigration, SteppedMigrationError},
        weights::{Weight, WeightMeter},
    };
    use pallet_machines::{MachineAt, Machines, NextIndex};

    use crate::{Runtime, configs::safety::MaxMigrationWeight};

    /// Steps beyond the last machine, so that it takes several blocks whatever there is.
    const MORE: u32 = 12;

    /// Writes each machine's record again, a few in a block.
    pub struct Walk;

    /// A third of what a block gives to migrations.
    fn step_weight() -> Weight {
        MaxMigrationWeight::get().saturating_div(3)
    }

    impl SteppedMigration for Walk {
        type Cursor = u32;
        type Identifier = MigrationId<16>;

        fn id() -> Self::Identifier {
            MigrationId { pallet_id: *b"dbc/m/rehearsals", version_from: 0, version_to: 1 }
        }

        fn step(
            cursor: Option<u32>,
            meter: &mut WeightMeter,
        ) -> Result<Option<u32>, SteppedMigrationError> {
            let required = step_weight();
            if !meter.can_consume(required) {
                return Err(SteppedMigrationError::InsufficientWeight { required });
            }
            let mut at = cursor.unwrap_or(0);
            let end = NextIndex::<Runtime>::get().saturating_add(MORE);
            while meter.try_consume(required).is_ok() {
                if at >= end {
                    return Ok(None);
                }
                if let Some(machine) = MachineAt::<Runtime>::get(at) {
                    Machines::<Runtime>::mutate(machine, |_| {});
                }
                at += 1;
            }
            Ok(Some(at))
        }
    }
}
