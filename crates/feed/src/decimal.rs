//! Prices as text, exactly: no floating point between a source and the chain.

/// Digits after the point that the chain keeps.
const KEPT: usize = 6;
/// Longest number that is read, in bytes.
const BYTES_MAX: usize = 40;

/// Millionths of a dollar, cut off behind the sixth digit after the point; `None` for what is no plain
/// positive decimal number.
pub fn parse(text: &str) -> Option<u128> {
    let text = text.trim();
    if text.len() > BYTES_MAX {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let kept = &fraction[..fraction.len().min(KEPT)];
    let fraction: u128 = format!("{kept:0<KEPT$}").parse().ok()?;
    let whole: u128 = whole.parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_numbers_are_read_and_nothing_else_is() {
        for (text, micro) in
            [("0.02", 20_000), ("1", 1_000_000), ("12.3456789", 12_345_678), (" 0.5 ", 500_000)]
        {
            assert_eq!(parse(text), Some(micro), "{text}");
        }
        let wrong = ["", "-1", "1e-3", ".5", "5.", "1,5", "NaN", "0x10", "1_0", "∞"];
        for text in wrong.into_iter().map(str::to_owned).chain(["9".repeat(41)]) {
            assert_eq!(parse(&text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_was_written_is_read(micro in 0u128..1_000_000_000_000_000) {
            let text = format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000);
            prop_assert_eq!(parse(&text), Some(micro));
        }
    }
}
