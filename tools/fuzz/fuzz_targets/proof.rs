#![no_main]

use fuzz::key;
use libfuzzer_sys::fuzz_target;
use shared::ledger::{hash::Hash, proof::{verify_consistency, verify_inclusion}, tile::TilePath, tlog_proof::TlogProof};

// A text of C2SP tlog-proof, and the path of a tile.
fuzz_target!(|text: &str| {
    let key = key();
    if let Ok(proof) = TlogProof::parse(text) {
        assert!(proof.verify(Hash::of_leaf(b"leaf"), &key).is_err(), "this was never signed");
        assert_eq!(TlogProof::parse(&proof.to_string()).as_ref(), Ok(&proof));
        let root = proof.hashes.first().copied().unwrap_or(Hash::of_leaf(b"root"));
        let _ = verify_inclusion(Hash::of_leaf(b"leaf"), proof.sequence, u64::MAX, &proof.hashes, root);
        let _ = verify_consistency(proof.sequence, root, u64::MAX, root, &proof.hashes);
    }
    if let Ok(path) = TilePath::parse(text) {
        assert_eq!(path.to_string(), text);
        assert!((1..=256).contains(&path.width()));
        let _ = path.is_within(1 << 40);
    }
});
