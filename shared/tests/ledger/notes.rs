//! Keys, notes, checkpoints and proofs: ours are opened by `signed_note` and `tlog_tiles`, and theirs by our code.

use ed25519_dalek::{Signer as _, SigningKey};
use shared::ledger::{
    MAX_SIZE,
    checkpoint::{Checkpoint, InvalidCheckpoint},
    hash::Hash,
    note::{InvalidNote, InvalidVkey, Vkey},
    proof::NotProven,
    subtrees::Subtrees,
    tlog_proof::{NotVerified, TlogProof},
};
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};

use crate::log::{Log, leaf};

const NAME: &str = "audit-logs.example/acme";

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn key(name: &str) -> Vkey {
    Vkey::new(name, signer().verifying_key().to_bytes()).unwrap()
}

fn sign(key: &Vkey, text: &str) -> String {
    key.note(text, &signer().sign(text.as_bytes()).to_bytes()).unwrap()
}

fn verifiers(key: &Vkey) -> VerifierList {
    VerifierList::new(vec![Box::new(StandardVerifier::new(&key.to_string()).unwrap())])
}

#[test]
fn our_checkpoints_open_with_signed_note() {
    for size in [0, 1, 300, MAX_SIZE] {
        let checkpoint = Checkpoint::new(&key(NAME), size, leaf(size));
        let note = Note::from_bytes(sign(&key(NAME), &checkpoint.to_string()).as_bytes()).unwrap();
        let (good, unknown) = note.verify(&verifiers(&key(NAME))).unwrap();
        assert_eq!((good.len(), unknown.len(), good[0].id()), (1, 0, key(NAME).id()));
        let theirs = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
        assert_eq!((theirs.origin(), theirs.size(), theirs.extension()), (NAME, size, ""));
        assert_eq!(theirs.hash().0, *checkpoint.root().as_bytes());
    }
}

#[test]
fn checkpoints_of_signed_note_open_with_our_code() {
    let root = tlog_tiles::record_hash(b"a leaf");
    let text = tlog_tiles::Checkpoint::new(NAME, 42, root, "an extension\n").unwrap().to_bytes();
    let seed = signer().to_bytes();
    let secret = [&[1], seed.as_slice()].concat();
    let secret = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, secret);
    let secret = format!("PRIVATE+KEY+{NAME}+{:08x}+{secret}", key(NAME).id());
    let mut note = Note::new(&text, &[]).unwrap();
    note.add_sigs(&[&StandardSigner::new(&secret).unwrap()]).unwrap();
    let note = String::from_utf8(note.to_bytes()).unwrap();
    assert_eq!(
        Checkpoint::open(&note, &key(NAME)),
        Ok(Checkpoint::new(&key(NAME), 42, Hash::of_leaf(b"a leaf")))
    );
    assert_eq!(note, sign(&key(NAME), str::from_utf8(&text).unwrap()));
}

#[test]
fn the_same_key_under_another_name_is_another_key() {
    let note = sign(&key(NAME), "a text\n");
    let other = key("audit-logs.example/other");
    assert_ne!(other.id(), key(NAME).id());
    assert_eq!(other.open(&note), Err(InvalidNote::UnknownKey));
    let renamed = note.replace(NAME, other.name());
    assert_eq!(other.open(&renamed), Err(InvalidNote::UnknownKey));
    // The key of one log has signed the text of another.
    let checkpoint = Checkpoint::new(&other, 0, Hash::of_empty_tree());
    let opened = Checkpoint::open(&sign(&key(NAME), &checkpoint.to_string()), &key(NAME));
    assert_eq!(opened, Err(InvalidCheckpoint::OtherLog));
}

#[test]
fn a_note_with_a_wrong_signature_or_an_invalid_text_is_not_made() {
    let good = signer().sign(b"a text\n").to_bytes();
    assert!(key(NAME).note("a text\n", &good).is_ok());
    assert_eq!(key(NAME).note("a test\n", &good), Err(InvalidNote::WrongSignature));
    assert_eq!(key(NAME).note("a text\n", &[0; 64]), Err(InvalidNote::WrongSignature));
    for text in ["", "a text", "a\ttext\n", "a text\r\n", "a\0text\n"] {
        let signature = signer().sign(text.as_bytes()).to_bytes();
        assert_eq!(key(NAME).note(text, &signature), Err(InvalidNote::Form), "{text:?}");
    }
}

