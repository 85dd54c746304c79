//! The golden listing of what others rely on: indexes, names and types of calls, storage with its hashers and
//! versions, constants, views, hold reasons, what a transaction carries. A change of it is seen in review, and says
//! whether `transaction_version` rises or a migration is due.

use std::{collections::BTreeSet, fmt::Write as _, path::PathBuf};

use codec::Decode as _;
use dbc_runtime::{Runtime, RuntimeHoldReason, VERSION};
use frame_metadata::{
    RuntimeMetadata, RuntimeMetadataPrefixed,
    v16::{RuntimeMetadataV16, StorageEntryType},
};
use scale_info::{
    MetaType, PortableRegistry, Registry, Type, TypeDef, Variant, form::PortableForm,
};

use crate::*;

/// Crates whose types are ours: each is listed with its fields.
const OURS: [&str; 9] = [
    "dbc_primitives",
    "dbc_runtime",
    "pallet_audits",
    "pallet_disputes",
    "pallet_leases",
    "pallet_liveness",
    "pallet_machines",
    "pallet_prices",
    "pallet_rewards",
];

/// Writes types by their names, and remembers which of ours it named.
struct Printer<'a> {
    types: &'a PortableRegistry,
    named: BTreeSet<u32>,
}

impl Printer<'_> {
    fn of(&self, id: u32) -> &Type<PortableForm> {
        self.types.resolve(id).expect("a type of the metadata")
    }

    fn name(&mut self, id: u32) -> String {
        let found = self.of(id).clone();
        let path = &found.path.segments;
        if path.first().is_some_and(|of| OURS.contains(&of.as_str())) {
            self.named.insert(id);
        }
        if let Some(last) = path.last() {
            let of = found.type_params.iter().filter_map(|param| param.ty.map(|ty| ty.id));
            let of: Vec<String> = match last.as_str() {
                "RuntimeCall" | "OriginCaller" | "RuntimeParameters" => Vec::new(),
                _ => of.map(|id| self.name(id)).collect(),
            };
            return if of.is_empty() { last.clone() } else { format!("{last}<{}>", of.join(", ")) };
        }
        match &found.type_def {
            TypeDef::Sequence(of) => format!("[{}]", self.name(of.type_param.id)),
            TypeDef::Array(of) => format!("[{}; {}]", self.name(of.type_param.id), of.len),
            TypeDef::Tuple(of) => {
                let all: Vec<_> = of.fields.iter().map(|field| self.name(field.id)).collect();
                format!("({})", all.join(", "))
            }
            TypeDef::Compact(of) => format!("compact {}", self.name(of.type_param.id)),
            TypeDef::Primitive(of) => format!("{of:?}").to_lowercase(),
            other => format!("{other:?}"),
        }
    }

    fn fields(&mut self, of: &Variant<PortableForm>) -> String {
        let all = of.fields.iter().map(|field| {
            let name = field.name.as_deref().unwrap_or("_");
            format!("{name}: {}", self.name(field.ty.id))
        });
        all.collect::<Vec<_>>().join(", ")
    }

    /// A type of ours with all that is in it.
    fn whole(&mut self, id: u32) -> String {
        let found = self.of(id).clone();
        let name = found.path.segments.join("::");
        match &found.type_def {
            TypeDef::Composite(of) => {
                let all = of.fields.iter().map(|field| {
                    let name = field.name.as_deref().unwrap_or("_");
                    format!("    {name}: {}\n", self.name(field.ty.id))
                });
                format!("type {name}\n{}", all.collect::<String>())
            }
            TypeDef::Variant(of) => {
                let all = of.variants.iter().map(|variant| {
                    format!("    {} {}({})\n", variant.index, variant.name, self.fields(variant))
                });
                format!("type {name}\n{}", all.collect::<String>())
            }
            _ => format!("type {name}\n"),
        }
    }
}

fn metadata() -> RuntimeMetadataV16 {
    let bytes = Runtime::metadata_at_version(16).expect("version 16 is served");
    let whole = RuntimeMetadataPrefixed::decode(&mut &bytes[..]).expect("metadata decodes");
    match whole.1 {
        RuntimeMetadata::V16(found) => found,
        other => panic!("version {}", other.version()),
    }
}

/// The version of a pallet's storage, as a genesis of now writes it.
fn storage_version(pallet: &str) -> u16 {
    let key = frame_support::storage::storage_prefix(pallet.as_bytes(), b":__STORAGE_VERSION__:");
    frame_support::storage::unhashed::get(&key).unwrap_or_default()
}

