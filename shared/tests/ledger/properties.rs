//! Properties of all parsers: no text makes them panic, a written value is parsed again, and each value has one form.

use std::sync::LazyLock;

use ed25519_dalek::SigningKey;
use proptest::{collection::vec, prelude::*};
use shared::ledger::{
    MAX_SIZE,
    checkpoint::Checkpoint,
    entries,
    hash::Hash,
    note::Vkey,
    proof::{verify_consistency, verify_inclusion},
    subtrees::Subtrees,
    tile::TileId,
    tlog_proof::TlogProof,
    tree::Frontier,
};

static KEY: LazyLock<Vkey> = LazyLock::new(|| {
    Vkey::new("a.example/log", SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes()).unwrap()
});

/// Texts that are likely to pass the first checks of a parser.
fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("c2sp.org/tlog-proof@v1".to_owned()),
        Just("a.example/log".to_owned()),
        Just("— a.example/log AAAAAAA=".to_owned()),
        Just(String::new()),
        "extra [A-Za-z0-9+/]{4}",
        "index [0-9]{0,20}",
        "[0-9]{1,20}",
        hash().prop_map(|hash| hash.to_string()),
        "[A-Za-z0-9+/]{43}=",
        ".*",
    ];
    prop_oneof![vec(line, 0..8).prop_map(|lines| lines.join("\n") + "\n"), any::<String>()]
}

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from_bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_text_that_is_accepted_is_written_unchanged(text in text()) {
        if let Ok(hash) = Hash::parse(&text) {
            prop_assert_eq!(hash.to_string(), text.clone());
        }
        if let Ok(key) = Vkey::parse(&text) {
            prop_assert_eq!(key.to_string(), text.clone());
        }
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            let written = checkpoint.to_string();
            let extensions = text.strip_prefix(&written).unwrap();
            prop_assert!(!extensions.starts_with('\n'));
        }
        if let Ok(proof) = TlogProof::parse(&text)
            && !text.contains("\nextra ")
        {
            prop_assert_eq!(proof.to_string(), text.clone());
        }
        // None of these texts has a valid signature.
        prop_assert!(KEY.open(&text).is_err());
        prop_assert!(Checkpoint::open(&text, &KEY).is_err());
    }

    #[test]
    fn a_written_checkpoint_is_parsed_again(size in 0..=MAX_SIZE, root in hash()) {
        let checkpoint = Checkpoint::new(&KEY, size, root);
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Ok(checkpoint));
    }

    #[test]
    fn a_proof_reads_as_it_is_written(sequence in 0..=MAX_SIZE, hashes in vec(hash(), 0..64), note: String) {
        let proof = TlogProof { sequence, hashes, note };
        prop_assert_eq!(TlogProof::parse(&proof.to_string()), Ok(proof));
    }

    #[test]
    fn a_key_reads_as_it_is_written(name in "[^\\s+\\p{Cc}]{1,40}", seed: [u8; 32]) {
        let key = Vkey::new(&name, SigningKey::from_bytes(&seed).verifying_key().to_bytes()).unwrap();
        prop_assert_eq!(Vkey::parse(&key.to_string()), Ok(key.clone()));
        prop_assert!(signed_note::StandardVerifier::new(&key.to_string()).is_ok());
    }

    #[test]
    fn a_bundle_reads_as_it_is_written(leaves in vec(vec(any::<u8>(), 0..300), 0..20), cut: u8) {
        let mut bundle = Vec::new();
        for leaf in &leaves {
            entries::append(&mut bundle, leaf).unwrap();
        }
        prop_assert_eq!(entries::leaves(&bundle).unwrap(), leaves);
        // A bundle that is cut off is refused, unless it ends with a whole leaf.
        bundle.truncate(bundle.len().saturating_sub(cut.into()));
        if let Some(leaves) = entries::leaves(&bundle) {
            let sizes = leaves.iter().map(|leaf| 2 + leaf.len());
            prop_assert_eq!(sizes.sum::<usize>(), bundle.len());
        }
    }

    #[test]
    fn a_frontier_reads_as_it_is_written(size: u64, bytes in vec(any::<u8>(), 0..3000)) {
        if let Some(frontier) = Frontier::from_bytes(size, &bytes) {
            prop_assert_eq!(frontier.to_bytes(), bytes);
        }
        let bytes = vec![7; size.count_ones() as usize * Hash::BYTES];
        prop_assert_eq!(Frontier::from_bytes(size, &bytes).is_some(), size <= MAX_SIZE);
    }

    /// No size or place overflows, and proofs need few hashes.
    #[test]
    fn a_proof_needs_few_hashes_all_within_the_tree(from: u64, to: u64) {
        let proofs = [Subtrees::root(to), Subtrees::inclusion(from, to), Subtrees::consistency(from, to)];
        prop_assert_eq!(proofs[0].is_some(), to <= MAX_SIZE);
        prop_assert_eq!(proofs[1].is_some(), from < to && to <= MAX_SIZE);
        prop_assert_eq!(proofs[2].is_some(), from <= to && to <= MAX_SIZE);
        for tiles in proofs.into_iter().flatten().map(|proof| proof.tiles(to)) {
            prop_assert!(tiles.len() <= 16);
            prop_assert!(tiles.is_sorted_by(|a, b| a < b));
            for tile in tiles {
                prop_assert_eq!(TileId::of(tile.level(), tile.index(), to), Some(tile));
            }
        }
    }

    #[test]
    fn random_proofs_are_refused(from: u64, to: u64, proof in vec(hash(), 0..70), a in hash(), b in hash()) {
        prop_assert!(verify_inclusion(a, from, to, &proof, b).is_err());
        prop_assert!(verify_consistency(from, a, to, b, &proof).is_err());
    }
}
