//! Cards by the names that their drivers give them, with their makers' published figures, and the points
//! that follow: the first points model is made of them, and later ones are set by a vote.

use dbc_primitives::MachineClass;
use sp_runtime::Permill;

/// A model of card.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Card {
    /// As the driver names it.
    pub name: &'static str,
    /// Memory in GiB.
    pub memory_gib: u16,
    /// Single-precision arithmetic in tenths of TFLOPS, without tensor units.
    pub tflops_10: u16,
    /// Memory bandwidth in GB/s.
    pub bandwidth: u16,
}

const fn card(name: &'static str, memory_gib: u16, tflops_10: u16, bandwidth: u16) -> Card {
    Card { name, memory_gib, tflops_10, bandwidth }
}

/// The cards at genesis, by maker and age.
pub const CARDS: &[Card] = &[
    card("NVIDIA GeForce GTX 1080", 8, 88, 320),
    card("NVIDIA GeForce GTX 1080 Ti", 11, 113, 484),
    card("NVIDIA GeForce RTX 2080", 8, 100, 448),
    card("NVIDIA GeForce RTX 2080 SUPER", 8, 111, 496),
    card("NVIDIA GeForce RTX 2080 Ti", 11, 134, 616),
    card("NVIDIA GeForce RTX 3060", 12, 127, 360),
    card("NVIDIA GeForce RTX 3060 Ti", 8, 162, 448),
    card("NVIDIA GeForce RTX 3070", 8, 203, 448),
    card("NVIDIA GeForce RTX 3070 Ti", 8, 217, 608),
    card("NVIDIA GeForce RTX 3080", 10, 298, 760),
    card("NVIDIA GeForce RTX 3080 Ti", 12, 341, 912),
    card("NVIDIA GeForce RTX 3090", 24, 356, 936),
    card("NVIDIA GeForce RTX 3090 Ti", 24, 400, 1008),
    card("NVIDIA GeForce RTX 4060 Ti", 16, 221, 288),
    card("NVIDIA GeForce RTX 4070", 12, 291, 504),
    card("NVIDIA GeForce RTX 4070 Ti", 12, 401, 504),
    card("NVIDIA GeForce RTX 4070 Ti SUPER", 16, 441, 672),
    card("NVIDIA GeForce RTX 4080", 16, 487, 717),
    card("NVIDIA GeForce RTX 4080 SUPER", 16, 522, 736),
    card("NVIDIA GeForce RTX 4090", 24, 826, 1008),
    card("NVIDIA GeForce RTX 5070", 12, 309, 672),
    card("NVIDIA GeForce RTX 5070 Ti", 16, 439, 896),
    card("NVIDIA GeForce RTX 5080", 16, 563, 960),
    card("NVIDIA GeForce RTX 5090", 32, 1048, 1792),
    card("NVIDIA RTX A2000 12GB", 12, 80, 288),
    card("NVIDIA RTX A4000", 16, 192, 448),
    card("NVIDIA RTX A5000", 24, 278, 768),
    card("NVIDIA RTX A6000", 48, 387, 768),
    card("NVIDIA RTX 4000 Ada Generation", 20, 267, 360),
    card("NVIDIA RTX 5000 Ada Generation", 32, 653, 576),
    card("NVIDIA RTX 6000 Ada Generation", 48, 911, 960),
    card("NVIDIA RTX PRO 6000 Blackwell", 96, 1250, 1792),
    card("Tesla P40", 24, 118, 346),
    card("Tesla P100-PCIE-16GB", 16, 93, 732),
    card("Tesla V100-PCIE-16GB", 16, 140, 900),
    card("Tesla V100-PCIE-32GB", 32, 140, 900),
    card("Tesla V100-SXM2-16GB", 16, 157, 900),
    card("Tesla V100-SXM2-32GB", 32, 157, 900),
    card("Tesla T4", 16, 81, 320),
    card("NVIDIA A2", 16, 45, 200),
    card("NVIDIA A10", 24, 312, 600),
    card("NVIDIA A30", 24, 103, 933),
    card("NVIDIA A40", 48, 374, 696),
    card("NVIDIA A100-PCIE-40GB", 40, 195, 1555),
    card("NVIDIA A100 80GB PCIe", 80, 195, 1935),
    card("NVIDIA A100-SXM4-40GB", 40, 195, 1555),
    card("NVIDIA A100-SXM4-80GB", 80, 195, 2039),
    card("NVIDIA L4", 24, 303, 300),
    card("NVIDIA L40", 48, 905, 864),
    card("NVIDIA L40S", 48, 916, 864),
    card("NVIDIA H100 PCIe", 80, 512, 2039),
    card("NVIDIA H100 80GB HBM3", 80, 669, 3350),
    card("NVIDIA H100 NVL", 94, 600, 3938),
    card("NVIDIA H200", 141, 669, 4800),
    card("NVIDIA B200", 180, 750, 7700),
    card("AMD Radeon RX 6900 XT", 16, 230, 512),
    card("AMD Radeon RX 7900 XT", 20, 515, 800),
    card("AMD Radeon RX 7900 XTX", 24, 614, 960),
    card("AMD Radeon PRO W7900", 48, 613, 864),
    card("AMD Instinct MI100", 32, 231, 1229),
    card("AMD Instinct MI210", 64, 226, 1638),
    card("AMD Instinct MI250X", 128, 479, 3277),
    card("AMD Instinct MI300X", 192, 1634, 5325),
    card("Intel Arc A770", 16, 197, 560),
    card("Intel Arc B580", 12, 137, 456),
];

