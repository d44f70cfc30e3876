//! The examples printed in the specifications, and others with a real signature.

use shared::ledger::{
    checkpoint::{Checkpoint, InvalidCheckpoint},
    note::{InvalidNote, Vkey},
    tlog_proof::TlogProof,
};

const SIGNED_NOTE: &str = include_str!("../../../tests/c2sp/signed-note.note");
const CHECKPOINT: &str = include_str!("../../../tests/c2sp/tlog-checkpoint.note");
const PROOF: &str = include_str!("../../../tests/c2sp/example.tlog-proof");
const SUMDB: &str = include_str!("../../../tests/c2sp/sum.golang.org.note");
const SUMDB_KEY: &str = include_str!("../../../tests/c2sp/sum.golang.org.vkey");
const TWICE: &str = include_str!("../../../tests/c2sp/two-signatures.note");
const TWICE_KEY: &str = include_str!("../../../tests/c2sp/two-signatures.vkey");

fn key(line: &str) -> Vkey {
    Vkey::parse(line.trim_end()).unwrap()
}

#[test]
fn published_keys_are_parsed_and_written_unchanged() {
    for line in [SUMDB_KEY, TWICE_KEY] {
        assert_eq!(format!("{}\n", key(line)), line);
    }
    assert_eq!((key(SUMDB_KEY).name(), key(SUMDB_KEY).id()), ("sum.golang.org", 0x033d_e0ae));
}

#[test]
fn a_checkpoint_of_the_go_checksum_database_verifies() {
    let text = key(SUMDB_KEY).open(SUMDB).unwrap();
    let checkpoint = Checkpoint::parse(text).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), ("go.sum database tree", 20_852_163));
    assert_eq!(checkpoint.root().to_string(), "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=");
    assert_eq!(checkpoint.to_string(), text);
    // Its origin differs from the name of its key. Our logs have the same name for both.
    assert_eq!(Checkpoint::open(SUMDB, &key(SUMDB_KEY)), Err(InvalidCheckpoint::OtherLog));
}

#[test]
fn the_same_signature_under_another_name_does_not_verify() {
    let sumdb = key(SUMDB_KEY);
    assert_eq!(sumdb.open(CHECKPOINT), Err(InvalidNote::UnknownKey));
    let renamed = CHECKPOINT.replace("— example.com/behind-the-sofa", "— sum.golang.org");
    assert_eq!(sumdb.open(&renamed), Err(InvalidNote::WrongSignature));
    let (text, _) = CHECKPOINT.split_once("\n\n").unwrap();
    assert_eq!(Checkpoint::parse(&format!("{text}\n")).unwrap().size(), 20_852_163);
}

#[test]
fn one_of_two_signatures_is_enough_and_the_other_is_ignored() {
    let text = key(TWICE_KEY).open(TWICE).unwrap();
    assert!(text.starts_with("If you think ") && text.ends_with(" your problem is.\n"));
    assert_eq!(key(SUMDB_KEY).open(TWICE), Err(InvalidNote::UnknownKey));
    assert_eq!(key(TWICE_KEY).open(&TWICE.replace("think", "thank")), Err(InvalidNote::WrongSignature));
}

#[test]
fn a_text_ends_at_the_last_empty_line_of_its_note() {
    // The key of this note is not published, but the note is well-formed.
    assert_eq!(key(SUMDB_KEY).open(SIGNED_NOTE), Err(InvalidNote::UnknownKey));
    assert_eq!(key(SUMDB_KEY).open(SIGNED_NOTE.trim_end()), Err(InvalidNote::Form));
}

#[test]
fn the_example_of_a_proof_is_parsed_and_its_cut_signatures_are_refused() {
    let proof = TlogProof::parse(PROOF).unwrap();
    assert_eq!((proof.sequence, proof.hashes.len()), (73_894, 5));
    assert_eq!(proof.hashes[0].to_string(), "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=");
    assert!(proof.note.starts_with("example.com/fancylog\n109482\n"));
    assert_eq!(key(SUMDB_KEY).open(&proof.note), Err(InvalidNote::Form));
    // Extra data is not written; everything else is.
    let plain: String = PROOF.split_inclusive('\n').filter(|line| !line.starts_with("extra ")).collect();
    assert_eq!(proof.to_string(), plain);
}
