//! A machine that is honest, one that lies, one that breaks off: each by a fake in place of the way to it.

use dbc_bench::{Params, Prover};
use dbc_primitives::{MachineId, audit::Terms};

use super::*;

const SECRET: [u8; 32] = [5; 32];

/// How a machine behaves.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Honest,
    Lies,
    /// Hangs up when it hears the seed, or the rows.
    Leaves(bool),
}

struct Fake {
    kind: Kind,
    case: Case,
    prover: Option<Prover>,
}

#[async_trait]
impl Examinee for Fake {
    async fn root(&mut self, audit: u64, seed: &[u8; 32]) -> Result<[u8; 32], Away> {
        assert_eq!((audit, *seed), (self.case.audit, self.case.params(&SECRET).seed));
        if self.kind == Kind::Leaves(false) {
            return Err(Away::new("it hung up"));
        }
        let params = Params::new(*seed, self.case.terms.edge, self.case.terms.links, 1).unwrap();
        let prover = self.prover.insert(Prover::run(params));
        Ok(prover.root())
    }

    async fn open(&mut self, asked: &[Place]) -> Result<Vec<u8>, Away> {
        if self.kind == Kind::Leaves(true) {
            return Err(Away::new("it hung up"));
        }
        let prover = self.prover.as_ref().unwrap();
        let mut openings: Vec<_> = asked.iter().map(|place| prover.open(*place).unwrap()).collect();
        if self.kind == Kind::Lies {
            openings[0].row[0] ^= 1;
        }
        Ok(openings.encode())
    }
}

async fn examined(kind: Kind) -> Result<Explained, Away> {
    let terms =
        Terms { gpus: 0, edge: 16, links: 4, openings: 4, commit_ms: 20_000, open_ms: 20_000 };
    let (genesis, machine, seed) = ([1; 32], MachineId([2; 32]), [3; 32]);
    let case = Case { genesis, machine, audit: 7, seed, terms };
    let (sender, heads) = watch::channel(Head::default());
    let blocks = tokio::spawn(async move {
        for number in 1.. {
            tokio::time::sleep(Duration::from_millis(5)).await;
            sender.send_replace(Head { number, hash: [number as u8; 32], ..Head::default() });
        }
    });
    let found = examine(&mut Fake { kind, case, prover: None }, &case, SECRET, heads).await;
    blocks.abort();
    let judged = found.as_ref().map_or_else(|away| away.asked.as_deref(), Some);
    if let Some(found) = judged {
        let of = dbc_bench::hash_of(&found.transcript);
        let held = case.supports(&of, &found.verdict, &found.transcript, &[9; 32]);
        assert_eq!(held, Some(true), "whoever doubts comes to the same");
    }
    found
}

#[tokio::test]
async fn whoever_answers_is_judged_by_what_he_shows() {
    let honest = examined(Kind::Honest).await.unwrap();
    assert!(matches!(honest.verdict, Verdict::Pass(_)), "{}", honest.why);
    assert!(honest.why.contains("4 of 64 rows checked"), "{}", honest.why);
    let lies = examined(Kind::Lies).await.unwrap();
    assert_eq!(lies.verdict, Verdict::Fail);
    assert!(lies.why.contains("a row does not hold"), "{}", lies.why);
}

#[tokio::test]
async fn whoever_breaks_off_is_told_apart_by_what_he_had_heard() {
    for asked in [false, true] {
        let away = examined(Kind::Leaves(asked)).await.unwrap_err();
        let come_to = away.asked.as_ref().map(|found| found.verdict);
        assert_eq!(come_to, asked.then_some(Verdict::Fail));
        assert_eq!(away.to_string(), "the machine did not answer: it hung up");
    }
}

#[tokio::test]
async fn breaking_off_after_hearing_the_rows_is_an_accident_once() {
    let mut breaks = 0;
    let mut left = async |asked| {
        let away = examined(Kind::Leaves(asked)).await.unwrap_err();
        away.again(&mut breaks).ok().map(|found| found.verdict)
    };
    // Before that, as often as there is time: the next attempt has another secret.
    for (asked, verdict) in
        [(false, None), (false, None), (true, None), (false, None), (true, Some(Verdict::Fail))]
    {
        assert_eq!(left(asked).await, verdict);
    }
}
