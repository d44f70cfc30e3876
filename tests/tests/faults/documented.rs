//! `docs/faults.md` and the tests agree.
//!
//! The faults are the variants of enums; a test covers a fault if its body names the fault. So these fail here:
//! a fault without a row, a row without its test, a test that the row does not name, and a row for something
//! that is not a fault.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The enums of faults: file and name.
const FAULTS: [(&str, &str); 6] = [
    ("src/faulty_engine/fault.rs", "Fault"),
    ("src/queue.rs", "QueueFault"),
    ("src/stream.rs", "StreamFault"),
    ("src/client.rs", "ClientFault"),
    ("src/process.rs", "ProcessFault"),
    ("tests/deliver/receiver.rs", "ReceiverFault"),
];

/// The tests that survive each fault.
type Survivors = BTreeMap<String, BTreeSet<String>>;

#[test]
fn the_list_of_faults_and_the_tests_agree() {
    let document = read("../docs/faults.md");
    let listed = listed(&document);
    let defined: BTreeSet<_> =
        FAULTS.into_iter().flat_map(|(file, name)| variants(&read(file), name)).collect();
    assert_eq!(disagreements(&listed, &defined, &survivors()), Vec::<String>::new());
    assert!(listed.len() >= 40, "{} faults", listed.len());
}

#[test]
fn a_list_that_does_not_agree_is_reported() {
    let tests = Survivors::from([row("Fault::A", "x.rs::a"), row("Fault::B", "x.rs::b")]);
    let defined = BTreeSet::from(["Fault::A".to_owned(), "Fault::B".to_owned()]);
    assert!(disagreements(&tests, &defined, &tests).is_empty());
    check_listed(&defined, &tests, Survivors::from([row("Fault::A", "x.rs::a")]), "Fault::B has no row");
    let mut listed = tests.clone();
    listed.extend([row("Fault::C", "x.rs::a")]);
    check_listed(&defined, &tests, listed, "Fault::C is no fault");
    let other = Survivors::from([row("Fault::A", "x.rs::a"), row("Fault::B", "x.rs::a")]);
    check_listed(
        &defined,
        &tests,
        other,
        r#"Fault::B is survived by {"x.rs::b"}, and its row says {"x.rs::a"}"#,
    );
}

fn check_listed(defined: &BTreeSet<String>, tests: &Survivors, listed: Survivors, expected: &str) {
    assert_eq!(disagreements(&listed, defined, tests), [expected]);
}

fn row(fault: &str, test: &str) -> (String, BTreeSet<String>) {
    (fault.to_owned(), BTreeSet::from([test.to_owned()]))
}

/// Writing in batches would need a fault of its own: DynamoDB may leave a part of a batch unexecuted.
#[test]
fn the_store_writes_nothing_in_batches_that_may_be_done_in_part() {
    for file in sources("../shared/src/store") {
        assert!(!read(&file).contains("batch_write_item"), "{file}: add the fault ItemsLeftOut");
    }
}

fn disagreements(listed: &Survivors, defined: &BTreeSet<String>, tests: &Survivors) -> Vec<String> {
    let unlisted = defined.iter().filter(|fault| !listed.contains_key(*fault));
    let unlisted = unlisted.map(|fault| format!("{fault} has no row"));
    let unknown = listed.keys().filter(|fault| !defined.contains(*fault));
    let unknown = unknown.map(|fault| format!("{fault} is no fault"));
    let none = BTreeSet::new();
    let other = listed.iter().filter(|(fault, _)| defined.contains(*fault)).filter_map(|(fault, rows)| {
        let survivors = tests.get(fault).unwrap_or(&none);
        (survivors != rows)
            .then(|| format!("{fault} is survived by {survivors:?}, and its row says {rows:?}"))
    });
    unlisted.chain(unknown).chain(other).collect()
}

/// The rows of the document's tables: the fault is in the first cell, its tests in the last.
fn listed(document: &str) -> Survivors {
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').collect();
        (code(cells[0])[0].clone(), code(cells[cells.len() - 1]).into_iter().collect())
    })
    .collect()
}

fn code(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
}

/// The variants of an enum, as written elsewhere.
fn variants(source: &str, name: &str) -> Vec<String> {
    let (_, body) = source.split_once(&format!(" enum {name} {{\n")).unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let lines = body.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let variants = lines.filter_map(|line| line.split([',', '(']).next());
    variants.map(|variant| format!("{name}::{variant}")).collect()
}

/// The folders with tests that survive faults.
const FOLDERS: [&str; 2] = ["tests/faults", "tests/deliver"];

/// The tests of the folders, by the faults that their bodies name.
fn survivors() -> Survivors {
    let mut survivors = Survivors::new();
    let files = FOLDERS.into_iter().flat_map(sources);
    for file in files.filter(|file| !file.ends_with("/documented.rs")) {
        let source = read(&file);
        for test in source.split("#[tokio::test").skip(1) {
            let (_, test) = test.split_once("async fn ").unwrap();
            let name = test.split('(').next().unwrap();
            // Text after the test belongs to the next one.
            let body = test.split("\n}\n").next().unwrap();
            for fault in named(body) {
                let file = file.strip_prefix("tests/").unwrap();
                survivors.entry(fault).or_default().insert(format!("{file}::{name}"));
            }
        }
    }
    survivors
}

/// All faults that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let paths = text.match_indices("::").map(|(at, _)| (word_before(text, at), word_at(text, at + 2)));
    paths
        .filter(|(name, _)| FAULTS.iter().any(|(_, fault)| fault == name))
        .map(|(name, variant)| format!("{name}::{variant}"))
        .collect()
}

fn word_before(text: &str, at: usize) -> &str {
    let start = text[..at].rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |start| start + 1);
    &text[start..at]
}

fn word_at(text: &str, at: usize) -> &str {
    let end = text[at..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(text.len(), |end| at + end);
    &text[at..end]
}

fn sources(folder: &str) -> Vec<String> {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    files
        .map(|file| format!("{folder}/{}", file_name(file.unwrap())))
        .filter(|file| file.ends_with(".rs"))
        .collect()
}

fn file_name(file: fs::DirEntry) -> String {
    file.file_name().into_string().unwrap()
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}
