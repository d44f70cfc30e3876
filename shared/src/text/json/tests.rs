//! Tests of the strict JSON reader.

use proptest::prelude::*;

use super::{number::decimal, *};

fn check(text: &str, problems: &[(&str, &str)]) {
    let document = parse(text.as_bytes(), MAX_DEPTH).unwrap();
    let found: Vec<_> =
        document.problems.iter().map(|problem| (problem.field.as_str(), problem.code)).collect();
    assert_eq!(found, problems, "{text}");
}

#[test]
fn changes_that_a_parser_would_make_are_problems() {
    check(r#"{"a": 1, "b": [true, null, "x"]}"#, &[]);
    check(r#"{"a": 1, "a": 2}"#, &[("/a", "duplicate_key")]);
    check(r#"{"a": {"x/y": 1, "x\/y": [1e999]}}"#, &[("/a/x~1y", "duplicate_key")]);
    // Both are as near to the double between them, and the even one is written.
    check("[600000000000000.2, 0.6000000000000003E15]", &[("/1", "inexact_number")]);
    check(&format!("{}{}", "[".repeat(32), "]".repeat(32)), &[]);
    let pointer = "/0".repeat(32);
    for depth in [33, 90, 100, 101, 102, 250, 100_000] {
        check(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)), &[(&pointer, "too_deep")]);
    }
    let members =
        format!(r#"{}{{"b": "]", "c": [NaN, "\ud800"]}}{}"#, r#"{"a":"#.repeat(150), "}".repeat(150));
    check(&members, &[(&"/a".repeat(32), "too_deep")]);
}

/// Numbers that can be recorded: the canonical text, and other notations of the same number.
const KEPT: &[(&str, &[&str])] = &[
    ("0", &["0", "-0", "0.0", "-0.0", "0e5", "0E-400", "0e99999999999999999999", "0.000"]),
    ("1", &["1", "1.0", "1e0", "10e-1", "0.1E1", "1.000000000000000000000000", "1e00000000000000000000000"]),
    ("-1000", &["-1000", "-1e3", "-1.0e+3", "-0.001e6", "-1000.0"]),
    (
        "9007199254740991",
        &["9007199254740991", "9007199254740991.0", "9.007199254740991e15", "90071992547409910E-1"],
    ),
    ("-9007199254740991", &["-9007199254740991", "-9.007199254740991E+15"]),
    ("0.1", &["0.1", "1e-1", "0.10", "100e-3"]),
    ("1.5e-7", &["1.5e-7", "0.00000015", "15E-8"]),
    ("1e+21", &["1e21", "1000000000000000000000", "1000000000000000000000.0", "10e20", "1E+21"]),
    ("1.7976931348623157e+308", &["1.7976931348623157e308", "17976931348623157E+292"]),
    ("5e-324", &["5e-324", "0.5E-323"]),
];

/// Numbers that cannot be recorded, each in several notations.
const REFUSED: &[&[&str]] = &[
    &["9007199254740992", "9007199254740992.0", "9.007199254740992e15", "90071992547409920e-1"],
    &["9007199254740993", "9.007199254740993e15", "9007199254740993.0"],
    &["-9007199254740992", "-9.007199254740992E15"],
    &["1152921504606847000", "1.152921504606847e18", "1152921504606847000.0", "1152921504606847E+3"],
    &["1152921504606846976", "1.152921504606846976e18"],
    &["100000000000000000000", "1e20", "1E+20", "10e19"],
    &["999999999999999900000", "9.999999999999999e20"],
    &["1000000000000000000001", "1000000000000000000.001e3"],
    &["9223372036854775807", "9223372036854775808", "18446744073709551616", "-9223372036854775808"],
    &["1e400", "1e999", "-1e400", "1e99999999999999999999"],
    &["1e-400", "1e-999", "0.1e-99999999999999999999"],
    &["0.1000000000000000055", "1000000000000000055e-19"],
    &["2e-324", "123456789.0123456789"],
];

#[test]
fn a_number_is_kept_or_refused_in_every_notation() {
    for (canonical_text, notations) in KEPT {
        for notation in *notations {
            let document = parse(notation.as_bytes(), MAX_DEPTH).unwrap();
            assert_eq!(document.problems, [], "{notation}");
            assert_eq!(canonical(&document.value), *canonical_text, "{notation}");
            // Both texts in which an answer may write the number are accepted again.
            check(canonical_text, &[]);
            check(&document.value.to_string(), &[]);
        }
    }
    for notation in REFUSED.iter().copied().flatten() {
        check(&format!(r#"{{"a": [{notation}]}}"#), &[("/a/0", "inexact_number")]);
    }
    let long = "1".repeat(100_000);
    check(&long, &[("", "inexact_number")]);
    check(&format!("0.{long}"), &[("", "inexact_number")]);
    check(&format!("1e{long}"), &[("", "inexact_number")]);
    check(&format!("-{}.5", "1".repeat(5_000)), &[("", "inexact_number")]);
}

#[test]
fn a_text_that_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "{\"a\":}",
        "[1,]",
        "nul",
        "NaN",
        "Infinity",
        "-Infinity",
        "01",
        "'a'",
        "{} {}",
        "\"\n\"",
        "\u{feff}",
        "{\"a\": NaN}",
        "[1 2]",
        "{NaN: 1}",
        "{1: 1}",
        "[\"a]",
        "\"\\u12\"",
        "\"\\x\"",
        "[}",
        "\u{feff}\u{feff}{}",
    ] {
        assert!(parse(text.as_bytes(), MAX_DEPTH).is_err(), "{text}");
    }
    assert!(parse(&b"[".repeat(100_000), MAX_DEPTH).is_err());
    assert!(parse(&b"\"\\".repeat(100_000), MAX_DEPTH).is_err());
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    check("\u{feff}{\"a\": 1}", &[]);
}

#[test]
fn text_that_is_not_unicode_is_read_with_a_visible_escape() {
    fn read(text: &[u8]) -> String {
        let document = parse(text, MAX_DEPTH).unwrap();
        assert_eq!(document.problems, []);
        visible(&document.value.to_string())
    }
    assert_eq!(read(br#""cut \ud83d""#), r#""cut \u{d83d}""#);
    assert_eq!(read(br#""\uDC00\uD83D\ud83d\udE00\ud83d\n""#), "\"\\u{dc00}\\u{d83d}\u{1f600}\\u{d83d}\\n\"");
    assert_eq!(read(br#"{"\ud83d": ["\\ud83d"]}"#), r#"{"\u{d83d}":["\\ud83d"]}"#);
    assert_eq!(read(b"\"M\xfcller \xc3\xa9\xe2\x82\""), "\"M\\x{fc}ller \u{e9}\\x{e2}\\x{82}\"");
    assert_eq!(read(b"\"\xed\xa0\x80\""), r#""\x{ed}\x{a0}\x{80}""#);
}

#[test]
fn each_element_has_problems_and_pointers_of_its_own() {
    fn read(text: &[u8]) -> Result<(String, Option<Vec<String>>, usize), InvalidJson> {
        let Divided { outer, inner } = parse_elements(text, "events", 3, MAX_DEPTH)?;
        fn shown(document: &Document) -> String {
            let problems = document.problems.iter();
            problems
                .map(|problem| format!("{} {}", problem.field, problem.code))
                .collect::<Vec<_>>()
                .join(", ")
        }
        let count = inner.as_ref().map_or(0, |elements| elements.count);
        let elements: Option<Vec<_>> = inner.map(|elements| elements.documents.iter().map(shown).collect());
        Ok::<_, InvalidJson>((shown(&outer), elements, count))
    }
    fn each(problems: &[&str]) -> Option<Vec<String>> {
        Some(problems.iter().map(|problems| (*problems).to_owned()).collect())
    }
    fn check(text: &[u8], outer: &str, elements: Option<Vec<String>>, count: usize) {
        assert_eq!(
            read(text).unwrap(),
            (outer.to_owned(), elements, count),
            "{}",
            String::from_utf8_lossy(text)
        );
    }
    check(b"{}", "", None, 0);
    check(br#"{"events": {}}"#, "", None, 0);
    check(br#"{"events": [], "a": 1, "a": 2}"#, "/a duplicate_key", each(&[]), 0);
    check(br#"{"events": [1, {"a": 1, "a": 2}]}"#, "", each(&["", "/a duplicate_key"]), 2);
    check(br#"{"events": [1,2,3,[4],5]}"#, "", each(&["", "", ""]), 5);
    check(
        br#"{"events": [{"a": NaN}, {"b": [-Infinity, "\ud800", None]}, {"c": "a	b"}]}"#,
        "",
        each(&["/a invalid_json", "/b/0 invalid_json, /b/2 invalid_json", "/c invalid_json"]),
        3,
    );
    check(br#"{"events": [{"a	b": 1}, undefined]}"#, "", each(&["/a\tb invalid_json", " invalid_json"]), 2);
    let deep = format!(r#"{{"events": [{}1{}, 1]}}"#, "[".repeat(5_000), "]".repeat(5_000));
    check(deep.as_bytes(), "", each(&[&format!("{} too_deep", "/0".repeat(32)), ""]), 2);
    for spoiled in
        [r#"{"events": [1], "a": NaN}"#, r#"{"events": NaN}"#, r#"{"a": NaN}"#, r#"{"events": [1, "#]
    {
        assert!(read(spoiled.as_bytes()).is_err(), "{spoiled}");
    }
}

#[test]
fn problems_are_bounded_and_counted() {
    let body = format!(r#"{{"{}": {{"a": 1{}}}}}"#, "k".repeat(1_000), r#","a":1"#.repeat(100_000));
    let document = parse(body.as_bytes(), MAX_DEPTH).unwrap();
    assert_eq!(document.problems.len(), MAX_PROBLEMS + 1);
    let last = document.problems.last().unwrap();
    assert_eq!(
        (last.code, last.detail.as_str()),
        ("more_problems", "and 99900 more problems; mend these first")
    );
    assert!(document.problems.iter().all(|problem| problem.field.len() <= 210));
}

#[test]
fn reading_stops_once_the_structure_of_a_document_is_too_large() {
    for part in ["0", "[]", r#"{"":0}"#, "\"\"", "null"] {
        let text = format!(r#"{{"a": [{}]}}"#, vec![part; 100_000].join(","));
        check(&text, &[("", "too_large")]);
        let (wide, small) = (vec![part; 100_000].join(","), "{\"a\": 1}");
        let elements = parse_elements(
            format!(r#"{{"events": [[{wide}], {small}]}}"#).as_bytes(),
            "events",
            9,
            MAX_DEPTH,
        );
        let elements = elements.unwrap().inner.unwrap().documents;
        assert_eq!((elements[0].problems[0].code, elements[1].problems.len()), ("too_large", 0));
    }
    let long = format!(r#"["{}"]"#, "a".repeat(1_000_000));
    check(&long, &[]);
    check(&format!("[{}]", vec!["{}"; 20_000].join(",")), &[]);
}

#[test]
fn the_number_of_objects_in_a_text_is_limited() {
    let event = format!("[{}]", vec![r#"{"":0}"#; 8_000].join(","));
    let text = format!(r#"{{"events": [{}, 1]}}"#, [event.as_str(); 10].join(","));
    let elements = parse_elements(text.as_bytes(), "events", 99, MAX_DEPTH).unwrap().inner.unwrap().documents;
    let codes: Vec<_> =
        elements.iter().map(|element| element.problems.first().map(|problem| problem.code)).collect();
    let too_many = Some("too_many");
    assert_eq!(codes, [None, None, None, None, None, None, too_many, too_many, too_many, too_many, None]);
}

#[test]
fn the_same_content_has_one_canonical_text() {
    fn canonical_of(text: &str) -> String {
        canonical(&parse(text.as_bytes(), MAX_DEPTH).unwrap().value)
    }
    assert_eq!(canonical_of(r#"{"b": 1.0, "a": "\u00e4"}"#), r#"{"a":"ä","b":1}"#);
    assert_eq!(canonical_of(r#"{ "a":"ä" ,"b":10e-1}"#), r#"{"a":"ä","b":1}"#);
}

proptest! {
    #[test]
    fn a_number_is_kept_or_refused_but_never_changed(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
        let document = parse(text.as_bytes(), MAX_DEPTH).unwrap();
        if let Value::Number(number) = &document.value {
            prop_assert_eq!(decimal(&text), decimal(&number.to_string()));
            prop_assert_eq!(decimal(&text), decimal(&canonical(number)));
        }
    }

    #[test]
    fn the_canonical_text_is_what_rfc_8785_asks(text in "[\\PC\u{0}-\u{9f}]{0,8}", key in "[\\PC]{0,4}", other in "[a-c\u{e000}\u{10000}]{0,4}", integer: i64, float: f64) {
        let value = serde_json::json!({key: [text, null, true, integer], other: {"b": integer % 1000, "a": float}});
        prop_assert_eq!(canonical(&value), serde_json_canonicalizer::to_string(&value).unwrap());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = parse(&bytes, MAX_DEPTH);
    }

    #[test]
    fn it_agrees_with_an_ordinary_parser_on_what_is_json(text in r#"[\[\]{}:,"a0.1e \-]{0,12}"#) {
        prop_assert_eq!(parse(text.as_bytes(), MAX_DEPTH).is_ok(), serde_json::from_str::<Value>(&text).is_ok() || overflows(&text), "{}", text);
    }
}

/// An ordinary parser calls a number beyond the range of a double a syntax error.
fn overflows(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_err_and(|error| error.to_string().contains("out of range"))
}
