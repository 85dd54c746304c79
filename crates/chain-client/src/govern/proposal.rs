//! What a referendum does, from bytes to words and back.

use subxt::{
    config::Hasher as _,
    dynamic::{self, At as _, Value},
    ext::scale_value::{Composite, ValueDef},
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

/// A call that is voted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its bytes.
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
        match self.block.transactions().from_call_data_bytes(&call) {
            Ok(decoded) => {
                let value = decoded.into_value();
                Proposal { text: words(&value), sets: sets(&value).unwrap_or_default(), call }
            }
            Err(error) => {
                let text = cut(format!("no call of this runtime: {error}"));
                Proposal { text, sets: vec![], call }
            }
        }
    }

    /// What a call does, for whoever is about to ask for it.
    ///
    /// Errors: [`ChainError::Input`] when the bytes are no call of this runtime.
    pub fn checked(&self, call: &[u8]) -> Result<Proposal, ChainError> {
        self.block.transactions().from_call_data_bytes(call).map_err(|error| {
            ChainError::Input {
                field: "call",
                why: cut(format!("is none of this runtime: {error}")),
            }
        })?;
        Ok(self.proposal(call.to_vec()))
    }

    pub(super) fn hash_of(&self, bytes: &[u8]) -> H256 {
        self.block.hasher().hash(bytes)
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
