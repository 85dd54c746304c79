//! What hardware each class needs at least. A pure table: the chain refuses what is below, and programs
//! say so before anything is signed. A floor against what is plainly useless, not a measure: points
//! say what a machine is worth.
//!
//! Figures are what drivers report, a little below the nominal size: a card of 24 GB has 24,564 MiB, and
//! a host keeps some of its memory for itself.

use crate::{HardwareFacts, MachineClass};

/// Least hardware of a class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Minimum {
    /// Cards; 0 for the class that has none.
    pub gpus: u32,
    /// MiB of each card.
    pub gpu_memory_mib: u32,
    /// Cores.
    pub cpu_cores: u16,
    /// MiB of memory.
    pub memory_mib: u32,
    /// GiB of disk.
    pub disk_gib: u32,
}

const fn with_cards(
    gpu_memory_mib: u32,
    cpu_cores: u16,
    memory_mib: u32,
    disk_gib: u32,
) -> Minimum {
    Minimum { gpus: 1, gpu_memory_mib, cpu_cores, memory_mib, disk_gib }
}

/// Least hardware of a class.
pub const fn minimum(class: MachineClass) -> Minimum {
    match class {
        // A card of 6 GB draws one game; 8 GB of memory.
        MachineClass::CloudGame => with_cards(5_500, 4, 7_000, 6),
        // 8 GB; simulations need the host beside the card: 32 GB.
        MachineClass::Hpc => with_cards(7_500, 8, 30_000, 50),
        // 8 GB hold a small model; 16 GB of memory load it.
        MachineClass::Inference => with_cards(7_500, 4, 14_000, 6),
        // 12 GB; data is fed from 32 GB.
        MachineClass::Training => with_cards(11_000, 8, 30_000, 50),
        // 8 GB hold a scene.
        MachineClass::Rendering => with_cards(7_500, 4, 14_000, 6),
        MachineClass::Cpu => {
            Minimum { gpus: 0, gpu_memory_mib: 0, cpu_cores: 1, memory_mib: 256, disk_gib: 1 }
        }
    }
}

/// The class that hardware is of unless its provider says: the one without cards, else the first that it
/// has enough for. `None` when it has enough for none.
pub fn fitting(facts: &HardwareFacts) -> Option<MachineClass> {
    let with_cards = [MachineClass::Inference, MachineClass::Rendering, MachineClass::CloudGame];
    let wanted = match facts.gpus.is_empty() {
        true => &[MachineClass::Cpu][..],
        false => &with_cards[..],
    };
    wanted.iter().copied().find(|class| minimum(*class).is_met(facts))
}

impl Minimum {
    /// Whether hardware has at least this, each of its cards included.
    pub fn is_met(&self, facts: &HardwareFacts) -> bool {
        facts.gpus.len() >= self.gpus as usize
            && facts.gpus.iter().all(|gpu| gpu.memory_mib >= self.gpu_memory_mib)
            && facts.cpu_cores >= self.cpu_cores
            && facts.memory_mib >= self.memory_mib
            && facts.disk_gib >= self.disk_gib
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::Gpu;

    const ALL: [MachineClass; 6] = [
        MachineClass::CloudGame,
        MachineClass::Hpc,
        MachineClass::Inference,
        MachineClass::Training,
        MachineClass::Rendering,
        MachineClass::Cpu,
    ];

    fn facts(least: Minimum) -> HardwareFacts {
        let card = Gpu { memory_mib: least.gpu_memory_mib, ..Gpu::default() };
        HardwareFacts {
            gpus: vec![card; least.gpus as usize].try_into().unwrap(),
            cpu_cores: least.cpu_cores,
            memory_mib: least.memory_mib,
            disk_gib: least.disk_gib,
            ..HardwareFacts::default()
        }
    }

    #[test]
    fn d75_each_class_has_its_least_hardware_and_nothing_below_it_is_taken() {
        for class in ALL {
            let least = minimum(class);
            assert!(least.is_met(&facts(least)), "{class:?}");
            for below in [
                Minimum { cpu_cores: least.cpu_cores - 1, ..least },
                Minimum { memory_mib: least.memory_mib - 1, ..least },
                Minimum { disk_gib: least.disk_gib - 1, ..least },
                Minimum { gpu_memory_mib: least.gpu_memory_mib.saturating_sub(1), ..least },
                Minimum { gpus: least.gpus.saturating_sub(1), ..least },
            ] {
                assert!(below == least || !least.is_met(&facts(below)), "{class:?}: {below:?}");
            }
        }
    }

    /// A row is (class, card in MiB, cores, memory in MiB, disk in GiB, whether it is enough).
    #[test]
    fn d75_cards_as_their_drivers_report_them_stand_where_people_expect_them() {
        let table = [
            (MachineClass::CloudGame, 6_144, 8, 16_000, 200, true),
            (MachineClass::CloudGame, 4_096, 8, 16_000, 200, false),
            (MachineClass::Inference, 8_192, 8, 16_000, 200, true),
            (MachineClass::Training, 12_288, 16, 64_000, 500, true),
            (MachineClass::Training, 8_192, 16, 64_000, 500, false),
            (MachineClass::Training, 24_564, 4, 64_000, 500, false),
            (MachineClass::Hpc, 40_960, 32, 16_000, 500, false),
            (MachineClass::Rendering, 24_564, 8, 32_000, 5, false),
        ];
        for (class, card, cpu_cores, memory_mib, disk_gib, enough) in table {
            let found = Minimum { gpus: 1, gpu_memory_mib: card, cpu_cores, memory_mib, disk_gib };
            assert_eq!(minimum(class).is_met(&facts(found)), enough, "{class:?} {found:?}");
        }
    }

    #[test]
    fn hardware_is_of_the_first_class_that_it_has_enough_for() {
        assert_eq!(fitting(&facts(minimum(MachineClass::Cpu))), Some(MachineClass::Cpu));
        let inference = facts(minimum(MachineClass::Inference));
        assert_eq!(fitting(&inference), Some(MachineClass::Inference));
        let game = facts(minimum(MachineClass::CloudGame));
        assert_eq!(fitting(&game), Some(MachineClass::CloudGame));
        assert_eq!(fitting(&HardwareFacts { cpu_cores: 3, ..game }), None);
        assert_eq!(fitting(&HardwareFacts::default()), None);
    }

    #[test]
    fn one_small_card_among_large_ones_is_one_too_many() {
        let mut two = facts(minimum(MachineClass::Training));
        two.gpus.try_push(Gpu { memory_mib: 2_048, ..Gpu::default() }).unwrap();
        assert!(!minimum(MachineClass::Training).is_met(&two));
    }
}
