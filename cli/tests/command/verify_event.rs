//! One event and its proof: fetched, verified without the API, and refused after any change.

use serde_json::{Value, json};

use crate::{api::Api, auditlog::Auditlog, ledger::Log};

/// The command with no connection at all, and files of its own.
struct Offline(Auditlog);

impl Offline {
    fn new() -> Self {
        Self(Auditlog::new())
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.0.path(name), content).unwrap();
    }

    /// Verifies what `auditlog proof` would have written.
    fn verify(&self, case: &Value, key: &str) -> Result<String, String> {
        self.write("case.json", &case.to_string());
        let ended = self.0.run(&["verify", "event", "case.json", "--key", key]);
        match ended.code {
            Some(0) => Ok(ended.stdout),
            // Refuted, or not in the form of a proof, so that it could not be checked.
            Some(1 | 4) => Err(ended.stderr),
            _ => panic!("{ended:?}"),
        }
    }
}

#[test]
fn a_proof_is_fetched_and_verified_without_the_api() {
    let api = Api::serve(Log::with(300));
    let auditlog = Auditlog::for_api(&api);
    assert_eq!(auditlog.succeed(&["proof", "260", "--out=260.json"]), "");
    let written: Value = serde_json::from_str(&auditlog.read("260.json")).unwrap();
    assert_eq!(Some(&written), api.log(|log| log.entry(260)).as_ref());
    let shown = auditlog.succeed(&["proof", "260"]);
    assert_eq!(shown, auditlog.read("260.json"));

    let (key, asked) = (api.log(|log| log.key()), api.asked().len());
    let report = auditlog.succeed(&["verify", "event", "260.json", "--key", &key]);
    for line in [
        "verified     e-00260 is entry 260 of the log of acme, unchanged",
        "received_at  2025-02-01T00:00:00.000260Z",
        "parts        actor, changes, context, description, entity",
        "redacted     nothing",
        "not proved   category",
        "log          300 entries, root ",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
    std::fs::write(auditlog.path("key"), key.clone() + "\n").unwrap();
    assert_eq!(auditlog.succeed(&["verify", "event", "260.json", "--key=key"]), report);
    let stdin = auditlog.run_with_input(&["verify", "event", "-", "--key", &key], &shown);
    assert_eq!(stdin.stdout, report);
    assert_eq!(api.asked().len(), asked);
}

#[test]
fn an_event_and_its_proof_may_be_files_of_their_own() {
    let log = Log::with(5);
    let offline = Offline::new();
    offline.write("event.json", &log.events[3].to_string());
    offline.write("event.tlog-proof", &log.proof(3));
    let key = log.key();
    let arguments = ["verify", "event", "event.json", "event.tlog-proof", "--key", &key];
    assert!(offline.0.succeed(&arguments).contains("entry 3 "));
    assert!(offline.0.fail(2, &["verify", "event", "event.json", "--key", &key]).contains("has no proof"));
    // Without the leaf, the proof itself fails.
    let mut event = log.events[3].clone();
    event["outcome"] = json!("success");
    offline.write("event.json", &event.to_string());
    let complaint = offline.0.fail(1, &arguments);
    assert!(complaint.contains("the inclusion proof does not lead from the event"), "{complaint}");
}

#[test]
fn every_event_of_a_log_of_any_size_is_proved() {
    let offline = Offline::new();
    for size in [1, 2, 3, 7, 8, 9] {
        let log = Log::with(size);
        for sequence in 0..size {
            offline.verify(&log.entry(sequence).unwrap(), &log.key()).unwrap();
        }
    }
}

#[test]
fn a_key_that_the_server_tells_is_taken_with_a_warning() {
    let api = Api::serve(Log::with(5));
    let auditlog = Auditlog::for_api(&api);
    auditlog.succeed(&["proof", "3", "--out=3.json"]);
    let ended = auditlog.run(&["verify", "event", "3.json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.starts_with("warning: trusting the key that http://127.0.0.1"), "{ended:?}");
    assert!(ended.stderr.contains(&format!("--key \"{}\"", api.log(|log| log.key()))), "{ended:?}");
    let offline = Offline::new();
    offline.write("3.json", &auditlog.read("3.json"));
    assert!(offline.0.fail(2, &["verify", "event", "3.json"]).contains("give it with --key"));
}

#[test]
fn a_missing_entry_or_proof_is_reported() {
    let api = Api::serve(Log::with(5));
    let auditlog = Auditlog::for_api(&api);
    let complaint = auditlog.fail(1, &["proof", "5"]);
    assert!(complaint.contains("There is no event with the sequence 5 in the log of acme"), "{complaint}");
    assert!(auditlog.fail(2, &["verify", "event", "x", "--key=none"]).contains("neither a verifier key"));
    assert_eq!(auditlog.run(&["proof", "-1"]).code, Some(2));
}

/// All that a value becomes when one character of it, or a member, changes.
fn changed(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![json!(""), json!({})],
        Value::Bool(value) => vec![json!(!value)],
        Value::Number(_) => {
            let text = value.to_string();
            vec![json!(text), serde_json::from_str(&format!("1{}", text.trim_start_matches('-'))).unwrap()]
        }
        Value::String(text) => {
            let letters: Vec<char> = text.chars().collect();
            let mut all: Vec<_> = (0..letters.len())
                .map(|place| {
                    let mut other = letters.clone();
                    other[place] = if other[place] == 'x' { 'y' } else { 'x' };
                    json!(other.into_iter().collect::<String>())
                })
                .collect();
            all.push(json!(format!("{text} ")));
            all.push(Value::Null);
            all
        }
        Value::Array(elements) => {
            let mut all = within(
                elements.len(),
                |place| &elements[place],
                |place, other| {
                    let mut array = elements.clone();
                    array[place] = other;
                    json!(array)
                },
            );
            all.push(json!([elements.as_slice(), &[Value::Null]].concat()));
            all
        }
        Value::Object(members) => {
            let names: Vec<_> = members.keys().collect();
            let mut all = within(
                names.len(),
                |place| &members[names[place]],
                |place, other| {
                    let mut object = members.clone();
                    object[names[place]] = other;
                    json!(object)
                },
            );
            for name in names {
                let mut object = members.clone();
                object.remove(name);
                all.push(json!(object));
            }
            let mut object = members.clone();
            object.insert("x".to_owned(), Value::Null);
            all.push(json!(object));
            all
        }
    }
}

fn within<'a>(
    length: usize,
    at: impl Fn(usize) -> &'a Value,
    with: impl Fn(usize, Value) -> Value,
) -> Vec<Value> {
    (0..length)
        .flat_map(|place| changed(at(place)).into_iter().map(move |other| (place, other)))
        .map(|(place, other)| with(place, other))
        .collect()
}

#[test]
fn no_byte_of_any_member_can_change() {
    let offline = Offline::new();
    let mut log = Log::with(5);
    log.redact(4, &["actor"]);
    for sequence in [1, 4] {
        let case = log.entry(sequence).unwrap();
        for (name, value) in case["event"].as_object().unwrap() {
            let mut others = changed(value);
            // A process for each would take long: some of each member, from all over it.
            let every = others.len().div_ceil(8);
            others = others.into_iter().step_by(every).collect();
            for other in others {
                // Who saved an event before it was sealed has no sequence.
                if name == "sequence" && other.is_null() {
                    continue;
                }
                let mut altered = case.clone();
                altered["event"][name] = other;
                let verdict = offline.verify(&altered, &log.key());
                assert!(verdict.is_err(), "{name}: {}", altered["event"][name]);
                // Nor does it help to leave the leaf out.
                altered.as_object_mut().unwrap().remove("leaf");
                assert!(offline.verify(&altered, &log.key()).is_err(), "{name}: {}", altered["event"][name]);
            }
            let mut without = case.clone();
            without["event"].as_object_mut().unwrap().remove(name);
            let is_optional = value.is_null() && ["salt", "redacted"].contains(&name.as_str());
            // A file without the category claims none.
            if !is_optional && !["sequence", "category"].contains(&name.as_str()) {
                assert!(offline.verify(&without, &log.key()).is_err(), "without {name}");
            }
        }
    }
}

#[test]
fn no_byte_of_a_proof_can_change() {
    let offline = Offline::new();
    let log = Log::with(5);
    let case = log.entry(3).unwrap();
    let proof = case["proof"].as_str().unwrap();
    // A process for each would take long: all of the head, and some of the hashes and the signature.
    let some = proof.char_indices().enumerate().filter(|(number, _)| *number < 40 || number % 4 == 0);
    for (_, (place, letter)) in some {
        let mut altered = case.clone();
        let other = if letter == 'A' { 'B' } else { 'A' };
        altered["proof"] =
            json!(format!("{}{other}{}", &proof[..place], &proof[place + letter.len_utf8()..]));
        assert!(offline.verify(&altered, &log.key()).is_err(), "{altered}");
    }
}

#[test]
fn each_tamper_is_told_by_the_step_that_fails() {
    let offline = Offline::new();
    let log = Log::with(20);
    let case = log.entry(3).unwrap();
    let check = |key: &str, alter: &dyn Fn(&mut Value), expected: &str| {
        let mut altered = case.clone();
        alter(&mut altered);
        let complaint = offline.verify(&altered, key).unwrap_err();
        let verdict = if expected == NOT_IN_ITS_FORM { "Could not be checked" } else { "Not proved" };
        assert!(complaint.starts_with(&format!("error: {verdict}: {expected}")), "{complaint}");
        assert!(complaint.contains("\nnext: "), "{complaint}");
    };
    const NOT_IN_ITS_FORM: &str = "the proof is not in its form: ";
    let key = log.key();
    fn proof_of(log: &Log) -> Value {
        json!(log.proof(3))
    }
    check(
        &key,
        &|case| case["event"]["actor"]["username"] = json!("eve"),
        "the event is not what was logged: the log has another actor.",
    );
    check(
        &key,
        &|case| case["event"]["salt"] = json!("AAAAAAAAAAAAAAAAAAAAAA"),
        "the event is not what was logged: the log has another actor, changes, context, description, entity.",
    );
    check(
        &key,
        &|case| case["event"]["sequence"] = json!(4),
        "the event has the sequence 4, and the proof 3.",
    );
    check(
        &key,
        &|case| {
            case["event"]["sequence"] = json!(4);
            case["proof"] = json!(case["proof"].as_str().unwrap().replace("index 3", "index 4"));
        },
        "the inclusion proof does not lead from the event to the signed root.",
    );
    check(
        &key,
        &|case| case["proof"] = json!(case["proof"].as_str().unwrap().replace("index 3", "index 20")),
        "the event has the sequence 3, and the proof 20.",
    );
    check(
        &key,
        &|case| {
            let lines: Vec<_> = case["proof"].as_str().unwrap().split('\n').collect();
            case["proof"] = json!([&lines[..2], &lines[3..]].concat().join("\n"));
        },
        "the inclusion proof does not lead from the event to the signed root.",
    );
    check(&key, &|case| case["proof"] = json!(&case["proof"].as_str().unwrap()[..99]), NOT_IN_ITS_FORM);
    check(
        &key,
        &|case| case["event"]["workspace_username"] = json!("globex"),
        "the event is of the workspace globex, and the log that of acme.",
    );
    check(
        &key,
        &|case| case["proof"] = proof_of(&Log::of("globex", 1, 20)),
        "the checkpoint is of the log \"audit-logs.test/globex\", not of \"audit-logs.test/acme\".",
    );
    check(
        &key,
        &|case| case["proof"] = proof_of(&Log::of("acme", 2, 20)),
        "the checkpoint is not signed by the key audit-logs.test/acme+",
    );
    check(&Log::of("acme", 2, 0).key(), &|_| {}, "the checkpoint is not signed by the key ");
    check(
        &key,
        &|case| {
            let proof = case["proof"].as_str().unwrap();
            case["proof"] = json!(proof.replacen("\n20\n", "\n21\n", 1));
        },
        "the signature of the checkpoint is not one of the key ",
    );
}

#[test]
fn a_file_that_means_two_things_is_refused() {
    let offline = Offline::new();
    let log = Log::with(5);
    let text = log.entry(3).unwrap().to_string();
    let key = log.key();
    let check = |altered: String, code: i32, expected: &str| {
        assert_ne!(altered, text);
        offline.write("case.json", &altered);
        let complaint = offline.0.fail(code, &["verify", "event", "case.json", "--key", &key]);
        assert!(complaint.contains(expected), "{complaint}");
    };
    check(text.replace("\"id\":", "\"id\":\"e-1\",\"id\":"), 1, "stands twice in an object");
    check(
        text.replace("\"whole\":7", "\"whole\":7.0000000000000000001"),
        1,
        "is not written as it was recorded",
    );
    check(text.replacen('{', "{\"id\":\"e-1\",", 1), 1, "has more than an event, its leaf and its proof");
    check(text.replace('}', ""), 4, "is not one JSON text");
}

#[test]
fn a_redacted_event_is_proved_and_what_is_withheld_is_named() {
    let offline = Offline::new();
    let mut log = Log::with(20);
    log.redact(3, &["actor", "changes"]);
    log.redact(4, &["actor", "changes", "context", "description", "entity"]);
    let report = offline.verify(&log.entry(3).unwrap(), &log.key()).unwrap();
    assert!(report.contains("redacted     actor, changes\n"), "{report}");
    assert!(report.contains("parts        context, description, entity\n"), "{report}");
    let report = offline.verify(&log.entry(4).unwrap(), &log.key()).unwrap();
    assert!(report.contains("parts        nothing\n"), "{report}");

    let mut case = log.entry(3).unwrap();
    case["event"]["actor"] = json!({"user_id": "eve"});
    let complaint = offline.verify(&case, &log.key()).unwrap_err();
    assert!(complaint.contains("it shows its actor, which it says was redacted"), "{complaint}");
    let mut case = log.entry(3).unwrap();
    case["event"]["redacted"]["salts"]["entity"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    let complaint = offline.verify(&case, &log.key()).unwrap_err();
    assert!(complaint.contains("the log has another entity"), "{complaint}");
}
