//! Calls of any kind out of random numbers: by their types, with names and numbers that mean something here. A
//! call that is added to a pallet is tried by it at once.

use codec::{Compact, Decode as _, Encode as _};
use dbc_runtime::RuntimeCall;
use scale_info::{
    MetaType, PortableRegistry, Registry, TypeDef, TypeDefPrimitive, form::PortableForm,
};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Dave, Eve, Ferdie, One};

use crate::world::{VERIFIED, machine, now};

/// Who tries things.
pub const PEOPLE: [Sr25519Keyring; 6] = [Alice, Bob, One, Dave, Eve, Ferdie];
/// Machines that are tried: two with cards that the genesis verified, two that are audited.
pub const MACHINES: [u8; 4] = [0, 1, VERIFIED + 1, VERIFIED + 2];
/// Calls within calls.
const DEPTH: u32 = 3;

/// Numbers that follow from a first one.
#[derive(Debug, Clone)]
pub struct Luck(pub u64);

impl Luck {
    /// The next number (splitmix64).
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of so many.
    pub fn below(&mut self, most: u64) -> u64 {
        self.next() % most.max(1)
    }

    /// A number as people choose them: small, near a limit, a moment, anything.
    fn number(&mut self) -> u128 {
        match self.below(8) {
            0 => 0,
            1..=3 => u128::from(self.below(6)),
            4 => u128::from(now() + self.below(2_000)),
            5 => u128::from(self.next()) * u128::from(self.below(1 << 20)),
            6 => u128::MAX - u128::from(self.below(2)),
            _ => u128::from(self.next() >> self.below(60)),
        }
    }

    /// Thirty-two bytes: mostly somebody or something that is there.
    fn name(&mut self) -> [u8; 32] {
        match self.below(8) {
            0..=3 => machine(MACHINES[self.below(4) as usize]).0,
            4..=5 => PEOPLE[self.below(6) as usize].to_account_id().into(),
            6 => [self.below(4) as u8; 32],
            _ => sp_io::hashing::blake2_256(&self.next().to_le_bytes()),
        }
    }
}

/// Knows the types of all calls.
pub struct Maker {
    types: PortableRegistry,
    call: u32,
}

impl Maker {
    /// By the runtime's own types.
    pub fn new() -> Self {
        let mut registry = Registry::new();
        let call = registry.register_type(&MetaType::new::<RuntimeCall>()).id;
        Self { types: registry.into(), call }
    }

    /// A call of one of these pallets, of any where there are none; `None` when the numbers made no call.
    pub fn call(&self, luck: &mut Luck, pallets: &[&str]) -> Option<RuntimeCall> {
        let bytes = self.bytes(luck, pallets)?;
        RuntimeCall::decode(&mut &bytes[..]).ok()
    }

    /// The same, encoded, whether or not it can be decoded.
    pub fn bytes(&self, luck: &mut Luck, pallets: &[&str]) -> Option<Vec<u8>> {
        let TypeDef::Variant(all) = &self.types.resolve(self.call)?.type_def else { return None };
        let fitting: Vec<_> = all
            .variants
            .iter()
            .filter(|pallet| pallets.is_empty() || pallets.contains(&pallet.name.as_str()))
            .collect();
        let pallet = fitting.get(luck.below(fitting.len() as u64) as usize)?;
        let mut bytes = vec![pallet.index];
        for field in &pallet.fields {
            self.write(field.ty.id, luck, &mut bytes, 0)?;
        }
        Some(bytes)
    }

