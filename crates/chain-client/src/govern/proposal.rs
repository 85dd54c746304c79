//! What a referendum does, from bytes to words and back.

use std::thread;

use subxt::{
    Metadata,
    config::Hasher as _,
    dynamic::{self, At as _, Value},
    ext::{
        scale_decode::visitor::{IgnoreVisitor, decode_with_visitor},
        scale_value::{Composite, ValueDef, scale::decode_as_type},
    },
    utils::H256,
};

use crate::{
    error::{ChainError, cut},
    generated::runtime_types::{
        dbc_runtime::{OriginCaller, configs::governance::origins::pallet::Origin},
        frame_support::dispatch::RawOrigin,
    },
    read::View,
};

/// Longest text of a call, in bytes.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Longest call that is put into words, in bytes: each takes a hundred times the memory then.
pub(super) const CALL_BYTES_MAX: usize = 16 * 1024;
/// Stack on which calls are read: those of others may be nested thousands deep.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// A call that is voted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its bytes; none of a noted one that is too long to be read.
    pub call: Vec<u8>,
    /// The same in words; what is longer than anybody reads is cut, and says so.
    pub text: String,
    /// The numbers that it sets, if that is all that it does.
    pub sets: Vec<SetNumber>,
}

/// A governed number and what it shall be, by the names of the runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetNumber {
    /// What it belongs to, e.g. `Leases`.
    pub group: String,
    /// Its name there, e.g. `ProtocolFee`.
    pub name: String,
    /// What it shall be.
    pub value: u128,
}

impl View {
    /// The call that sets governed numbers; several are set together or not at all.
    ///
    /// Errors: [`ChainError::Input`] when the runtime has no such number, or the value is none of its kind.
    pub fn set_numbers(&self, numbers: &[SetNumber]) -> Result<Vec<u8>, ChainError> {
        let calls = numbers.iter().map(|number| {
            let value = Value::unnamed_variant("Some", [Value::u128(number.value)]);
            let key = Value::unnamed_composite([]);
            let inner = Value::unnamed_variant(number.name.clone(), [key, value]);
            let outer = Value::unnamed_variant(number.group.clone(), [inner]);
            dynamic::tx("Parameters", "set_parameter", Composite::unnamed([outer]))
        });
        let mut calls: Vec<_> = calls.collect();
        let call = match calls.len() {
            0 => return Err(ChainError::Input { field: "set", why: "names no number".into() }),
            1 => calls.remove(0),
            _ => {
                let all = calls.into_iter().map(subxt::transactions::StaticPayload::into_value);
                let all = Value::unnamed_composite(all);
                dynamic::tx("Utility", "batch_all", Composite::unnamed([all]))
            }
        };
        self.block.transactions().call_data(&call).map_err(|error| ChainError::Input {
            field: "set",
            why: cut(format!("the runtime does not take it: {error}")),
        })
    }

    /// What a call does.
    pub(super) fn proposal(&self, call: Vec<u8>) -> Proposal {
        if call.len() > CALL_BYTES_MAX {
            let text = too_long(self.hash_of(&call), call.len());
            return Proposal { call, text, sets: vec![] };
        }
        let metadata = self.block.metadata();
        match aside(|| read(&metadata, &call)) {
            Ok((text, sets)) => Proposal { call, text, sets },
            Err(why) => {
                let text = cut(format!("no call of this runtime: {why}"));
                Proposal { call, text, sets: vec![] }
            }
        }
    }

    /// What a call does, for whoever is about to ask for it.
    ///
    /// Errors: [`ChainError::Input`] when the bytes are no call of this runtime.
    pub fn checked(&self, call: &[u8]) -> Result<Proposal, ChainError> {
        let metadata = self.block.metadata();
        aside(|| check(&metadata, call)).map_err(|why| ChainError::Input {
            field: "call",
            why: cut(format!("is none of this runtime: {why}")),
        })?;
        Ok(self.proposal(call.to_vec()))
    }

    pub(super) fn hash_of(&self, bytes: &[u8]) -> H256 {
        self.block.hasher().hash(bytes)
    }
}

/// What is said of a call that nobody would read to its end.
pub(super) fn too_long(hash: H256, length: usize) -> String {
    format!("a call of {length} bytes, too long to be shown; its hash is {hash:?}")
}

/// Runs on a stack of its own, which is large.
fn aside<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let read = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let read = read.map_err(|error| error.to_string())?;
        read.join().unwrap_or_else(|_| Err("it cannot be read".into()))
    })
}

/// A call in words, and the numbers that it sets.
fn read(metadata: &Metadata, mut call: &[u8]) -> Result<(String, Vec<SetNumber>), String> {
    let kind = metadata.outer_enums().call_enum_ty();
    let value = decode_as_type(&mut call, kind, metadata.types());
    let value = value.map_err(|error| error.to_string())?.remove_context();
    ended(call)?;
    Ok((words(&value), sets(&value).unwrap_or_default()))
}

