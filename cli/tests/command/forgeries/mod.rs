//! Forgeries of everything that `auditlog verify` takes: exports in four formats, proof bundles, receipts, remembered states,
//! checkpoints and archives.
//!
//! `tests/vectors/forgeries` has one file for each forgery, with the answer in `expected.json`. It is made again from a
//! fresh log with `FORGERIES_WRITE=1 cargo test --workspace --test command forgeries`. A second test forges at random, 200
//! times by default, and as often as `FORGERIES` says. `PROVED` names a directory that gets each proved file, for the readers of
//! `tests/readers.sh`.

mod bytes;
mod lines;
mod reader;
mod truth;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use self::truth::{Forged, Kind, Truth};
use crate::auditlog::{Auditlog, Ended};

/// Numbers that look random, from a seed that is printed.
pub(crate) struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }
}

/// A way to forge: its name, the kinds that it applies to, and the act. It gives nothing if it finds nothing to change.
struct Operator {
    name: &'static str,
    kinds: &'static [Kind],
    forge: fn(&mut Dice, &Truth, &Forged) -> Option<Forged>,
}

fn operators() -> Vec<&'static Operator> {
    lines::OPERATORS.iter().chain(bytes::OPERATORS).collect()
}

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/forgeries")
}

/// The meaning of an exit code.
fn answer(code: Option<i32>) -> &'static str {
    match code {
        Some(0) => "proved",
        Some(1 | 3) => "refuted",
        Some(2) => "usage",
        Some(4) => "unchecked",
        _ => "crashed",
    }
}

