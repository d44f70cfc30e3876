#![no_main]

use fuzz::key;
use libfuzzer_sys::fuzz_target;
use shared::ledger::{checkpoint::Checkpoint, note::Vkey};

// A signed note, a key and a checkpoint of C2SP.
fuzz_target!(|text: &str| {
    let key = key();
    assert!(key.open(text).is_err(), "this was never signed");
    assert!(Checkpoint::open(text, &key).is_err());
    if let Ok(parsed) = Vkey::parse(text) {
        assert_eq!(parsed.to_string(), text);
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        let again = Checkpoint::parse(&checkpoint.to_string()).expect("as it was written");
        assert_eq!(
            (again.origin(), again.size(), again.root()),
            (checkpoint.origin(), checkpoint.size(), checkpoint.root())
        );
    }
});
