//! A small network of development to try things on, through the executive alone: people, machines that beat,
//! a watcher who tells what he heard, auditors, and time. What it needs of records stands here once.

use std::collections::BTreeMap;

use dbc_primitives::{
    Amount, Gpu, HardwareFacts, LeaseId, Location, MachineClass, MachineId, NetworkFacts, Offer,
    Order, Price, Profile,
    liveness::{self, Interval, Opening, TREE_DEPTH},
    proof::register_message,
};
use dbc_runtime::{
    AccountId, Audits, Balances, Disputes, Leases, Liveness, Machines, Prices, Rewards, Runtime,
    RuntimeCall, RuntimeHoldReason, System,
    constants::{DAYS, DBC},
    genesis,
};
use frame_support::{
    dispatch::{DispatchResult, GetDispatchInfo as _},
    traits::fungible::InspectHold as _,
};
use sp_core::{Pair as _, ed25519};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Ferdie};
use sp_runtime::{
    traits::Hash as _,
    transaction_validity::{InvalidTransaction, TransactionValidityError},
};

use crate::*;

/// Machines whose keys count as verified here; those above are audited.
pub const VERIFIED: u8 = 6;
/// Slots of an interval of liveness.
pub const INTERVAL: u64 = 10;
/// A card of the catalogue.
pub const CARD: &[u8] = b"NVIDIA GeForce RTX 4090";

/// A network of development after its first block. Whatever was tried, everything of ours holds at the end.
pub fn world<R>(test: impl FnOnce() -> R) -> R {
    let verified: Vec<_> = (0..VERIFIED).map(|number| machine(number).0).collect();
    let patch = serde_json::json!({ "machines": { "verified": verified } });
    network_with(genesis::DEV, patch).execute_with(|| {
        run_to(1);
        let done = test();
        everything_holds("the test");
        done
    })
}

/// Every invariant of ours, and the sum of all money.
pub fn everything_holds(after: &str) {
    for (name, state) in [
        ("machines", Machines::do_try_state()),
        ("leases", Leases::do_try_state()),
        ("liveness", Liveness::do_try_state()),
        ("audits", Audits::do_try_state()),
        ("rewards", Rewards::do_try_state()),
        ("disputes", Disputes::do_try_state()),
        ("prices", Prices::do_try_state()),
    ] {
        assert!(state.is_ok(), "{name}: {state:?} after {after}");
    }
    let accounts = frame_system::Account::<Runtime>::iter_values();
    let sum = accounts.fold(0, |sum, account| sum + account.data.free + account.data.reserved);
    assert_eq!(sum, Balances::total_issuance(), "money is where the accounts say, after {after}");
}

/// The slot of the last block.
pub fn now() -> u64 {
    pallet_babe::CurrentSlot::<Runtime>::get().into()
}

/// Begins a block so many slots after the last one.
pub fn begin_after(slots: u64) {
    begin_at(System::block_number() + 1, now() + slots);
}

/// Why a block takes nothing more: one that turns a session is full from the beginning.
const FULL: TransactionValidityError =
    TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources);

/// A transaction of somebody in the block that is open, if the block takes it.
pub fn offer(
    who: Sr25519Keyring,
    call: impl Into<RuntimeCall>,
) -> Result<DispatchResult, TransactionValidityError> {
    let nonce = System::account_nonce(who.to_account_id());
    applied(signed(who, nonce, call.into()))
}

/// The same in a block with room for it.
pub fn submit(who: Sr25519Keyring, call: impl Into<RuntimeCall>) -> DispatchResult {
    offer(who, call).expect("the block takes it")
}

/// A block in the next slot with one transaction in it, or in the one after when that is full; gives what it did.
pub fn act(who: Sr25519Keyring, call: impl Into<RuntimeCall>) -> DispatchResult {
    let call = call.into();
    for _ in 0..3 {
        begin_after(1);
        let done = offer(who, call.clone());
        Executive::finalize_block();
        if done != Err(FULL) {
            return done.expect("the transaction is valid");
        }
    }
    panic!("three full blocks in a row");
}

