#![no_main]

use fuzz::messages;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

// The body of a message of the queue: an EventBridge envelope, or any text in its place.
fuzz_target!(|text: &str| {
    let batch = json!({"Records": [{"messageId": "m-1", "body": text}]}).to_string();
    messages(serde_json::from_str(&batch).expect("a batch"));
});
