#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::model::timestamp::Timestamp;

// A timestamp in all accepted forms.
fuzz_target!(|text: &str| {
    let Ok(time) = Timestamp::parse(text) else { return };
    let written = time.to_string();
    assert_eq!(Timestamp::parse(&written), Ok(time));
    assert_eq!(written.len(), 27);
    // Every accepted time is RFC 3339, and another parser reads the same instant.
    match text.parse::<jiff::Timestamp>() {
        // Digits beyond the microsecond are cut off, before 1970 too.
        Ok(theirs) => {
            assert_eq!(theirs.as_nanosecond().div_euclid(1000), time.unix_microseconds().into(), "{text}");
        }
        Err(_) => assert!(text.starts_with("9999-12-3"), "{text}"),
    }
});
