//! An event as the log has it: the leaf, worked out from what a reader gets.
//!
//! The leaf holds what identifies the event, and for each of its five parts the digest of a
//! disclosure (RFC 9901 §4.2), which is the part with a salt of its own. A part that was redacted is
//! gone with its salt; its digest stays, so the leaf stays what it was. Two members of an event are
//! not in the leaf: `sequence`, which is the place of the leaf, and `category`, which follows from
//! the action.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tlog_tiles::{Hash, record_hash};

/// What of an event can be redacted.
pub(crate) const PARTS: [&str; 5] = ["actor", "changes", "context", "description", "entity"];
/// What of an event stands in the leaf as it is: the name there, and the name in an event.
const TEXTS: [(&str, &str); 6] = [
    ("workspace", "workspace_username"),
    ("id", "id"),
    ("action", "action"),
    ("timestamp", "timestamp"),
    ("received_at", "received_at"),
    ("outcome", "outcome"),
];
/// What else of an event the leaf depends on.
const REST: [&str; 3] = ["sequence", "salt", "redacted"];
/// What of an event is not in the leaf, because it follows from something that is.
const FOLLOWS: [&str; 1] = ["category"];
const SALT_BYTES: usize = 16;

/// An event as the log has it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its place in the log; `None` until it is sealed, and then there is no leaf to prove.
    pub(crate) sequence: Option<u64>,
    /// The leaf, member by member.
    leaf: Map<String, Value>,
    /// Which parts were redacted.
    pub(crate) withheld: Vec<&'static str>,
    /// Which members of the event no proof is about.
    pub(crate) uncovered: Vec<String>,
}

/// The place of an event in the log; `None` until it is sealed.
///
/// # Errors
/// If it is no number.
pub(crate) fn sequence(event: &Value) -> Result<Option<u64>, String> {
    match &event["sequence"] {
        Value::Null => Ok(None),
        number => number.as_u64().map(Some).ok_or_else(|| "its sequence is no whole number".to_owned()),
    }
}

impl Entry {
    /// Works out the entry of an event.
    ///
    /// # Errors
    /// If something is missing that the leaf depends on, or contradicts something else.
    pub(crate) fn of(event: &Value) -> Result<Self, String> {
        Self::worked_out(event, |part| Err(format!("it shows its {part}, which it says was redacted")))
    }

    /// Works out the entry of an event of which a stream leaves something out. A part that still shows something
    /// beside its digest is one that no proof is about.
    ///
    /// # Errors
    /// As of [`Self::of`].
    pub(crate) fn of_masked(event: &Value) -> Result<Self, String> {
        Self::worked_out(event, |_| Ok(()))
    }

    /// `shown` judges a part that is there beside its digest.
    fn worked_out(event: &Value, shown: impl Fn(&str) -> Result<(), String>) -> Result<Self, String> {
        let Value::Object(members) = event else { return Err("it is no JSON object".to_owned()) };
        let mut leaf = Map::from_iter([("version".to_owned(), json!(1))]);
        for (name, member) in TEXTS {
            let text = members.get(member).filter(|value| value.is_string());
            leaf.insert(name.to_owned(), text.ok_or_else(|| format!("it has no text {member:?}"))?.clone());
        }
        let salts = Salts::of(event)?;
        let (mut withheld, mut masked) = (Vec::new(), Vec::new());
        for part in PARTS {
            let value = members.get(part).ok_or_else(|| format!("it has no member {part:?}"))?;
            let digest = match salts.of_part(part)? {
                Disclosed::Salt(salt) => digest(&disclosure(&salt, part, value)),
                Disclosed::Digest(digest) => {
                    if *value == redacted_value(part) {
                        withheld.push(part);
                    } else {
                        shown(part)?;
                        masked.push(part);
                    }
                    digest
                }
            };
            leaf.insert(part.to_owned(), json!(digest));
        }
        let is_covered = |name: &str| {
            (PARTS.contains(&name) && !masked.contains(&name))
                || REST.contains(&name)
                || TEXTS.iter().any(|(_, member)| *member == name)
        };
        let uncovered: Vec<_> = members.keys().filter(|name| !is_covered(name)).cloned().collect();
        // Another program would show it as if it were of the event.
        fn known(name: &str) -> bool {
            PARTS.contains(&name) || FOLLOWS.contains(&name)
        }
        if let Some(name) = uncovered.iter().find(|name| !known(name)) {
            return Err(format!("it has a member {name:?}, which no event has"));
        }
        Ok(Self { sequence: sequence(event)?, leaf, withheld, uncovered })
    }

