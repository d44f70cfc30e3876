//! Ways to forge remembered states, checkpoints and archives, file by file and byte by byte.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Dice, Operator,
    truth::{Forged, Kind, Truth},
};

const STATE: &[Kind] = &[Kind::State];
const CHECKPOINT: &[Kind] = &[Kind::Checkpoint];
const ARCHIVE: &[Kind] = &[Kind::Archive];
const NOTE: &str = "forged/checkpoint";

/// An operator that replaces the checkpoint.
macro_rules! note {
    ($name:literal, $forge:expr) => {
        Operator {
            name: $name,
            kinds: CHECKPOINT,
            forge: |_, truth, forged| {
                let forge: fn(&Truth, &str) -> Option<String> = $forge;
                let note = forge(truth, &forged.text(NOTE)?)?;
                Some(forged.with(NOTE, note))
            },
        }
    };
}

/// An operator that changes a manifest.
macro_rules! manifest {
    ($name:literal, $forge:expr) => {
        Operator {
            name: $name,
            kinds: ARCHIVE,
            forge: |dice, _, forged| {
                let forge: fn(&mut Value) = $forge;
                let path = one(dice, forged, "manifests/", ".json")?;
                let mut manifest: Value = serde_json::from_slice(&forged.0[&path]).ok()?;
                forge(&mut manifest);
                Some(forged.with(&path, format!("{manifest:#}\n")))
            },
        }
    };
}

