//! Ways to forge text: exports, bundles and receipts.

use serde_json::{Value, json};

use super::{
    Dice, Operator,
    truth::{Kind, Truth},
};
use crate::{events, ledger};

const FILE: &str = "file";
const JSON: &[Kind] = &[Kind::Ndjson, Kind::Json, Kind::Bundle, Kind::Receipt];
const TEXT: &[Kind] = &[Kind::Ndjson, Kind::Json, Kind::Csv, Kind::Ocsf, Kind::Bundle, Kind::Receipt];
const EXPORTS: &[Kind] = &[Kind::Ndjson, Kind::Json, Kind::Csv];
const TABLE: &[Kind] = &[Kind::Csv];
const PROOFS: &[Kind] = &[Kind::Bundle, Kind::Receipt];

/// An operator that replaces a text.
macro_rules! text {
    ($name:literal, $kinds:expr, $forge:expr) => {
        Operator {
            name: $name,
            kinds: $kinds,
            forge: |dice, truth, forged| {
                let forge: fn(&mut Dice, &Truth, &str) -> Option<String> = $forge;
                let text = forge(dice, truth, &forged.text(FILE)?)?;
                Some(forged.with(FILE, text))
            },
        }
    };
}

/// An operator that changes the events of an export, which is then written as before.
macro_rules! listed {
    ($name:literal, $forge:expr) => {
        Operator {
            name: $name,
            kinds: EXPORTS,
            forge: |dice, truth, forged| {
                let forge: fn(&mut Dice, &Truth, &mut Vec<Value>) = $forge;
                let mut events = truth.log.events.clone();
                forge(dice, truth, &mut events);
                let text = written_as(&forged.text(FILE)?, &events);
                Some(forged.with(FILE, text))
            },
        }
    };
}