    /// The workspace of the event.
    pub(crate) fn workspace(&self) -> &str {
        self.text("workspace")
    }

    /// The id of the event.
    pub(crate) fn id(&self) -> &str {
        self.text("id")
    }

    /// A text of the leaf, by its name there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.leaf[name].as_str().unwrap_or_default()
    }

    /// The leaf of the event in the log.
    pub(crate) fn leaf(&self) -> String {
        canonical(&self.leaf)
    }

    /// The hash by which the log knows the event.
    pub(crate) fn hash(&self) -> Hash {
        record_hash(self.leaf().as_bytes())
    }

    /// That this is what a leaf says.
    ///
    /// # Errors
    /// Names what of the event is different.
    pub(crate) fn require_leaf(&self, leaf: &str) -> Result<(), String> {
        if leaf == canonical(&self.leaf) {
            return Ok(());
        }
        let logged: Value = serde_json::from_str(leaf).unwrap_or_default();
        let different: Vec<_> = self
            .leaf
            .iter()
            .filter(|(name, value)| logged.get(name) != Some(value))
            .map(|(name, _)| name.as_str())
            .collect();
        Err(match different.as_slice() {
            [] => "the leaf is not written as it must be".to_owned(),
            names => format!("the log has another {}", names.join(", ")),
        })
    }
}

/// The value of a part after a redaction.
fn redacted_value(part: &str) -> Value {
    match part {
        "changes" => json!([]),
        "context" => json!({}),
        _ => Value::Null,
    }
}

/// Where the salts of an event come from.
enum Salts<'a> {
    /// All from one seed.
    Seed([u8; SALT_BYTES]),
    /// Each is written down, or where its part was redacted, the digest is.
    Written { digests: &'a Map<String, Value>, salts: &'a Map<String, Value> },
}

/// What there is of a part.
enum Disclosed {
    Salt(String),
    Digest(String),
}

impl<'a> Salts<'a> {
    fn of(event: &'a Value) -> Result<Self, String> {
        match (&event["salt"], &event["redacted"]) {
            (Value::String(salt), Value::Null) => {
                let seed = decoded(salt).ok_or("its salt is not 16 bytes of base64url")?;
                Ok(Self::Seed(seed))
            }
            (Value::Null, Value::Object(redacted)) => {
                let lists = (redacted.get("digests"), redacted.get("salts"));
                let (Some(Value::Object(digests)), Some(Value::Object(salts)), 2) =
                    (lists.0, lists.1, redacted.len())
                else {
                    return Err("what it says was redacted is not digests and salts".to_owned());
                };
                if digests.len() + salts.len() != PARTS.len() {
                    return Err("what it says was redacted is not about the five parts".to_owned());
                }
                Ok(Self::Written { digests, salts })
            }
            (Value::Null, Value::Null) => Err("it has no salt".to_owned()),
            _ => Err("it has both a salt and redacted parts, or neither in its form".to_owned()),
        }
    }

    fn of_part(&self, part: &str) -> Result<Disclosed, String> {
        let wrong = || format!("its {part} has neither a salt nor a digest, or not in its form");
        match self {
            Self::Seed(seed) => {
                let hash = Sha256::new().chain_update(seed).chain_update(part).finalize();
                Ok(Disclosed::Salt(BASE64URL.encode(&hash[..SALT_BYTES])))
            }
            Self::Written { digests, salts } => match (digests.get(part), salts.get(part)) {
                (None, Some(Value::String(salt))) if decoded::<SALT_BYTES>(salt).is_some() => {
                    Ok(Disclosed::Salt(salt.clone()))
                }
                (Some(Value::String(digest)), None) if decoded::<32>(digest).is_some() => {
                    Ok(Disclosed::Digest(digest.clone()))
                }
                _ => Err(wrong()),
            },
        }
    }
}

/// A part with its salt and name (RFC 9901 §4.2.1).
fn disclosure(salt: &str, part: &str, value: &Value) -> String {
    BASE64URL.encode(canonical(&json!([salt, part, value])))
}