/// What only root may, by Alice's sudo.
pub fn root(call: impl Into<RuntimeCall>) {
    let call = Box::new(call.into());
    act(Alice, pallet_sudo::Call::<Runtime>::sudo { call }).unwrap();
    let last = System::events().into_iter().rev().find_map(|record| match record.event {
        dbc_runtime::RuntimeEvent::Sudo(pallet_sudo::Event::Sudid { sudo_result }) => {
            Some(sudo_result)
        }
        _ => None,
    });
    assert_eq!(last, Some(Ok(())), "what sudo called");
}

/// A block in each slot up to this one.
pub fn to_slot(slot: u64) {
    while now() < slot {
        begin_after(1);
        Executive::finalize_block();
    }
}

/// Time in which nobody tells anything of anybody. A block that turns a session has no weight left for queues;
/// the next one follows at once.
pub fn pass(slots: u64) {
    pass_by(slots, 900);
}

/// The same with so many slots between blocks.
pub fn pass_by(slots: u64, apart: u64) {
    let end = now() + slots;
    while now() < end {
        for step in [apart, 1] {
            begin_after(step.min(end - now()).max(1));
            Executive::finalize_block();
        }
    }
}

/// The key of a machine.
pub fn key(number: u8) -> ed25519::Pair {
    ed25519::Pair::from_seed(&[number + 50; 32])
}

/// Its name.
pub fn machine(number: u8) -> MachineId {
    MachineId(key(number).public().0)
}

/// Its record.
pub fn record(number: u8) -> pallet_machines::MachineOf<Runtime> {
    pallet_machines::Machines::<Runtime>::get(machine(number)).expect("it is registered")
}

/// Hardware with so many of these cards.
pub fn facts(cards: usize, model: &[u8]) -> HardwareFacts {
    let card =
        Gpu { model: model.to_vec().try_into().unwrap(), memory_mib: 24_576, ..Gpu::default() };
    HardwareFacts {
        gpus: vec![card; cards].try_into().unwrap(),
        cpu_cores: 16,
        memory_mib: 65_536,
        disk_gib: 500,
        ..HardwareFacts::default()
    }
}

/// Registers a machine with these facts.
pub fn registration(who: Sr25519Keyring, number: u8, facts: HardwareFacts) -> RuntimeCall {
    let account: [u8; 32] = who.to_account_id().into();
    let proof = key(number).sign(&register_message(&System::block_hash(0).0, &account)).0;
    let class = if facts.gpus.is_empty() { MachineClass::Cpu } else { MachineClass::Inference };
    RuntimeCall::Machines(pallet_machines::Call::<Runtime>::register {
        machine: machine(number),
        proof,
        class,
        facts,
        location: Location::default(),
        network: NetworkFacts::default(),
    })
}

/// An offer at so many units a card (or CPU share) and hour.
pub fn offer_of(amount: Amount) -> Offer {
    let price = Price { gpu_hour: amount, cpu_hour: amount };
    Offer { price, min_term: 100, max_term: 30 * DAYS, cpu_shares: 4 }
}

/// Makes somebody a provider who is his own operator.
pub fn provider(who: Sr25519Keyring) {
    if pallet_machines::Operators::<Runtime>::get(who.to_account_id()).is_none() {
        let operator = who.to_account_id();
        act(who, pallet_machines::Call::<Runtime>::set_operator { operator }).unwrap();
    }
}

/// Registers a machine with so many cards.
pub fn registered(who: Sr25519Keyring, number: u8, cards: usize) -> MachineId {
    provider(who);
    act(who, registration(who, number, facts(cards, CARD))).unwrap();
    machine(number)
}

/// Puts a machine that is registered up for rent, for so many units a card and hour.
pub fn list(who: Sr25519Keyring, number: u8, hourly: u128) {
    let (machine, offer) = (machine(number), offer_of(Amount::Dbc(hourly)));
    act(who, pallet_machines::Call::<Runtime>::set_offer { machine, offer }).unwrap();
    act(who, pallet_machines::Call::<Runtime>::list { machine }).unwrap();
}