pub(super) const OPERATORS: &[Operator] = &[
    // Structure.
    text!("a member twice, the forged one first", JSON, |_, _, text| {
        Some(text.replacen("{\"action\":", "{\"action\":\"x_forged\",\"action\":", 1))
    }),
    text!("a member twice, the forged one last", JSON, |_, _, text| {
        Some(text.replacen(
            "\"workspace_username\":\"acme\"}",
            "\"workspace_username\":\"acme\",\"action\":\"x_forged\"}",
            1,
        ))
    }),
    text!("a member twice, once with an escape", JSON, |_, _, text| {
        Some(text.replacen("{\"action\":", "{\"\\u0061ction\":\"x_forged\",\"action\":", 1))
    }),
    text!("a member twice in a part", JSON, |_, _, text| {
        Some(text.replacen("\"user_id\":", "\"user_id\":\"mallory\",\"user_id\":", 1))
    }),
    text!("an unknown member", JSON, |_, _, text| {
        Some(text.replacen("{\"action\":", "{\"approved_by\":\"root\",\"action\":", 1))
    }),
    text!("a member is missing", JSON, |_, _, text| without_member(text, "\"outcome\":")),
    text!("a member is null", JSON, |_, _, text| {
        Some(text.replacen("\"outcome\":\"failure\"", "\"outcome\":null", 1))
    }),
    text!("a member is renamed", JSON, |_, _, text| Some(text.replacen("\"outcome\":", "\"Outcome\":", 1))),
    text!("an event in an array", &[Kind::Ndjson], |_, _, text| {
        let (first, rest) = text.split_once('\n')?;
        Some(format!("[{first}]\n{rest}"))
    }),
    text!("a second text after the first", JSON, |_, truth, text| {
        Some(format!("{} {}\n", text.trim_end(), truth.forged_event(2)))
    }),
    text!("an empty line between two", &[Kind::Ndjson, Kind::Csv], |_, _, text| Some(
        text.replacen('\n', "\n\n", 1)
    )),
    text!("an empty line at the end", &[Kind::Ndjson, Kind::Csv], |_, _, text| Some(format!("{text}\n"))),
    text!("a carriage return within a line", JSON, |_, _, text| Some(text.replacen("\":", "\":\r", 1))),
    text!("a tab within a line", JSON, |_, _, text| Some(text.replacen(",\"", ",\t\"", 1))),
    text!("a form feed within a line", JSON, |_, _, text| Some(text.replacen(",\"", ",\u{c}\"", 1))),
    text!("two events in a line", &[Kind::Ndjson], |_, _, text| Some(text.replacen("}\n{", "} {", 1))),
    text!("a carriage return for a line end", &[Kind::Ndjson, Kind::Csv], |_, _, text| Some(
        text.replacen("\r\n", "\r", 1).replacen("}\n{", "}\r{", 1)
    )),
    text!("a second array after the first", &[Kind::Json], |_, _, text| Some(format!("{text}{text}"))),
    text!("an array in an array", &[Kind::Json], |_, _, text| Some(format!("[{}]\n", text.trim_end()))),
    text!("a comma too many", JSON, |_, _, text| Some(text.replacen("\"acme\"}", "\"acme\",}", 1))),
    text!("a comment", TEXT, |_, _, text| Some(format!("/* checked */{text}"))),
    text!("the text breaks off", TEXT, |dice, _, text| {
        let end = dice.below(text.len().max(1));
        text.get(..end).map(str::to_owned)
    }),
    text!("an empty file", TEXT, |_, _, _| Some(String::new())),
    text!("white space before the text", TEXT, |_, _, text| Some(" ".repeat(9000) + text)),
    text!("white space within", JSON, |_, _, text| Some(text.replacen("\":", "\": ", 1))),
    // Encoding.
    text!("a byte order mark", TEXT, |_, _, text| Some(format!("\u{feff}{text}"))),
    text!("a byte order mark before a line", &[Kind::Ndjson, Kind::Csv], |_, _, text| {
        Some(text.replacen('\n', "\n\u{feff}", 1))
    }),
    Operator {
        name: "UTF-16",
        kinds: TEXT,
        forge: |_, _, forged| {
            let units = forged.text(FILE)?;
            let bytes: Vec<u8> =
                [0xff, 0xfe].into_iter().chain(units.encode_utf16().flat_map(u16::to_le_bytes)).collect();
            Some(forged.with(FILE, bytes))
        },
    },
    Operator {
        name: "a byte that is not UTF-8",
        kinds: TEXT,
        forge: |dice, _, forged| {
            let mut bytes = forged.0.get(FILE)?.clone();
            let place = dice.below(bytes.len().max(1));
            *bytes.get_mut(place)? = 0xff;
            Some(forged.with(FILE, bytes))
        },
    },
    text!("a zero character", TEXT, |dice, _, text| inserted(dice, text, "\0")),
    text!("carriage returns", &[Kind::Ndjson, Kind::Json, Kind::Bundle], |_, _, text| Some(
        text.replace('\n', "\r\n")
    )),
    text!("a line separator for a line end", &[Kind::Ndjson], |_, _, text| Some(
        text.replacen('\n', "\u{2028}", 1)
    )),
    text!("a letter that looks the same", TEXT, |_, _, text| Some(text.replacen("group", "gr\u{43e}up", 1))),
    text!("a character that turns the text", TEXT, |_, _, text| Some(text.replacen("Zo", "\u{202e}Zo", 1))),
    text!("a letter in two characters", TEXT, |_, _, text| Some(text.replacen("Zoë", "Zoe\u{308}", 1))),
    text!("half a character as an escape", JSON, |_, _, text| Some(text.replacen("Zo", "\\ud83dZo", 1))),
    text!("a letter as an escape", JSON, |_, _, text| Some(text.replacen("Zo", "\\u005ao", 1))),
    // Numbers.
    text!("a number is greater", TEXT, |_, _, text| Some(text.replacen("0.30000000000000004", "0.4", 1))),
    text!("a number in another notation", TEXT, |_, _, text| Some(text.replacen(
        "\"whole\":7",
        "\"whole\":7.0e0",
        1
    ))),
    text!("a number that no double holds", TEXT, |_, _, text| {
        Some(text.replacen("0.30000000000000004", "0.300000000000000041", 1))
    }),
    text!("a number of endless size", TEXT, |_, _, text| Some(text.replacen(
        "1e+21",
        "1e+999999999999999999999",
        1
    ))),
    text!("an exponent below all", TEXT, |_, _, text| {
        Some(text.replacen("-2.5e-7", "-2.5e-9223372036854775808", 1))
    }),
    text!("a large number without its exponent", TEXT, |_, _, text| {
        Some(text.replacen("1e+21", "1000000000000000000000", 1))
    }),
    text!("a small number without its exponent", JSON, |_, _, text| {
        Some(text.replacen("-2.5e-7", "-0.00000025", 1))
    }),
    text!("a number with many zeros", JSON, |_, _, text| {
        Some(text.replacen("\"whole\":7", &format!("\"whole\":7.{}", "0".repeat(400)), 1))
    }),
    text!("minus zero", JSON, |_, _, text| Some(text.replacen("\"whole\":7", "\"whole\":-0", 1))),
    text!("not a number", JSON, |_, _, text| Some(text.replacen("\"whole\":7", "\"whole\":NaN", 1))),
    text!("a sequence as text", JSON, |_, _, text| Some(text.replacen(
        "\"sequence\":2",
        "\"sequence\":\"2\"",
        1
    ))),
    text!("a sequence with a fraction", TEXT, |_, _, text| Some(text.replacen(
        "\"sequence\":2",
        "\"sequence\":2.0",
        1
    ))),
    text!("a digit is another", TEXT, |dice, _, text| changed(
        dice,
        text,
        |byte| byte.is_ascii_digit(),
        b'8'
    )),
    text!("a letter is another", TEXT, |dice, _, text| changed(
        dice,
        text,
        |byte| byte.is_ascii_lowercase(),
        b'q'
    )),
    // Events of an export.
    listed!("an event is changed", |dice, truth, events| {
        let place = 2 + dice.below(5);
        events[place] = truth.forged_event(place);
    }),
    listed!("a sequence is null", |dice, _, events| {
        let place = dice.below(events.len());
        events[place]["sequence"] = Value::Null;
    }),
    listed!("a changed event without a sequence", |_, truth, events| {
        events[4] = truth.forged_event(4);
        events[4]["sequence"] = Value::Null;
    }),
    listed!("a forged event without a sequence", |_, truth, events| {
        let mut event = truth.forged_event(4);
        event["id"] = json!("forged");
        event["sequence"] = Value::Null;
        events.push(event);
    }),
    listed!("a forged event after the checkpoint", |_, truth, events| {
        let mut event = truth.forged_event(4);
        event["id"] = json!("forged");
        event["sequence"] = json!(4000);
        events.push(event);
    }),
    listed!("two sequences change places", |_, _, events| {
        let one = events[4]["sequence"].take();
        events[4]["sequence"] = std::mem::replace(&mut events[5]["sequence"], one);
    }),
    listed!("two actors change places", |_, _, events| {
        let one = events[4]["actor"].take();
        events[4]["actor"] = std::mem::replace(&mut events[5]["actor"], one);
    }),
    listed!("a salt is another", |_, _, events| events[4]["salt"] = json!("AAAAAAAAAAAAAAAAAAAAAA")),
    listed!("a part looks redacted", |_, _, events| {
        events[4]["description"] = Value::Null;
    }),
    listed!("a redacted part is shown again", |_, _, events| {
        events[3]["actor"] = json!({"type": "user", "user_id": "mallory"});
    }),
    listed!("a digest of a redacted part is another", |_, _, events| {
        events[3]["redacted"]["digests"]["actor"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    }),
    listed!("another workspace", |_, _, events| events[4]["workspace_username"] = json!("globex")),
    listed!("another category", |_, _, events| events[4]["category"] = json!("api_token")),
    // Order, omission, duplication, mixing.
    listed!("another order", |_, _, events| events.reverse()),
    listed!("an event is missing", |dice, _, events| {
        events.remove(dice.below(events.len()));
    }),
    listed!("the last events are missing", |_, _, events| events.truncate(4)),
    listed!("the receipt is missing", |_, _, events| {
        events.pop();
    }),
    listed!("all events are missing", |_, _, events| events.clear()),
    listed!("an event twice", |dice, _, events| {
        let place = dice.below(events.len());
        events.push(events[place].clone());
    }),
    listed!("an event twice, once without its sequence", |dice, _, events| {
        let mut event = events[dice.below(events.len())].clone();
        event["sequence"] = Value::Null;
        events.push(event);
    }),
    listed!("an event twice, once under another sequence", |_, _, events| {
        let mut event = events[4].clone();
        event["sequence"] = json!(4000);
        events.push(event);
    }),
    listed!("an event of another log", |_, truth, events| events[4] = truth.other().events[4].clone()),
    listed!("all events of another log", |_, truth, events| *events = truth.other().events),
    // Tables.
    text!("a forged column before the others", TABLE, |_, _, text| {
        let mut lines = text.split_inclusive("\r\n");
        let header = lines.next()?;
        Some(format!("actor,{header}{}", lines.map(|line| format!("mallory,{line}")).collect::<String>()))
    }),
    text!("a column twice", TABLE, |_, _, text| {
        let mut lines = text.split_inclusive("\r\n");
        let header = lines.next()?;
        Some(format!("action,{header}{}", lines.map(|line| format!("x_forged,{line}")).collect::<String>()))
    }),
    text!("two headings change places", TABLE, |_, _, text| Some(text.replacen(
        "timestamp,received_at",
        "received_at,timestamp",
        1
    ))),
    text!("a heading in capitals", TABLE, |_, _, text| Some(text.replacen("outcome", "OUTCOME", 1))),
    text!("a guard is missing", TABLE, |_, _, text| Some(text.replacen("'=", "=", 1))
        .filter(|other| other != text)),
    text!("a guard too many", TABLE, |_, _, text| Some(text.replacen(",group,", ",'group,", 1))),
    text!("a cell too many", TABLE, |_, _, text| {
        let last = text.trim_end();
        Some(format!("{last},root\r\n"))
    }),
    text!("a header twice", TABLE, |_, _, text| {
        let header = text.split_inclusive("\r\n").next()?;
        Some(format!("{header}{text}"))
    }),
    text!("other separators", TABLE, |_, _, text| Some(text.replace(',', ";"))),
    // Proofs.
    text!("a category that does not follow", PROOFS, |_, _, text| {
        let mut bundle: Value = serde_json::from_str(text).ok()?;
        bundle["event"]["category"] = json!("api_token");
        Some(bundle.to_string())
    }),
    text!("an event without its sequence", PROOFS, |_, _, text| {
        let mut bundle: Value = serde_json::from_str(text).ok()?;
        bundle["event"]["sequence"] = Value::Null;
        Some(bundle.to_string())
    }),
    text!("a leaf of another event", PROOFS, |_, truth, text| of_entry(truth, text, "leaf")),
    text!("a proof of another event", PROOFS, |_, truth, text| of_entry(truth, text, "proof")),
    text!("a changed event with its own leaf", PROOFS, |_, truth, text| {
        let mut bundle: Value = serde_json::from_str(text).ok()?;
        bundle["event"] = truth.forged_event(2);
        Some(bundle.to_string())
    }),
    text!("a proof by another key", PROOFS, |_, truth, text| {
        let mut bundle: Value = serde_json::from_str(text).ok()?;
        let sequence = usize::try_from(bundle["event"]["sequence"].as_u64()?).ok()?;
        bundle["proof"] = json!(truth.other().proof(sequence));
        Some(bundle.to_string())
    }),
    text!("a leaf that is no text", PROOFS, |_, _, text| {
        let mut bundle: Value = serde_json::from_str(text).ok()?;
        bundle["leaf"] = json!(7);
        Some(bundle.to_string())
    }),
    text!("no proof", PROOFS, |_, _, text| {
        let mut bundle: Value = serde_json::from_str(text).ok()?;
        bundle["proof"].take();
        Some(bundle.to_string())
    }),
    text!("a line of a proof is missing", PROOFS, |dice, _, text| proof(text, |lines| {
        lines.remove(dice.below(lines.len().max(1)));
    })),
    text!("another index in a proof", PROOFS, |_, _, text| Some(text.replacen("index 2", "index 3", 1))),
    text!("a second signature", PROOFS, |_, _, text| proof(text, |lines| {
        let last = lines.iter().rposition(|line| !line.is_empty()).unwrap_or_default();
        lines.insert(last + 1, "— example.com/other AAAAAAAA".to_owned());
    })),
    text!("a receipt for more events", &[Kind::Receipt], |_, _, text| Some(text.replace("0-1", "0-5"))),
    text!("a receipt that counts otherwise", &[Kind::Receipt], |_, _, text| Some(
        text.replace("\"count\":2", "\"count\":3")
    )),
    text!("an action that is no receipt", &[Kind::Receipt], |_, _, text| Some(
        text.replace("x_audit_log_expired", "x_expired")
    )),
];

/// Events in the form that a file has.
fn written_as(text: &str, events: &[Value]) -> String {
    let lines = events::lines(events);
    let start = text.find(['[', '{', ',']).map(|place| text.as_bytes()[place]);
    match start {
        Some(b'[') => format!("[\n{}\n]\n", lines.trim_end().replace('\n', ",\n")),
        Some(b'{') => lines,
        _ => ledger::csv(events),
    }
}

/// The text with something inserted between two characters.
fn inserted(dice: &mut Dice, text: &str, what: &str) -> Option<String> {
    let place = dice.below(text.len().max(1));
    Some(format!("{}{what}{}", text.get(..place)?, text.get(place..)?))
}

/// The text with one of its characters replaced.
fn changed(dice: &mut Dice, text: &str, is_wanted: fn(u8) -> bool, other: u8) -> Option<String> {
    let places: Vec<_> =
        text.bytes().enumerate().filter(|(_, byte)| is_wanted(*byte) && *byte != other).collect();
    let (place, _) = *places.get(dice.below(places.len().max(1)))?;
    let mut bytes = text.as_bytes().to_vec();
    bytes[place] = other;
    String::from_utf8(bytes).ok()
}

/// The first object without a member whose value is a text.
fn without_member(text: &str, name: &str) -> Option<String> {
    let start = text.find(name)?;
    let end = start + text[start..].find(',')? + 1;
    Some(format!("{}{}", &text[..start], &text[end..]))
}

/// A bundle with a member of another entry of the log.
fn of_entry(truth: &Truth, text: &str, member: &str) -> Option<String> {
    let mut bundle: Value = serde_json::from_str(text).ok()?;
    bundle[member] = truth.log.entry(4)?[member].take();
    Some(bundle.to_string())
}

/// A bundle with other lines in its proof.
fn proof(text: &str, change: impl FnOnce(&mut Vec<String>)) -> Option<String> {
    let mut bundle: Value = serde_json::from_str(text).ok()?;
    let mut lines: Vec<_> = bundle["proof"].as_str()?.split('\n').map(str::to_owned).collect();
    change(&mut lines);
    bundle["proof"] = json!(lines.join("\n"));
    Some(bundle.to_string())
}