/// What stands for a disclosure in the leaf (RFC 9901 §4.2.3).
fn digest(disclosure: &str) -> String {
    BASE64URL.encode(Sha256::digest(disclosure))
}

fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64URL.decode(text).ok()?.try_into().ok()
}

/// The one way to write it (RFC 8785).
pub(crate) fn canonical(value: &impl serde::Serialize) -> String {
    serde_json_canonicalizer::to_string(value).expect("a parsed value has text names and finite numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disclosure_and_digest_are_those_of_the_standard() {
        // RFC 9901 §4.2.1 has this disclosure without spaces, as RFC 8785 writes it, and with spaces;
        // §4.2.3 has the digest of the latter.
        let compact = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsImZhbWlseV9uYW1lIiwiTcO2Yml1cyJd";
        assert_eq!(disclosure("_26bc4LT-ac6q2KI6cBW5es", "family_name", &json!("Möbius")), compact);
        let spaced = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0";
        assert_eq!(digest(spaced), "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0");
    }

    fn event() -> Value {
        json!({
            "id": "e", "action": "x_a", "category": "custom", "description": "d",
            "timestamp": "t", "received_at": "r", "sequence": 7, "workspace_username": "acme",
            "outcome": "success", "actor": {"user_id": "u"}, "entity": null, "context": {},
            "changes": [], "salt": "AAAAAAAAAAAAAAAAAAAAAA", "redacted": null,
        })
    }

    #[test]
    fn an_entry_names_what_no_proof_is_about() {
        let mut event = event();
        let entry = Entry::of(&event).unwrap();
        assert_eq!(entry.uncovered, ["category"]);
        assert_eq!((entry.sequence, entry.workspace(), entry.id()), (Some(7), "acme", "e"));
        event["verified"] = json!(true);
        assert!(Entry::of(&event).unwrap_err().contains("\"verified\", which no event has"));
    }

    #[test]
    fn a_part_of_which_something_is_masked_is_named_and_the_leaf_stays() {
        let whole = Entry::of(&event()).unwrap();
        let mut masked = event();
        let (mut digests, mut salts) = (json!({}), json!({}));
        for part in PARTS {
            let salt =
                BASE64URL.encode(&Sha256::new().chain_update([0; 16]).chain_update(part).finalize()[..16]);
            match part {
                "actor" => digests[part] = json!(digest(&disclosure(&salt, part, &masked[part]))),
                _ => salts[part] = json!(salt),
            }
        }
        masked["salt"] = Value::Null;
        masked["redacted"] = json!({"digests": digests, "salts": salts});
        masked["actor"] = json!({"user_id": "u", "ip": null});
        assert!(Entry::of(&masked).unwrap_err().contains("shows its actor"));
        let entry = Entry::of_masked(&masked).unwrap();
        assert_eq!(entry.hash(), whole.hash());
        assert_eq!(entry.uncovered, ["actor", "category"]);
    }

    #[test]
    fn an_event_that_contradicts_itself_has_no_entry() {
        fn check(name: &str, value: Value, expected: &str) {
            let mut event = event();
            event[name] = value;
            let found = Entry::of(&event).unwrap_err();
            assert!(found.contains(expected), "{name}: {found}");
        }
        check("salt", json!("AAAAAAAAAAAAAAAAAAAAAB"), "salt");
        check("salt", json!("AAAA"), "salt");
        check("salt", Value::Null, "no salt");
        check("redacted", json!({"digests": {}, "salts": {}}), "both");
        check("sequence", json!(-1), "sequence");
        check("sequence", json!(1.5), "sequence");
        check("id", json!(7), "\"id\"");
    }

    #[test]
    fn the_leaf_names_what_differs() {
        let logged = canonical(&Entry::of(&event()).unwrap().leaf);
        let mut event = event();
        assert_eq!(Entry::of(&event).unwrap().require_leaf(&logged), Ok(()));
        event["actor"]["user_id"] = json!("v");
        event["outcome"] = json!("failure");
        let found = Entry::of(&event).unwrap().require_leaf(&logged).unwrap_err();
        assert_eq!(found, "the log has another actor, outcome");
        assert!(Entry::of(&event).unwrap().require_leaf("odd").is_err());
    }
}