/// Names of a composed enum, with both indexes.
fn reasons() -> String {
    let mut registry = Registry::new();
    let id = registry.register_type(&MetaType::new::<RuntimeHoldReason>()).id;
    let types: PortableRegistry = registry.into();
    let variants = |id| match &types.resolve(id).expect("a type").type_def {
        TypeDef::Variant(of) => of.variants.clone(),
        _ => Vec::new(),
    };
    let mut text = String::from("hold reasons\n");
    for pallet in variants(id) {
        for reason in pallet.fields.first().map(|field| variants(field.ty.id)).unwrap_or_default() {
            let _ = writeln!(
                text,
                "  {}.{} {}.{}",
                pallet.index, reason.index, pallet.name, reason.name
            );
        }
    }
    text
}

fn listing() -> String {
    let metadata = metadata();
    let mut printer = Printer { types: &metadata.types, named: BTreeSet::new() };
    let mut text = format!("transaction_version {}\n", VERSION.transaction_version);
    text.push_str("transactions carry\n");
    for extension in &metadata.extrinsic.transaction_extensions {
        let _ = writeln!(text, "  {}", extension.identifier);
    }
    text.push_str(&reasons());
    let mut pallets = metadata.pallets.clone();
    pallets.sort_by_key(|pallet| pallet.index);
    for pallet in &pallets {
        let version = storage_version(&pallet.name);
        let _ =
            writeln!(text, "\npallet {} {}, storage version {version}", pallet.index, pallet.name);
        if let Some(calls) = &pallet.calls {
            let TypeDef::Variant(of) = printer.of(calls.ty.id).type_def.clone() else { continue };
            for call in &of.variants {
                let _ =
                    writeln!(text, "  call {} {}({})", call.index, call.name, printer.fields(call));
            }
        }
        for entry in pallet.storage.iter().flat_map(|storage| &storage.entries) {
            let shown = match &entry.ty {
                StorageEntryType::Plain(value) => printer.name(value.id),
                StorageEntryType::Map { hashers, key, value } => {
                    let (key, value) = (printer.name(key.id), printer.name(value.id));
                    format!("{hashers:?} {key} -> {value}")
                }
            };
            let _ = writeln!(text, "  storage {}: {shown}", entry.name);
        }
        for constant in &pallet.constants {
            let value = sp_core::bytes::to_hex(&constant.value, false);
            // Long ones by their hash: they are there to be compared.
            let value = if value.len() <= 66 {
                value
            } else {
                let hash = sp_io::hashing::blake2_128(&constant.value);
                format!("{} bytes, {}", constant.value.len(), sp_core::bytes::to_hex(&hash, false))
            };
            let name = printer.name(constant.ty.id);
            let _ = writeln!(text, "  constant {}: {name} = {value}", constant.name);
        }
        for view in &pallet.view_functions {
            let inputs =
                view.inputs.iter().map(|of| format!("{}: {}", of.name, printer.name(of.ty.id)));
            let inputs = inputs.collect::<Vec<_>>().join(", ");
            let output = printer.name(view.output.id);
            let _ = writeln!(text, "  view {}({inputs}) -> {output}", view.name);
        }
    }
    text.push_str("\ntypes of ours\n");
    let mut shown = BTreeSet::new();
    let mut whole = BTreeSet::new();
    while let Some(id) = printer.named.difference(&shown).next().copied() {
        shown.insert(id);
        whole.insert(printer.whole(id));
    }
    whole.iter().for_each(|of| text.push_str(of));
    text
}

#[test]
fn the_golden_listing_says_what_the_runtime_is() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/metadata.txt");
    let found = network(genesis::DEV).execute_with(listing);
    if std::env::var_os("DBC_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder is named"))
            .expect("a folder is made");
        std::fs::write(&path, &found).expect("the listing is written");
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let (old, new): (BTreeSet<_>, BTreeSet<_>) =
        (golden.lines().collect(), found.lines().collect());
    let mut change = String::new();
    old.difference(&new).for_each(|line| change.push_str(&format!("- {line}\n")));
    new.difference(&old).for_each(|line| change.push_str(&format!("+ {line}\n")));
    assert!(
        golden == found,
        "the runtime is not what {} says:\n{change}\nA call that moved or has other arguments raises \
         `transaction_version`; storage that reads differently needs a migration. If it is meant: \
         DBC_GOLDEN=1 cargo test -p dbc-runtime --test it golden",
        path.display()
    );
}