pub(super) const OPERATORS: &[Operator] = &[
    Operator {
        name: "the key is missing",
        kinds: STATE,
        forge: |_, _, forged| Some(forged.without("forged/key")),
    },
    Operator {
        name: "the key of another log",
        kinds: STATE,
        forge: |_, truth, forged| Some(forged.with("forged/key", truth.other().key() + "\n")),
    },
    Operator {
        name: "the checkpoint is missing",
        kinds: STATE,
        forge: |_, _, forged| Some(forged.without(NOTE)),
    },
    Operator {
        name: "a tile is missing",
        kinds: STATE,
        forge: |dice, _, forged| Some(forged.without(&one(dice, forged, "forged/tile", "")?)),
    },
    Operator {
        name: "a byte of a tile is another",
        kinds: STATE,
        forge: |dice, _, forged| flipped(dice, forged, "forged/tile", ""),
    },
    Operator {
        name: "a tile breaks off",
        kinds: STATE,
        forge: |dice, _, forged| cut(dice, forged, "forged/tile", ""),
    },
    Operator {
        name: "bytes after a tile",
        kinds: STATE,
        forge: |dice, _, forged| appended(dice, forged, "forged/tile", "", &[7; 32]),
    },
    Operator {
        name: "a file that no state has",
        kinds: STATE,
        forge: |_, _, forged| Some(forged.with("forged/tile/notes", "notes")),
    },
    note!("a size is smaller", |_, note| Some(note.replacen("\n8\n", "\n7\n", 1))),
    note!("a size is greater", |_, note| Some(note.replacen("\n8\n", "\n800\n", 1))),
    note!("a size with a zero before it", |_, note| Some(note.replacen("\n8\n", "\n08\n", 1))),
    note!("a root of another log", |truth, note| {
        let other = truth.other().checkpoint();
        Some(note.replacen(note.lines().nth(2)?, other.lines().nth(2)?, 1))
    }),
    note!("a checkpoint of another log", |truth, _| Some(truth.other().checkpoint())),
    note!("a checkpoint of another workspace", |_, note| Some(note.replace("/acme", "/globex"))),
    note!("a checkpoint of an earlier size", |truth, _| {
        Some(truth.log.sign("audit-logs.test/acme", 5, truth.log.root(5)))
    }),
    note!("no signature", |_, note| Some(format!("{}\n", note.split("\n— ").next()?))),
    note!("a signature of other bytes", |_, note| {
        let end = note.trim_end().len();
        Some(format!("{}AAAA{}", note.get(..end.checked_sub(8)?)?, note.get(end - 4..)?))
    }),
    note!("a signature twice", |_, note| Some(format!("{note}{}", note.split_inclusive('\n').next_back()?))),
    note!("a signature of an unknown name", |_, note| Some(format!("{note}— example.com/other AAAAAAAA\n"))),
    note!("a line of extensions", |_, note| Some(note.replacen("\n\n", "\nextension\n\n", 1))),
    note!("no empty line", |_, note| Some(note.replacen("\n\n", "\n", 1))),
    note!("carriage returns in a note", |_, note| Some(note.replace('\n', "\r\n"))),
    note!("no line end", |_, note| Some(note.trim_end().to_owned())),
    note!("text after a note", |_, note| Some(format!("{note}trust me\n"))),
    note!("an empty note", |_, _| Some(String::new())),
    note!("a note that is other text", |_, _| Some("notes\n".to_owned())),
    note!("a byte order mark before a note", |_, note| Some(format!("\u{feff}{note}"))),
    note!("spaces for an empty line", |_, note| Some(note.replacen("\n\n", "\n \n", 1))),
    Operator {
        name: "a second gzip member with a forged event",
        kinds: ARCHIVE,
        forge: |dice, truth, forged| {
            let member = packed(format!("{}\n", truth.forged_event(2)).as_bytes());
            let forged = appended(dice, forged, "archive/ndjson", ".gz", &member)?;
            Some(with_new_hashes(forged))
        },
    },
    Operator {
        name: "an empty gzip member",
        kinds: ARCHIVE,
        forge: |dice, _, forged| {
            Some(with_new_hashes(appended(dice, forged, "archive/ndjson", ".gz", &packed(b""))?))
        },
    },
    Operator {
        name: "bytes after a gzip member",
        kinds: ARCHIVE,
        forge: |dice, _, forged| {
            Some(with_new_hashes(appended(dice, forged, "archive/ndjson", ".gz", b"notes")?))
        },
    },
    Operator {
        name: "zeros after a gzip member",
        kinds: ARCHIVE,
        forge: |dice, _, forged| {
            Some(with_new_hashes(appended(dice, forged, "archive/ndjson", ".gz", &[0; 64])?))
        },
    },
    Operator {
        name: "lines that are packed again",
        kinds: ARCHIVE,
        forge: |dice, _, forged| repacked(dice, forged, |text| text.to_owned()),
    },
    Operator {
        name: "lines with another action",
        kinds: ARCHIVE,
        forge: |dice, _, forged| {
            repacked(dice, forged, |text| text.replacen("group_created", "group_deleted", 1))
        },
    },
    Operator {
        name: "lines with another category",
        kinds: ARCHIVE,
        forge: |dice, _, forged| repacked(dice, forged, |text| text.replacen("user_groups", "api_token", 1)),
    },
    Operator {
        name: "a line without its sequence",
        kinds: ARCHIVE,
        forge: |dice, _, forged| {
            repacked(dice, forged, |text| text.replacen("\"sequence\":5", "\"sequence\":null", 1))
        },
    },
    Operator {
        name: "lines in another order",
        kinds: ARCHIVE,
        forge: |dice, _, forged| {
            repacked(dice, forged, |text| text.lines().rev().map(|line| format!("{line}\n")).collect())
        },
    },
    Operator {
        name: "a line twice",
        kinds: ARCHIVE,
        forge: |dice, _, forged| {
            repacked(dice, forged, |text| format!("{text}{}\n", text.lines().next().unwrap_or_default()))
        },
    },
    Operator {
        name: "an empty line",
        kinds: ARCHIVE,
        forge: |dice, _, forged| repacked(dice, forged, |text| format!("{text}\n")),
    },
    Operator {
        name: "lines with a byte order mark",
        kinds: ARCHIVE,
        forge: |dice, _, forged| repacked(dice, forged, |text| format!("\u{feff}{text}")),
    },
    Operator {
        name: "a member twice in a line",
        kinds: ARCHIVE,
        forge: |dice, _, forged| {
            repacked(dice, forged, |text| {
                text.replacen("{\"action\":", "{\"action\":\"x_forged\",\"action\":", 1)
            })
        },
    },
    Operator {
        name: "a byte of packed lines is another",
        kinds: ARCHIVE,
        forge: |dice, _, forged| Some(with_new_hashes(flipped(dice, forged, "archive/ndjson", ".gz")?)),
    },
    Operator {
        name: "packed lines break off",
        kinds: ARCHIVE,
        forge: |dice, _, forged| Some(with_new_hashes(cut(dice, forged, "archive/ndjson", ".gz")?)),
    },
    Operator {
        name: "a byte of columns is another",
        kinds: ARCHIVE,
        forge: |dice, _, forged| Some(with_new_hashes(flipped(dice, forged, "archive/parquet", ".parquet")?)),
    },
    Operator {
        name: "an index of columns that hides rows",
        kinds: ARCHIVE,
        forge: |dice, _, forged| {
            let path = one(dice, forged, "archive/parquet", ".parquet")?;
            let mut bytes = forged.0[&path].clone();
            let length = u32::from_le_bytes(*bytes[..bytes.len().checked_sub(4)?].last_chunk()?);
            let index = bytes.len().checked_sub(8 + usize::try_from(length).ok()?)?;
            // Before the footer a name stands as it is in the indexes of pages alone.
            let name = b"group_created";
            let place = bytes[..index].windows(name.len()).position(|window| window == name)?;
            bytes[place..place + name.len()].copy_from_slice(b"group_deleted");
            Some(with_new_hashes(forged.with(&path, bytes)))
        },
    },
    Operator {
        name: "columns of other events",
        kinds: ARCHIVE,
        forge: |dice, _, forged| {
            let one = one(dice, forged, "archive/parquet", ".parquet")?;
            let two = forged.0.keys().find(|path| path.ends_with(".parquet") && **path != one)?;
            Some(with_new_hashes(forged.with(&one, forged.0[two].clone())))
        },
    },
    Operator {
        name: "columns break off",
        kinds: ARCHIVE,
        forge: |dice, _, forged| Some(with_new_hashes(cut(dice, forged, "archive/parquet", ".parquet")?)),
    },
    Operator {
        name: "an object is missing",
        kinds: ARCHIVE,
        forge: |dice, _, forged| Some(forged.without(&one(dice, forged, "archive/", "")?)),
    },
    Operator {
        name: "a junk manifest beside a forged object",
        kinds: ARCHIVE,
        forge: |dice, truth, forged| {
            let path = one(dice, forged, "archive/ndjson", ".gz")?;
            let (directory, _) = path.rsplit_once('/')?;
            let object = format!("{directory}/zz-0000000000000000.ndjson.gz");
            let forged = forged.with(&object, packed(format!("{}\n", truth.forged_event(2)).as_bytes()));
            Some(forged.with("archive/manifests/workspace=acme/zz-0000000000000000.json", "{}"))
        },
    },
    Operator {
        name: "a forged object that no manifest names",
        kinds: ARCHIVE,
        forge: |dice, truth, forged| {
            let path = one(dice, forged, "archive/ndjson", ".gz")?;
            let other = path.replace(".ndjson.gz", "-2.ndjson.gz");
            Some(forged.with(&other, packed(format!("{}\n", truth.forged_event(2)).as_bytes())))
        },
    },
    Operator {
        name: "a manifest is missing",
        kinds: ARCHIVE,
        forge: |dice, _, forged| Some(forged.without(&one(dice, forged, "archive/manifests", "")?)),
    },
    Operator {
        name: "a manifest twice",
        kinds: ARCHIVE,
        forge: |dice, _, forged| {
            let path = one(dice, forged, "archive/manifests", ".json")?;
            Some(forged.with(&path.replace(".json", "9.json"), forged.0[&path].clone()))
        },
    },
    Operator {
        name: "a manifest with a member twice",
        kinds: ARCHIVE,
        forge: |dice, _, forged| {
            let path = one(dice, forged, "archive/manifests", ".json")?;
            let text = forged.text(&path)?;
            Some(forged.with(&path, text.replacen('{', "{\"version\": 9, ", 1)))
        },
    },
    manifest!("a manifest with another workspace", |manifest| manifest["workspace"] = json!("globex")),
    manifest!("a manifest with an unknown version", |manifest| manifest["version"] = json!(99)),
    manifest!("a manifest without objects", |manifest| manifest["objects"] = json!([])),
    manifest!("a manifest with other sequences", |manifest| manifest["last"] = json!(6)),
    manifest!("a manifest without a checkpoint", |manifest| manifest["checkpoint"] = Value::Null),
    manifest!("a manifest of another one before", |manifest| {
        manifest["previous"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    }),
    manifest!("a manifest that says filtered", |manifest| manifest["filter"] = json!(true)),
    manifest!("a manifest that says masked", |manifest| manifest["mask"] = json!(["/actor"])),
    manifest!("a manifest that says expired", |manifest| manifest["expired"] = json!(3)),
];

/// One of the paths with a beginning and an end.
fn one(dice: &mut Dice, forged: &Forged, start: &str, end: &str) -> Option<String> {
    let is_wanted = |path: &&String| path.contains(start) && path.ends_with(end);
    let paths: Vec<_> = forged.0.keys().filter(is_wanted).collect();
    (!paths.is_empty()).then(|| paths[dice.below(paths.len())].clone())
}

fn flipped(dice: &mut Dice, forged: &Forged, start: &str, end: &str) -> Option<Forged> {
    let path = one(dice, forged, start, end)?;
    let mut bytes = forged.0[&path].clone();
    let place = dice.below(bytes.len().max(1));
    *bytes.get_mut(place)? ^= 1 << dice.below(8);
    Some(forged.with(&path, bytes))
}

fn cut(dice: &mut Dice, forged: &Forged, start: &str, end: &str) -> Option<Forged> {
    let path = one(dice, forged, start, end)?;
    let mut bytes = forged.0[&path].clone();
    bytes.truncate(dice.below(bytes.len().max(1)));
    Some(forged.with(&path, bytes))
}

fn appended(dice: &mut Dice, forged: &Forged, start: &str, end: &str, more: &[u8]) -> Option<Forged> {
    let path = one(dice, forged, start, end)?;
    let bytes = [&forged.0[&path][..], more].concat();
    Some(forged.with(&path, bytes))
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

/// The archive with other lines in one object.
fn repacked(dice: &mut Dice, forged: &Forged, change: fn(&str) -> String) -> Option<Forged> {
    let path = one(dice, forged, "archive/ndjson", ".gz")?;
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(&forged.0[&path][..]), &mut text)
        .ok()?;
    Some(with_new_hashes(forged.with(&path, packed(change(&text).as_bytes()))))
}

/// The archive whose manifests have the hashes and sizes of the objects as they are, each also the hash of the manifest
/// before it: a forger can write all of these anew.
fn with_new_hashes(mut forged: Forged) -> Forged {
    let manifests: Vec<_> = forged.0.keys().filter(|path| path.contains("/manifests/")).cloned().collect();
    let mut previous = None;
    for path in manifests {
        let Ok(mut manifest) = serde_json::from_slice::<Value>(&forged.0[&path]) else { continue };
        for object in manifest["objects"].as_array_mut().into_iter().flatten() {
            let key = format!("archive/{}", object["key"].as_str().unwrap_or_default());
            let Some(content) = forged.0.get(&key) else { continue };
            object["sha256"] = json!(hexadecimal(&Sha256::digest(content)));
            object["bytes"] = json!(content.len());
        }
        if let Some(previous) = previous {
            manifest["previous"] = previous;
        }
        let text = format!("{manifest:#}\n");
        previous = Some(json!(hexadecimal(&Sha256::digest(&text))));
        forged = forged.with(&path, text);
    }
    forged
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