/// Points of a card by model 1: the geometric mean of arithmetic and bandwidth, raised by memory, since work
/// is bound by one of the first two and fits or not by the third. Rises with each figure. A card that stands
/// nowhere has none.
///
/// √(TFLOPS × 10 × GB/s) × (1 + GiB / 80)
pub fn card_points(card: &Card) -> u32 {
    let mean = isqrt(u64::from(card.tflops_10) * u64::from(card.bandwidth));
    u32::try_from(mean * (80 + u64::from(card.memory_gib)) / 80).unwrap_or(u32::MAX)
}

/// Points of the least of them: what a card counts that stands in no catalogue yet.
pub fn lowest_points() -> u32 {
    CARDS.iter().map(card_points).min().unwrap_or(1)
}

/// What a class counts beside points: the predecessor paid uses differently (2020 report); within a tenth, so
/// that nobody gains by a name.
pub fn class_factor(class: MachineClass) -> Permill {
    match class {
        MachineClass::Training | MachineClass::Hpc => Permill::one(),
        MachineClass::Inference | MachineClass::Rendering => Permill::from_percent(95),
        MachineClass::CloudGame => Permill::from_percent(90),
        MachineClass::Cpu => Permill::zero(),
    }
}

/// A card by the name that a driver gave it, whatever its case and blanks.
pub fn find(name: &[u8]) -> Option<&'static Card> {
    let plain = |bytes: &[u8]| -> alloc::vec::Vec<u8> {
        bytes
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace())
            .map(u8::to_ascii_lowercase)
            .collect()
    };
    if name.len() > 64 {
        return None;
    }
    let wanted = plain(name);
    CARDS.iter().find(|card| plain(card.name.as_bytes()) == wanted)
}

fn isqrt(value: u64) -> u64 {
    value.isqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> u32 {
        card_points(find(name.as_bytes()).expect("it is in the catalogue"))
    }

    #[test]
    fn the_catalogue_has_forty_cards_and_each_once() {
        assert!(CARDS.len() >= 40);
        let names: alloc::collections::BTreeSet<_> = CARDS.iter().map(|card| card.name).collect();
        assert_eq!(names.len(), CARDS.len());
        assert!(CARDS.iter().all(|card| card.memory_gib > 0 && card_points(card) > 0));
    }

    #[test]
    fn points_of_well_known_cards() {
        for (name, expected) in [
            ("Tesla T4", 192),
            ("NVIDIA GeForce GTX 1080 Ti", 265),
            ("NVIDIA GeForce RTX 3080", 534),
            ("NVIDIA GeForce RTX 3090", 750),
            ("NVIDIA GeForce RTX 4090", 1_185),
            ("NVIDIA A100-SXM4-80GB", 1_260),
            ("NVIDIA H100 80GB HBM3", 2_994),
            ("NVIDIA H200", 4_947),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
    }

    #[test]
    fn points_rise_with_each_figure() {
        let base = card("x", 24, 300, 900);
        let more = [
            Card { memory_gib: 48, ..base },
            Card { tflops_10: 600, ..base },
            Card { bandwidth: 1_800, ..base },
        ];
        assert!(more.iter().all(|card| card_points(card) > card_points(&base)));
    }

    #[test]
    fn g3_the_reports_cards_and_todays_are_there() {
        for name in [
            "NVIDIA GeForce GTX 1080 Ti",
            "NVIDIA GeForce RTX 2080",
            "NVIDIA GeForce RTX 2080 Ti",
            "NVIDIA GeForce RTX 3080",
            "Tesla V100-SXM2-32GB",
            "NVIDIA GeForce RTX 5090",
            "NVIDIA B200",
            "AMD Instinct MI300X",
        ] {
            assert!(of(name) >= lowest_points(), "{name}");
        }
        assert_eq!(lowest_points(), of("NVIDIA A2"));
    }

    #[test]
    fn names_are_found_whatever_their_blanks() {
        assert!(find(b"nvidia  geforce rtx4090").is_some());
        assert!(find(b"NVIDIA GeForce RTX 9999").is_none());
        assert!(find(&[b'x'; 100]).is_none());
        assert!(find(b"llvmpipe (LLVM 15.0.6, 256 bits)").is_none(), "a processor is no card");
    }
}