/// A machine with so many cards, for rent at 12 DBC a card and hour.
pub fn listed(who: Sr25519Keyring, number: u8, cards: usize) -> MachineId {
    let machine = registered(who, number, cards);
    list(who, number, 12 * DBC);
    machine
}

/// An order of cards, or of one CPU share without any.
pub fn order(number: u8, gpus: &[u8], term: u64) -> Order<AccountId> {
    Order {
        machine: machine(number),
        gpus: gpus.to_vec().try_into().unwrap(),
        profile: if gpus.is_empty() { Profile::Cpu } else { Profile::Gpu },
        cpu_shares: u16::from(gpus.is_empty()),
        term,
        offer_version: record(number).offer_version,
        max_rate: u128::MAX,
        cap: None,
        access_key: [7; 32],
        spec_hash: None,
        platform: None,
        voucher: None,
        standby: None,
        receiver: None,
        tag: pallet_leases::NextLease::<Runtime>::get(),
    }
}

/// Orders it; gives the lease.
pub fn ordered(who: Sr25519Keyring, number: u8, gpus: &[u8], term: u64) -> LeaseId {
    let lease = pallet_leases::NextLease::<Runtime>::get();
    let order = order(number, gpus, term);
    act(who, pallet_leases::Call::<Runtime>::create { order }).unwrap();
    lease
}

/// Orders it, and the machine's provider starts it.
pub fn rented(who: Sr25519Keyring, number: u8, gpus: &[u8], term: u64) -> LeaseId {
    let lease = ordered(who, number, gpus, term);
    let provider = Sr25519Keyring::iter()
        .find(|known| known.to_account_id() == record(number).provider)
        .expect("the provider is one of the well-known");
    act(provider, pallet_leases::Call::<Runtime>::started { lease }).unwrap();
    lease
}

/// The record of a lease.
pub fn lease(id: LeaseId) -> pallet_leases::LeaseOf<Runtime> {
    pallet_leases::Leases::<Runtime>::get(id).expect("its record is there")
}

/// What somebody has on hold for a reason.
pub fn held(who: Sr25519Keyring, reason: impl Into<RuntimeHoldReason>) -> u128 {
    Balances::balance_on_hold(&reason.into(), &who.to_account_id())
}

/// What somebody can spend.
pub fn free(who: Sr25519Keyring) -> u128 {
    Balances::free_balance(who.to_account_id())
}

/// Two of three members of the council pass a motion.
pub fn council(call: RuntimeCall) {
    let hash = <Runtime as frame_system::Config>::Hashing::hash_of(&call);
    let length_bound = call.encoded_size() as u32;
    let proposal_weight_bound = call.get_dispatch_info().call_weight;
    type Motions = dbc_runtime::configs::governance::CouncilCollective;
    let index = pallet_collective::ProposalCount::<Runtime, Motions>::get();
    let propose =
        pallet_collective::Call::propose { threshold: 2, proposal: Box::new(call), length_bound };
    act(Alice, RuntimeCall::Council(propose)).unwrap();
    for who in [Alice, Bob] {
        let vote = pallet_collective::Call::vote { proposal: hash, index, approve: true };
        act(who, RuntimeCall::Council(vote)).unwrap();
    }
    let close = pallet_collective::Call::close {
        proposal_hash: hash,
        index,
        proposal_weight_bound,
        length_bound,
    };
    act(Bob, RuntimeCall::Council(close)).unwrap();
}

/// All of the state: to see what changed.
pub fn state() -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut at = Vec::new();
    while let Some(key) = sp_io::storage::next_key(&at) {
        let value = sp_io::storage::get(&key).map(|value| value.to_vec()).unwrap_or_default();
        all.insert(key.clone(), value);
        at = key;
    }
    all
}

/// How many entries of a pallet's state differ.
pub fn changed(
    before: &BTreeMap<Vec<u8>, Vec<u8>>,
    after: &BTreeMap<Vec<u8>, Vec<u8>>,
    pallet: &str,
) -> usize {
    let of = sp_io::hashing::twox_128(pallet.as_bytes());
    let keys: std::collections::BTreeSet<_> =
        before.keys().chain(after.keys()).filter(|key| key.starts_with(&of)).collect();
    keys.into_iter().filter(|key| before.get(*key) != after.get(*key)).count()
}

