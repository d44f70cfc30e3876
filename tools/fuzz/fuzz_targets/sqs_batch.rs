#![no_main]

use fuzz::messages;
use libfuzzer_sys::fuzz_target;

// The payload of an invocation: a batch of the queue, or a bare envelope.
fuzz_target!(|payload: &[u8]| {
    if let Ok(delivery) = serde_json::from_slice(payload) {
        messages(delivery);
    }
});