/// Whether bytes of any length are a call.
fn check(metadata: &Metadata, mut call: &[u8]) -> Result<(), String> {
    let kind = metadata.outer_enums().call_enum_ty();
    decode_with_visitor(&mut call, kind, metadata.types(), IgnoreVisitor::new())
        .map_err(|error| error.to_string())?;
    ended(call)
}

fn ended(rest: &[u8]) -> Result<(), String> {
    match rest.len() {
        0 => Ok(()),
        more => Err(format!("{more} bytes are left over")),
    }
}

fn words(value: &Value<()>) -> String {
    let mut text = value.to_string();
    if text.len() > TEXT_BYTES_MAX {
        let at = (0..=TEXT_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(at.unwrap_or(0));
        text.push_str(" … and more than is shown");
    }
    text
}

/// The numbers that a call sets, if it does nothing else: one, or several together.
fn sets(value: &Value<()>) -> Option<Vec<SetNumber>> {
    let (pallet, _) = variant(value)?;
    let (call, _) = variant(value.at(0)?)?;
    match (pallet, call) {
        ("Parameters", "set_parameter") => Some(vec![set(value.at(0)?.at(0)?)?]),
        ("Utility", "batch_all") => {
            let ValueDef::Composite(calls) = &value.at(0)?.at(0)?.value else { return None };
            let all: Option<Vec<_>> = calls.values().map(sets).collect();
            Some(all?.into_iter().flatten().collect())
        }
        _ => None,
    }
}

/// A number by its key and value, as the runtime's call has them.
fn set(outer: &Value<()>) -> Option<SetNumber> {
    let inner = outer.at(0)?;
    let mut number = inner.at(1)?.at(0)?;
    // A share is a number in a wrapper.
    while number.as_u128().is_none() {
        number = number.at(0)?;
    }
    Some(SetNumber {
        group: variant(outer)?.0.to_owned(),
        name: variant(inner)?.0.to_owned(),
        value: number.as_u128()?,
    })
}

fn variant(value: &Value<()>) -> Option<(&str, &Composite<()>)> {
    match &value.value {
        ValueDef::Variant(variant) => Some((&variant.name, &variant.values)),
        _ => None,
    }
}

/// What a referendum of a track acts as.
pub(super) fn origin(track: &str) -> Result<OriginCaller, ChainError> {
    let origin = match track {
        "root" => return Ok(OriginCaller::system(RawOrigin::Root)),
        "treasurer" => Origin::Treasurer,
        "small_spender" => Origin::SmallSpender,
        "seats" => Origin::Seats,
        "parameters" => Origin::Parameters,
        "slash_canceller" => Origin::SlashCanceller,
        "staking_admin" => Origin::StakingAdmin,
        "operations" => Origin::Operations,
        "referendum_canceller" => Origin::ReferendumCanceller,
        "referendum_killer" => Origin::ReferendumKiller,
        _ => {
            return Err(ChainError::Input {
                field: "track",
                why: cut(format!("{track:?} is none; e.g. parameters, treasurer, seats")),
            });
        }
    };
    Ok(OriginCaller::Origins(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        Metadata::decode_from(include_bytes!("../../metadata.scale")).unwrap()
    }

    fn place(metadata: &Metadata, pallet: &str, call: &str) -> [u8; 2] {
        let pallet = metadata.pallet_by_name(pallet).unwrap();
        [pallet.call_index(), pallet.call_variant_by_name(call).unwrap().index]
    }

    #[test]
    fn a_call_that_is_nested_as_deep_as_it_is_long_is_read() {
        let metadata = metadata();
        let [pallet, call] = place(&metadata, "Utility", "batch_all");
        let remark = [&place(&metadata, "System", "remark")[..], &[0]].concat();
        let mut bytes = [pallet, call, 1 << 2].repeat((CALL_BYTES_MAX - remark.len()) / 3);
        bytes.extend(remark);
        aside(|| check(&metadata, &bytes)).unwrap();
        let (text, sets) = aside(|| read(&metadata, &bytes)).unwrap();
        assert!(text.contains("batch_all") && text.contains("more than is shown"), "{text}");
        assert!(text.len() < TEXT_BYTES_MAX + 100);
        assert_eq!(sets, []);
        bytes.pop();
        assert!(aside(|| read(&metadata, &bytes)).is_err(), "it ends too early");
    }

    #[test]
    fn a_call_is_one_call_and_nothing_else() {
        let metadata = metadata();
        let remark = [&place(&metadata, "System", "remark")[..], &[2 << 2, 7, 9]].concat();
        let (text, _) = read(&metadata, &remark).unwrap();
        assert!(text.contains("System") && text.contains("remark"), "{text}");
        let more = [&remark[..], &[0]].concat();
        assert!(read(&metadata, &more).unwrap_err().contains("left over"));
        assert!(check(&metadata, &more).unwrap_err().contains("left over"));
        for none in [&[][..], &[0xff; 8], &remark[..4]] {
            assert!(read(&metadata, none).is_err() && check(&metadata, none).is_err());
        }
    }
}
