//! The form that every block of a grant must have. Biscuit's language is a whole logic language;
//! grants need facts and small conditions. Everything else is refused before it is run, because
//! whoever holds a token may append to it, and one rule over a few facts can keep a core busy for
//! ever: the library looks at its time limit between rules only.

use biscuit_auth::{
    Authorizer,
    builder::{Binary, Check, Fact, Op, Rule, Term, Unary},
};

use crate::GrantError;

const FACT_NAMES: [&str; 8] =
    ["genesis", "machine", "lease", "epoch", "pinned", "holder", "until", "verb"];
const FACTS_MAX: usize = 64;
const CHECKS_MAX: usize = 32;
const QUERIES_MAX: usize = 4;
const PREDICATES_MAX: usize = 2;
const EXPRESSIONS_MAX: usize = 8;
const OPS_MAX: usize = 64;

/// Refuses a token that is more than facts and small conditions; returns how many facts it has.
/// The authorizer must hold the token and nothing else, and must not have run.
pub(crate) fn require(bare: &Authorizer) -> Result<usize, GrantError> {
    let (facts, rules, checks, _) = bare.dump();
    if !rules.is_empty() {
        return Err(GrantError::Invalid("it contains rules"));
    }
    if facts.len() > FACTS_MAX || checks.len() > CHECKS_MAX {
        return Err(GrantError::Invalid("it contains too many facts or conditions"));
    }
    if !facts.iter().all(is_plain_fact) {
        return Err(GrantError::Invalid("it contains an unknown fact"));
    }
    if !checks.iter().all(is_small_check) {
        return Err(GrantError::Invalid("it contains a condition that is not supported"));
    }
    Ok(facts.len())
}

fn is_plain_fact(fact: &Fact) -> bool {
    FACT_NAMES.contains(&fact.predicate.name.as_str())
        && matches!(
            fact.predicate.terms.as_slice(),
            [Term::Str(_) | Term::Integer(_) | Term::Bool(_)]
        )
}

fn is_small_check(check: &Check) -> bool {
    check.queries.len() <= QUERIES_MAX && check.queries.iter().all(is_small_query)
}

fn is_small_query(query: &Rule) -> bool {
    query.scopes.is_empty()
        && query.body.len() <= PREDICATES_MAX
        && query.expressions.len() <= EXPRESSIONS_MAX
        && query.expressions.iter().all(|expression| {
            expression.ops.len() <= OPS_MAX && expression.ops.iter().all(is_cheap)
        })
}

fn is_cheap(op: &Op) -> bool {
    match op {
        Op::Value(_) => true,
        Op::Unary(op) => matches!(op, Unary::Negate | Unary::Parens | Unary::Length),
        Op::Binary(op) => matches!(
            op,
            Binary::LessThan
                | Binary::GreaterThan
                | Binary::LessOrEqual
                | Binary::GreaterOrEqual
                | Binary::Equal
                | Binary::NotEqual
                | Binary::HeterogeneousEqual
                | Binary::HeterogeneousNotEqual
                | Binary::Contains
                | Binary::Prefix
                | Binary::Suffix
                | Binary::And
                | Binary::Or
        ),
        // Closures nest loops, expressions can be regular ones, functions are not ours.
        Op::Closure(..) => false,
    }
}
