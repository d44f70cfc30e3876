//! Credentials: workspace tokens and JWTs that are invalid, or not valid for the request.

use super::{Door, Input};

pub(super) fn inputs() -> Vec<Input> {
    let rows = [(Door::Authorization, TOKENS), (Door::AdminAuthorization, JWTS), (Door::Claims, CLAIMS)];
    let rows =
        rows.into_iter().flat_map(|(door, rows)| rows.iter().map(move |(sent, told)| (door, *sent, *told)));
    rows.map(|(door, sent, told)| Input::new(door, sent, told)).collect()
}

const TOKENS: &[(&str, &str)] = &[
    (" ", "401 Unauthorized"),
    ("Bearer", "403 Forbidden"),
    ("Bearer nonsense", "403 Forbidden"),
    ("{bearer}", "403 Forbidden"),
    ("Digest {bearer}", "403 Forbidden"),
    ("Bearer {secret}", "403 Forbidden"),
    ("Bearer {token}", "403 Forbidden"),
    ("Bearer {bearer}0", "403 Forbidden"),
    ("Bearer x{bearer}", "403 Forbidden"),
    ("Bearer {bearer},Bearer {bearer}", "403 Forbidden"),
    ("Bearer {admin}", "403 Forbidden"),
    ("Bearer {member}", "403 Forbidden"),
    ("Bearer alw_abcdefABCDEF_01234567890123456789012345678901234567890124JzJtT", "403 Forbidden"),
    ("Bearer alw_{token}_01234567890123456789012345678901234567890124JzJtT", "403 Forbidden"),
    ("Basic base64:{token}", "403 Forbidden"),
    ("Basic base64:{token}:", "403 Forbidden"),
    ("Basic base64::{secret}", "403 Forbidden"),
    ("Basic base64:{token}:{secret}:", "403 Forbidden"),
    ("Basic base64:{secret}:{token}", "403 Forbidden"),
    ("Basic {token}:{secret}", "403 Forbidden"),
    ("Basic /////w==", "403 Forbidden"),
];

const JWTS: &[(&str, &str)] = &[
    (" ", "401 Unauthorized"),
    ("Bearer a.b.c", "401 Unauthorized"),
    ("Bearer {bearer}", "401 Unauthorized"),
    ("Bearer {admin}x", "401 Unauthorized"),
    ("Bearer {admin}.{admin}", "401 Unauthorized"),
    ("Basic {admin}", "401 Unauthorized"),
    ("Bearer eyJhbGciOiJub25lIn0.eyJ3b3Jrc3BhY2UiOiJhY21lIiwicm9sZSI6ImFkbWluIn0.", "401 Unauthorized"),
    ("Bearer {member}", "403 forbidden"),
];

const CLAIMS: &[(&str, &str)] = &[
    (r#"{"exp": 1}"#, "401 Unauthorized"),
    (r#"{"exp": null}"#, "401 Unauthorized"),
    (r#"{"nbf": 9999999999}"#, "401 Unauthorized"),
    (r#"{"iss": "https://elsewhere.example.com"}"#, "401 Unauthorized"),
    (r#"{"aud": "elsewhere"}"#, "401 Unauthorized"),
    (r#"{"aud": null}"#, "401 Unauthorized"),
    (r#"{"role": null}"#, "403 forbidden"),
    (r#"{"role": "Admin"}"#, "403 forbidden"),
    (r#"{"role": ["member", "no-admin"]}"#, "403 forbidden"),
    (r#"{"role": true}"#, "403 forbidden"),
    (r#"{"sub": null}"#, "403 forbidden"),
    (r#"{"sub": ""}"#, "403 forbidden"),
    (r#"{"workspace": null}"#, "403 forbidden"),
    (r#"{"workspace": "ACME"}"#, "403 forbidden"),
    (r#"{"workspace": ["initech", "globex"]}"#, "404 not_found"),
    (r#"{"workspace": "globex"}"#, "404 not_found"),
    (r#"{"workspace": "nowhere"}"#, "404 not_found"),
];