/// Runs the command that verifies a kind.
fn verify(auditlog: &Auditlog, truth: &Truth, kind: Kind, forged: &Forged) -> Ended {
    forged.put(&auditlog.path(""));
    auditlog.run(&kind.command(&truth.key).iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn every_true_file_is_proved() {
    let (truth, auditlog) = prepared();
    for kind in Kind::ALL {
        let ended = verify(&auditlog, &truth, kind, &truth.file(kind));
        let expected = if kind == Kind::Ocsf { "unchecked" } else { "proved" };
        assert_eq!(answer(ended.code), expected, "{kind:?}: {ended:?}");
    }
}

#[test]
fn each_file_of_the_corpus_gets_its_answer() {
    let (truth, auditlog) = prepared();
    if env::var_os("FORGERIES_WRITE").is_some() {
        write(&auditlog, &truth);
    }
    let expected: Vec<Value> =
        serde_json::from_slice(&fs::read(corpus().join("expected.json")).unwrap()).unwrap();
    assert!(expected.len() >= 150, "{} forgeries", expected.len());
    let mut wrong = Vec::new();
    let mut answers = BTreeMap::new();
    for row in &expected {
        let kind = Kind::named(row["kind"].as_str().unwrap());
        let forged = Forged::read(&corpus().join(row["file"].as_str().unwrap()), kind, &truth);
        let ended = verify(&auditlog, &truth, kind, &forged);
        let found = answer(ended.code);
        *answers.entry(found).or_insert(0) += 1;
        if found != row["answer"] || ended.stderr.contains("panicked") {
            wrong.push(format!("{row}: {found}: {}", ended.stderr));
        }
        if found == "proved" {
            keep(kind, &forged, &format!("corpus-{}", row["file"].as_str().unwrap()));
            reader::require_true(kind, &forged, &truth)
                .unwrap_or_else(|why| wrong.push(format!("{row}: {why}")));
        }
        if answer_of_page(&auditlog, &truth, kind, &forged) != row["page"] {
            wrong.push(format!("{row}: the page would answer otherwise"));
        }
    }
    println!("{} forgeries: {answers:?}", expected.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_random_forgery_is_proved_that_a_reader_reads_otherwise() {
    let (truth, auditlog) = prepared();
    let number: u64 = env::var("FORGERIES").map_or(200, |text| text.parse().unwrap());
    let seed: u64 = env::var("SEED").map_or(1, |text| text.parse().unwrap());
    let operators = operators();
    assert!(operators.len() >= 40, "{} operators", operators.len());
    let mut answers: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut used = BTreeMap::new();
    for round in 0..number {
        let mut dice = Dice::new(seed << 32 | round);
        let (kind, names, forged) = loop {
            let kind = Kind::ALL[dice.below(Kind::ALL.len())];
            let mut forged = truth.file(kind);
            let mut names = Vec::new();
            for _ in 0..=dice.below(2) {
                let operator = operators[dice.below(operators.len())];
                if operator.kinds.contains(&kind)
                    && let Some(other) = (operator.forge)(&mut dice, &truth, &forged)
                {
                    forged = other;
                    names.push(operator.name);
                }
            }
            if !names.is_empty() && forged != truth.file(kind) {
                break (kind, names, forged);
            }
        };
        names.iter().for_each(|name| *used.entry(*name).or_insert(0) += 1);
        let ended = verify(&auditlog, &truth, kind, &forged);
        let found = answer(ended.code);
        *answers.entry((kind.name(), found)).or_insert(0) += 1;
        let about = format!("seed {seed}, round {round}, {kind:?}, {names:?}");
        if found == "crashed" || ended.stderr.contains("panicked") {
            wrong.push(format!("{about}: {ended:?}"));
        }
        if found == "proved" {
            keep(kind, &forged, &format!("{seed}-{round}-{}", names.join(", then ")));
            reader::require_true(kind, &forged, &truth)
                .unwrap_or_else(|why| wrong.push(format!("{about}: {why}")));
        }
    }
    for ((kind, answer), count) in &answers {
        println!("{kind}: {answer}: {count}");
    }
    println!("{number} forgeries by {} of {} operators, seed {seed}", used.len(), operators.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn prepared() -> (Truth, Auditlog) {
    let auditlog = Auditlog::new();
    let truth = Truth::make(&auditlog);
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Ocsf) {
        keep(kind, &truth.file(kind), "true");
    }
    (truth, auditlog)
}

/// Writes a proved file below the directory that `PROVED` names: by its kind, and a name that says how it was forged.
fn keep(kind: Kind, proved: &Forged, name: &str) {
    if let Some(directory) = env::var_os("PROVED") {
        proved.put(&Path::new(&directory).join(kind.name()).join(name));
    }
}

/// The answer that the page must give: that of `verify event`. `None` for a kind that the page does not read.
fn answer_of_page(auditlog: &Auditlog, truth: &Truth, kind: Kind, forged: &Forged) -> Value {
    if !matches!(kind, Kind::Bundle | Kind::Receipt) {
        return Value::Null;
    }
    // A browser reads bytes that are not UTF-8 as another character.
    let text = String::from_utf8_lossy(&forged.0["file"]).into_owned();
    json!(answer(verify(auditlog, truth, Kind::Bundle, &forged.with("file", text)).code))
}

/// Writes the corpus anew: one forgery by each operator of each kind.
fn write(auditlog: &Auditlog, truth: &Truth) {
    let _ = fs::remove_dir_all(corpus());
    fs::create_dir_all(corpus()).unwrap();
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        for operator in operators().into_iter().filter(|operator| operator.kinds.contains(&kind)) {
            let mut dice = Dice::new(rows.len() as u64);
            let forged = (operator.forge)(&mut dice, truth, &truth.file(kind));
            let Some(forged) = forged.filter(|forged| *forged != truth.file(kind)) else { continue };
            let ended = verify(auditlog, truth, kind, &forged);
            let name = format!("{}-{}", kind.name(), operator.name.replace(' ', "-"));
            let file = forged.write(&corpus(), &name, kind, truth);
            let command = kind.command("KEY").join(" ");
            rows.push(json!({
                "file": file, "kind": kind.name(), "operator": operator.name,
                "command": format!("auditlog {command}"), "answer": answer(ended.code),
                "page": answer_of_page(auditlog, truth, kind, &forged),
            }));
        }
    }
    fs::write(corpus().join("log.vkey"), format!("{}\n", truth.key)).unwrap();
    rows.sort_by_key(|row| row["file"].to_string());
    let text = format!("{:#}\n", json!(rows));
    fs::write(corpus().join("expected.json"), text).unwrap();
}