    fn write(&self, id: u32, luck: &mut Luck, bytes: &mut Vec<u8>, depth: u32) -> Option<()> {
        let found = self.types.resolve(id)?;
        let name = found.path.segments.last().map_or("", String::as_str);
        if name == "RuntimeCall" && depth >= DEPTH {
            // The shortest of all: a remark.
            bytes.extend([0, 0, 0]);
            return Some(());
        }
        match &found.type_def {
            TypeDef::Composite(of) if name == "AccountId32" || name == "MachineId" => {
                debug_assert_eq!(of.fields.len(), 1);
                let account: [u8; 32] = PEOPLE[luck.below(6) as usize].to_account_id().into();
                let machine = machine(MACHINES[luck.below(4) as usize]).0;
                bytes.extend(if name == "MachineId" { machine } else { account });
            }
            TypeDef::Composite(of) => {
                for field in &of.fields {
                    self.write(field.ty.id, luck, bytes, depth + 1)?;
                }
            }
            TypeDef::Variant(of) => {
                // An account that is not named by its key is none of ours.
                let at =
                    if name == "MultiAddress" { 0 } else { luck.below(of.variants.len() as u64) };
                let variant = of.variants.get(at as usize)?;
                bytes.push(variant.index);
                for field in &variant.fields {
                    self.write(field.ty.id, luck, bytes, depth + 1)?;
                }
            }
            TypeDef::Sequence(of) => {
                let long = luck.below(16) == 0;
                let length = luck.below(if long { 200 } else { 4 });
                Compact(length).encode_to(bytes);
                for _ in 0..length {
                    self.write(of.type_param.id, luck, bytes, depth + 1)?;
                }
            }
            TypeDef::Array(of) if of.len == 32 => bytes.extend(luck.name()),
            TypeDef::Array(of) => {
                for _ in 0..of.len {
                    self.write(of.type_param.id, luck, bytes, depth + 1)?;
                }
            }
            TypeDef::Tuple(of) => {
                for field in &of.fields {
                    self.write(field.id, luck, bytes, depth + 1)?;
                }
            }
            TypeDef::Primitive(of) => primitive(of, luck, bytes)?,
            TypeDef::Compact(of) => self.compact(of.type_param.id, luck, bytes)?,
            TypeDef::BitSequence(_) => return None,
        }
        Some(())
    }

    /// A number in its short form; of a wrapped one, the number within.
    fn compact(&self, id: u32, luck: &mut Luck, bytes: &mut Vec<u8>) -> Option<()> {
        let number = luck.number();
        let mut of = self.types.resolve(id)?;
        while let TypeDef::Composite(inner) = &of.type_def {
            of = self.types.resolve(inner.fields.first()?.ty.id)?;
        }
        match &of.type_def {
            TypeDef::Primitive(TypeDefPrimitive::U128) => Compact(number).encode_to(bytes),
            TypeDef::Primitive(TypeDefPrimitive::U64) => Compact(number as u64).encode_to(bytes),
            TypeDef::Primitive(TypeDefPrimitive::U32) => Compact(number as u32).encode_to(bytes),
            TypeDef::Primitive(TypeDefPrimitive::U16) => Compact(number as u16).encode_to(bytes),
            TypeDef::Primitive(TypeDefPrimitive::U8) => Compact(number as u8).encode_to(bytes),
            // Nothing in no bytes.
            TypeDef::Tuple(empty) if empty.fields.is_empty() => {}
            _ => return None,
        }
        Some(())
    }

    /// Names of all calls as (pallet, call): to say what was tried.
    pub fn names(&self) -> Vec<(String, String)> {
        let variants = |id| match &self.types.resolve(id).expect("a type").type_def {
            TypeDef::Variant(of) => of.variants.clone(),
            _ => Vec::<scale_info::Variant<PortableForm>>::new(),
        };
        let mut names = Vec::new();
        for pallet in variants(self.call) {
            for call in pallet.fields.first().map(|field| variants(field.ty.id)).unwrap_or_default()
            {
                names.push((pallet.name.clone(), call.name));
            }
        }
        names
    }
}

fn primitive(of: &TypeDefPrimitive, luck: &mut Luck, bytes: &mut Vec<u8>) -> Option<()> {
    let number = luck.number();
    match of {
        TypeDefPrimitive::Bool => bytes.push((number & 1) as u8),
        TypeDefPrimitive::U8 | TypeDefPrimitive::I8 => bytes.push(number as u8),
        TypeDefPrimitive::U16 | TypeDefPrimitive::I16 => (number as u16).encode_to(bytes),
        TypeDefPrimitive::U32 | TypeDefPrimitive::I32 => (number as u32).encode_to(bytes),
        TypeDefPrimitive::U64 | TypeDefPrimitive::I64 => (number as u64).encode_to(bytes),
        TypeDefPrimitive::U128 | TypeDefPrimitive::I128 => number.encode_to(bytes),
        TypeDefPrimitive::Str => "text".encode_to(bytes),
        _ => return None,
    }
    Some(())
}
