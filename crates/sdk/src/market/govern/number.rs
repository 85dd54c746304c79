//! Governed numbers by their names, with what one decision can make of them.

use dbc_chain_client::SetNumber;
use dbc_primitives::parameter::Number;

use crate::{
    MarketError,
    convert::{self, Calendar},
    view::{Figure, NumberView, SetView},
};

/// By its full name or, if that says which, its last part; letters alone count, in any case.
pub(super) fn find_number<'a>(
    numbers: &'a [Number],
    name: &str,
) -> Result<&'a Number, MarketError> {
    let letters = |text: &str| {
        let kept = text.chars().filter(char::is_ascii_alphanumeric);
        kept.map(|letter| letter.to_ascii_lowercase()).collect::<String>()
    };
    let wanted = letters(name);
    let fits = |number: &&Number| {
        let (group, short) = (letters(&number.group), letters(&number.name));
        short == wanted || group + &short == wanted
    };
    let found: Vec<&Number> = numbers.iter().filter(fits).collect();
    match found[..] {
        [one] => Ok(one),
        _ => {
            let why = format!("{name:?} names {} numbers; `dbc params` lists all", found.len());
            Err(MarketError::Input { field: "set", why })
        }
    }
}

/// A value as typed, if one decision can set it.
pub(super) fn within(number: &Number, text: &str, calendar: Calendar) -> Result<u128, MarketError> {
    let figure = |raw| Figure::new(number.unit, raw, calendar);
    let wanted = figure(number.value).read(text)?;
    let reach = number.reach();
    if reach.contains(&wanted.raw()) {
        return Ok(wanted.raw());
    }
    let why = format!(
        "{} is {} and can be anything between {} and {} next, not {wanted}; its limits are {} and {}, and a decision at most doubles or halves it",
        full_name(number),
        figure(number.value),
        figure(*reach.start()),
        figure(*reach.end()),
        figure(number.least),
        figure(number.most),
    );
    Err(MarketError::Input { field: "set", why })
}

pub(super) fn number_view(number: &Number, calendar: Calendar) -> NumberView {
    let figure = |raw| Figure::new(number.unit, raw, calendar);
    let reach = number.reach();
    NumberView {
        name: full_name(number),
        value: figure(number.value),
        default: figure(number.default),
        least: figure(number.least),
        most: figure(number.most),
        next_least: figure(*reach.start()),
        next_most: figure(*reach.end()),
    }
}

/// What numbers shall be; nothing when one of them is unknown, so that the call itself is shown.
pub(super) fn set_views(
    numbers: &[Number],
    sets: &[SetNumber],
    calendar: Calendar,
) -> Vec<SetView> {
    let view = |set: &SetNumber| {
        let mine = |number: &&Number| pascal(&number.group) == set.group && number.name == set.name;
        let number = numbers.iter().find(mine)?;
        let value = Figure::new(number.unit, set.value, calendar);
        Some(SetView { name: full_name(number), value })
    };
    sets.iter().map(view).collect::<Option<_>>().unwrap_or_default()
}

/// E.g. `leases.protocol_fee`.
fn full_name(number: &Number) -> String {
    let mut name = String::new();
    for letter in number.name.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    convert::line(&format!("{}.{name}", number.group))
}

/// A group as the runtime's calls name it.
pub(super) fn pascal(group: &str) -> String {
    let upper = |part: &str| {
        let mut letters = part.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    group.split('_').map(upper).collect()
}

#[cfg(test)]
mod tests {
    use dbc_primitives::parameter::Unit;

    use super::*;

    fn fee() -> Number {
        Number {
            group: "leases".into(),
            name: "ProtocolFee".into(),
            unit: Unit::Share,
            value: 50_000,
            default: 50_000,
            least: 10_000,
            most: 300_000,
        }
    }

    #[test]
    fn a_number_is_found_however_it_is_written() {
        let other = Number { group: "audits".into(), name: "Drawn".into(), ..fee() };
        let all = [fee(), other];
        for name in ["ProtocolFee", "protocol_fee", "leases.protocol_fee", "Leases.ProtocolFee"] {
            assert_eq!(find_number(&all, name).unwrap().name, "ProtocolFee", "{name}");
        }
        assert!(find_number(&all, "fee").is_err());
        assert!(
            find_number(&[fee(), fee()], "ProtocolFee").is_err(),
            "which of two is not guessed"
        );
        assert_eq!(full_name(&fee()), "leases.protocol_fee");
        assert_eq!(pascal("leases"), "Leases");
    }

    #[test]
    fn rule_26_what_no_decision_can_do_is_told_before_it_is_asked() {
        let calendar = Calendar { slot_ms: 3_000 };
        assert_eq!(within(&fee(), "7%", calendar).unwrap(), 70_000);
        for beyond in ["11%", "2%", "40%", "0%", "15m"] {
            assert!(within(&fee(), beyond, calendar).is_err(), "{beyond}");
        }
        let error = within(&fee(), "40%", calendar).unwrap_err().to_string();
        assert!(error.contains("between 2.5% and 10%") && error.contains("30%"), "{error}");
    }
}
