#![no_main]

use fuzz::{fallback, judged, workspace};
use ingest_api::{Sent, SentEvent};
use libfuzzer_sys::fuzz_target;
use shared::intake::new_event::{Door, NewEvent};

// The body of `POST /api/{workspace}/audit_logs`: one event or a batch.
fuzz_target!(|body: &[u8]| {
    let Ok(sent) = Sent::parse(body) else { return };
    let events = match sent {
        Sent::One(event) => vec![event],
        Sent::Batch(events) => events,
    };
    for SentEvent { value, problems } in events {
        judged(NewEvent::parse(value, problems, Door::Api(&workspace()), fallback()));
    }
});