#[test]
fn every_flipped_bit_of_a_note_is_detected() {
    let text = Checkpoint::new(&key(NAME), 1, leaf(0)).to_string();
    let note = sign(&key(NAME), &text);
    assert_eq!(key(NAME).open(&note), Ok(text.as_str()));
    // One bit of each byte is enough, because verification is slow without optimization.
    for place in 0..note.len() {
        let mut flipped = note.clone().into_bytes();
        flipped[place] ^= 1 << (place % 7);
        let Ok(flipped) = String::from_utf8(flipped) else { continue };
        assert!(key(NAME).open(&flipped).is_err(), "byte {place}: {flipped:?}");
    }
}

#[test]
fn a_note_is_accepted_in_one_form_only() {
    let note = sign(&key(NAME), "a text\n");
    let (text, line) = note.split_once("\n\n").unwrap();
    fn check(note: &str, expected: Result<&str, InvalidNote>) {
        assert_eq!(key(NAME).open(note), expected, "{note:?}");
    }
    let form = Err(InvalidNote::Form);
    check(&note, Ok("a text\n"));
    // Only the last signature is read, and it does not cover the first note.
    check(&note.repeat(2), Err(InvalidNote::WrongSignature));
    check(line, form);
    check(&format!("\n{line}"), form);
    check(&format!("{text}\n{line}"), form);
    check(&format!("{text}\n\n{}", line.trim_end()), form);
    check(&format!("{text}\n\n{line}\n"), form);
    check(&format!("{text}\n\n"), form);
    check(&format!("{text}\n\n-{}", line.strip_prefix('—').unwrap()), form);
    check(&format!("{text}\n\n{}", line.replace('=', "")), form);
    check(&format!("{text}\n\n{line}— other AAAAAAA=\n"), Ok("a text\n"));
    check(&format!("{text}\n\n— other AAAAAAA=\n{line}"), Ok("a text\n"));
    check(&format!("{text}\n\n{line}— other AAAAAA==\n"), form);
    check(&format!("{text}\n\n{line}— ot+her AAAAAAA=\n"), form);
    check(&format!("{text}\n\n{line}—  AAAAAAA=\n"), form);
    check(&format!("{text}\n\n{line}{line}"), Ok("a text\n"));
    let short = format!("— {NAME} {}\n", "AAAAAAA=");
    check(&format!("{text}\n\n{short}"), Err(InvalidNote::UnknownKey));
    check(&format!("{text}\n\n{}{line}", "— other AAAAAAA=\n".repeat(99)), Ok("a text\n"));
    check(&format!("{text}\n\n{}{line}", "— other AAAAAAA=\n".repeat(100)), form);
}

#[test]
fn a_key_is_accepted_in_one_form_only() {
    let text = key("a.example").to_string();
    fn check(text: &str, expected: Option<InvalidVkey>) {
        assert_eq!(Vkey::parse(text).err(), expected, "{text:?}");
        // Keys that we accept are accepted by `signed_note` too.
        assert!(expected.is_some() || StandardVerifier::new(text).is_ok());
    }
    check(&text, None);
    let [name, id, key]: [&str; 3] = text.splitn(3, '+').collect::<Vec<_>>().try_into().unwrap();
    check(&format!("{text}\n"), Some(InvalidVkey::Form));
    check(&format!("{name}+{}+{key}", id.to_uppercase()), Some(InvalidVkey::Form));
    check(&format!("{name}+00000000+{key}"), Some(InvalidVkey::Form));
    check(&format!("{name}+0{id}+{key}"), Some(InvalidVkey::Form));
    check(&format!("b.example+{id}+{key}"), Some(InvalidVkey::Form));
    check(&format!("+{id}+{key}"), Some(InvalidVkey::Name));
    check(&format!("a example+{id}+{key}"), Some(InvalidVkey::Name));
    check(&format!("a\u{a0}example+{id}+{key}"), Some(InvalidVkey::Name));
    check(&format!("a\nexample+{id}+{key}"), Some(InvalidVkey::Name));
    check(&format!("{name}+{id}"), Some(InvalidVkey::Form));
    check(&format!("{name}+{id}+"), Some(InvalidVkey::Form));
    check(&format!("{name}+{id}+AQ=="), Some(InvalidVkey::Key));
    check("", Some(InvalidVkey::Form));
    // A point of small order is refused, because nearly any bytes would verify as its signature.
    assert_eq!(Vkey::new("a.example", [0; 32]), Err(InvalidVkey::Key));
}

