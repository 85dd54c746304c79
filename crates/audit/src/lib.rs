//! The duty of an auditor (`dbc audit run`): it challenges the machines that it was drawn for, with a
//! secret that each attempt has for itself, judges what they answer, binds itself to
//! the verdict before the others speak, reveals it, and shows its transcript to whoever doubts. Beside
//! that it visits machines as a renter whom nobody knows. Restarts anywhere. Every verdict says why.

#![deny(missing_docs)]

mod account;
mod challenge;
mod duty;
pub mod evidence;
mod notes;
mod visit;

pub use account::{
    AuditorView, CaseView, DutyView, connect, doubt, join, leave, show, status, withdraw,
};
pub use challenge::{Explained, challenge};
pub use dbc_chain_client::ChainClient;
pub use duty::{Auditor, AuditorConfig, Said};
pub use notes::{Notes, NotesError};
pub use visit::{FreshAccount, FreshState, VisitConfig, visit_cost};