/// A watcher's tree over few beats: what nobody was heard in is the same at each level.
struct Few {
    levels: Vec<BTreeMap<u16, [u8; 32]>>,
    nothing: Vec<[u8; 32]>,
}

impl Few {
    fn new(watcher: &[u8; 32], beats: &BTreeMap<u16, [u8; 64]>) -> Self {
        let leaf = |(bit, signature): (&u16, &[u8; 64])| (*bit, liveness::leaf(watcher, signature));
        let mut levels: Vec<BTreeMap<u16, [u8; 32]>> = vec![beats.iter().map(leaf).collect()];
        let mut nothing = vec![[0; 32]];
        for level in 0..TREE_DEPTH as usize {
            let (below, empty) = (&levels[level], nothing[level]);
            let at = |place| below.get(&place).unwrap_or(&empty);
            let above = |place: &u16| (place / 2, liveness::node(at(place & !1), at(place | 1)));
            let next = below.keys().map(above).collect();
            nothing.push(liveness::node(&empty, &empty));
            levels.push(next);
        }
        Self { levels, nothing }
    }

    fn at(&self, level: usize, place: u16) -> [u8; 32] {
        *self.levels[level].get(&place).unwrap_or(&self.nothing[level])
    }

    fn root(&self) -> [u8; 32] {
        self.at(TREE_DEPTH as usize, 0)
    }

    fn path(&self, bit: u16) -> [[u8; 32]; TREE_DEPTH as usize] {
        std::array::from_fn(|level| self.at(level, (bit >> level) ^ 1))
    }
}

/// What Ferdie, the watcher of development, has yet to show.
#[derive(Default)]
pub struct Watch {
    told: Option<(Few, BTreeMap<u16, [u8; 64]>)>,
}

impl Watch {
    /// So many intervals, in each of which he hears the machines of these numbers, tells so, and shows what
    /// he is asked for.
    pub fn pass(&mut self, intervals: u64, heard: &[u8]) {
        for _ in 0..intervals {
            // In the middle of the next interval: the one before it is closed by then.
            let of = now() / INTERVAL;
            begin_at(System::block_number() + 1, (of + 1) * INTERVAL + 5);
            let mut told = self.tell(of, heard);
            if told == Err(FULL) {
                Executive::finalize_block();
                begin_after(1);
                told = self.tell(of, heard);
            }
            assert_eq!(told, Ok(Ok(())), "the report is taken");
            Executive::finalize_block();
        }
    }

    /// Tells of an interval in the block that is open, if the block takes it.
    pub fn tell(
        &mut self,
        interval: Interval,
        heard: &[u8],
    ) -> Result<DispatchResult, TransactionValidityError> {
        let account = Liveness::account_bytes(&Ferdie.to_account_id());
        let asked = Liveness::asked(&Ferdie.to_account_id(), 0);
        let opening = self.told.as_ref().zip(asked).and_then(|((tree, beats), bit)| {
            let signature = *beats.get(&bit)?;
            Some(Opening { digest: [0; 32], signature, path: tree.path(bit) })
        });
        let mut map = liveness::none();
        let mut beats = BTreeMap::new();
        for number in heard {
            let place = record(*number).index;
            let genesis = System::block_hash(0).0;
            let beat =
                liveness::beat(&genesis, machine(*number), place.generation, interval, &[0; 32]);
            liveness::set(&mut map, place.index as u16, true);
            beats.insert(place.index as u16, key(*number).sign(&beat).0);
        }
        let tree = Few::new(&account, &beats);
        let root = tree.root();
        let report = pallet_liveness::Call::<Runtime>::report {
            interval,
            cohort: 0,
            heard: map,
            root,
            opening,
        };
        let done = offer(Ferdie, report)?;
        self.told = done.is_ok().then_some((tree, beats));
        Ok(done)
    }
}
