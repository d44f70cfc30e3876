#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::model::{id::TokenId, token::PlainToken};

// The `Authorization` header.
fuzz_target!(|header: &str| {
    if let Ok(token) = PlainToken::from_authorization(header) {
        let again = PlainToken::parse_bearer(&token.bearer()).expect("its own bearer");
        assert!(again.id() == token.id() && again.hashed().matches(&token.hashed()));
    }
    if let Ok(id) = TokenId::parse(header) {
        assert_eq!(id.as_str(), header);
    }
});
