#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::timestamp::Timestamp;

// A timestamp, in all the forms that are taken.
fuzz_target!(|text: &str| {
    let Ok(time) = Timestamp::parse(text) else { return };
    let written = time.to_string();
    assert_eq!(Timestamp::parse(&written), Ok(time));
    assert_eq!(written.len(), 27);
    // Whatever we take is RFC 3339, and the same instant to somebody else.
    let theirs: jiff::Timestamp = text.parse().expect("RFC 3339");
    assert_eq!(theirs.as_microsecond(), time.unix_microseconds(), "{text}");
});