#[test]
fn a_checkpoint_is_accepted_in_one_form_only() {
    let root = leaf(0);
    fn check(text: String, fits: bool) {
        assert_eq!(Checkpoint::parse(&text).is_ok(), fits, "{text:?}");
    }
    check(format!("a log\n1\n{root}\n"), true);
    check(format!("a log\n0\n{root}\n"), true);
    check(format!("a log\n{MAX_SIZE}\n{root}\n"), true);
    check(format!("a log\n{}\n{root}\n", MAX_SIZE + 1), false);
    check(format!("a log\n1\n{root}\nmore\nand more\n"), true);
    check(format!("a log\n1\n{root}\n\n"), false);
    check(format!("a log\n1\n{root}\n\nmore\n"), false);
    check(format!("a log\n1\n{root}\nmore"), false);
    check(format!("a log\n1\n{root}"), false);
    check(format!("\n1\n{root}\n"), false);
    check(format!("a\tlog\n1\n{root}\n"), false);
    check(format!("a log\r\n1\n{root}\n"), false);
    for size in ["", "01", "00", "+1", "-1", " 1", "1 ", "1.0", "0x1", "١"] {
        check(format!("a log\n{size}\n{root}\n"), false);
    }
    check("a log\n1\n".to_owned(), false);
    check("a log\n1\nAAAA\n".to_owned(), false);
    check(String::new(), false);
}

#[test]
fn a_proof_verifies_with_the_key_alone() {
    let log = Log::of(300);
    let note = sign(&key(NAME), &Checkpoint::new(&key(NAME), 300, log.roots[300]).to_string());
    for sequence in [0, 1, 255, 256, 299] {
        let hashes = log.fetch(&Subtrees::inclusion(sequence, 300).unwrap(), 300);
        let proof = TlogProof { sequence, hashes, note: note.clone() };
        let read = TlogProof::parse(&proof.to_string()).unwrap();
        assert_eq!(read, proof);
        assert_eq!(read.verify(leaf(sequence), &key(NAME)).unwrap().size(), 300);
        let other = read.verify(leaf(sequence + 1), &key(NAME));
        assert_eq!(other, Err(NotVerified::Leaf(NotProven)));
        let other = read.verify(leaf(sequence), &key("audit-logs.example/other"));
        assert!(matches!(other, Err(NotVerified::Checkpoint(_))));
    }
}

#[test]
fn a_proof_is_accepted_in_one_form_only() {
    let hash = leaf(0);
    fn check(text: &str, fits: bool) {
        assert_eq!(TlogProof::parse(text).is_ok(), fits, "{text:?}");
    }
    check("c2sp.org/tlog-proof@v1\nindex 0\n\na note\n", true);
    check(&format!("c2sp.org/tlog-proof@v1\nindex 1\n{hash}\n{hash}\n\na note\n"), true);
    check("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\na note\n", true);
    check("c2sp.org/tlog-proof@v1\nextra A\nindex 0\n\na note\n", false);
    check("c2sp.org/tlog-proof@v1\nextra AAAA\nextra AAAA\nindex 0\n\na note\n", false);
    check("c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n\na note\n", false);
    check("c2sp.org/tlog-proof@v2\nindex 0\n\na note\n", false);
    check("c2sp.org/tlog-proof@v1\nindex 01\n\na note\n", false);
    check("c2sp.org/tlog-proof@v1\nindex +1\n\na note\n", false);
    check("c2sp.org/tlog-proof@v1\nindex  1\n\na note\n", false);
    check("c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\na note\n", false);
    check("c2sp.org/tlog-proof@v1\nindex 0\na note\n", false);
    check("c2sp.org/tlog-proof@v1\r\nindex 0\r\n\r\na note\r\n", false);
    check("c2sp.org/tlog-proof@v1\n\nindex 0\n\na note\n", false);
    check(&format!("c2sp.org/tlog-proof@v1\nindex 0\n{}\n\na note\n", &hash.to_string()[1..]), false);
    check("", false);
}
