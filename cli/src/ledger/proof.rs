//! Proofs: that an entry is in the log (C2SP tlog-proof), and that the log only grew (RFC 6962).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use tlog_tiles::{Hash, check_record, check_tree};

use super::Checkpoint;

const HEADING: &str = "c2sp.org/tlog-proof@v1\n";

/// That an entry is in the log, as far as the checkpoint in it can be trusted.
#[derive(Debug)]
pub(crate) struct InclusionProof {
    /// The place of the entry.
    pub(crate) sequence: u64,
    hashes: Vec<Hash>,
    /// The signed note, not verified.
    pub(crate) checkpoint: String,
}

impl InclusionProof {
    /// Parses a proof. The line with extra data is ignored, because it is not signed.
    ///
    /// # Errors
    /// If the text is not a proof.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("the proof is not in its form: {what}");
        let rest = text
            .strip_prefix(HEADING)
            .ok_or_else(|| wrong("its first line is not c2sp.org/tlog-proof@v1"))?;
        let (head, checkpoint) = rest.split_once("\n\n").ok_or_else(|| wrong("it has no checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if let Some(extra) = lines.next_if(|line| line.starts_with("extra ")) {
            BASE64_STANDARD.decode(&extra["extra ".len()..]).map_err(|_| wrong("its extra data"))?;
        }
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).unwrap_or_default();
        let sequence = index.parse::<u64>().ok().filter(|number| number.to_string() == index);
        let sequence = sequence.ok_or_else(|| wrong("it has no index"))?;
        let hashes: Result<_, _> = lines.map(Hash::parse_hash).collect();
        let hashes = hashes.map_err(|_| wrong("a line is no hash"))?;
        Ok(Self { sequence, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// That the entry with this hash is in the log that was signed.
    ///
    /// # Errors
    /// If that is not proved.
    pub(crate) fn verify(&self, entry: Hash, checkpoint: &Checkpoint) -> Result<(), String> {
        let Self { sequence, hashes, checkpoint: _ } = self;
        if *sequence >= checkpoint.size {
            return Err(format!("sequence {sequence} is not in a log of {} entries", checkpoint.size));
        }
        check_record(hashes, checkpoint.size, checkpoint.root, *sequence, entry)
            .map_err(|_| "the inclusion proof does not lead from the event to the signed root".to_owned())
    }
}

/// That the log of the one checkpoint has grown into that of the other, as the API's answer claims.
///
/// # Errors
/// If that is not proved.
pub(crate) fn consistency(answer: &Value, from: &Checkpoint, to: &Checkpoint) -> Result<(), String> {
    let (named, wrong) = (["from", "to"], "the consistency proof is not in its form");
    let sizes = named.map(|name| answer[name].as_u64());
    if sizes != [Some(from.size), Some(to.size)] {
        return Err("the consistency proof is between other sizes".to_owned());
    }
    let hashes: Option<Vec<_>> =
        answer["hashes"].as_array().and_then(|hashes| hashes.iter().map(hash).collect());
    check_tree(&hashes.ok_or(wrong)?, to.size, to.root, from.size, from.root)
        .map_err(|_| "the consistency proof does not lead from the remembered root to the new one".to_owned())
}

fn hash(value: &Value) -> Option<Hash> {
    Hash::parse_hash(value.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_read_in_its_form_only() {
        let hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let good = format!("{HEADING}index 7\n{hash}\n{hash}\n\no\n1\n");
        let proof = InclusionProof::parse(&good).unwrap();
        assert_eq!((proof.sequence, proof.hashes.len(), proof.checkpoint.as_str()), (7, 2, "o\n1\n"));
        assert_eq!(InclusionProof::parse(&format!("{HEADING}extra YQ==\nindex 0\n\no")).unwrap().sequence, 0);
        for wrong in [
            String::new(),
            HEADING.to_owned(),
            good.replace("index 7", "index 07"),
            good.replace("index 7", "index +7"),
            good.replace("index 7", "index"),
            good.replace("v1", "v2"),
            good.replace("\n\n", "\n"),
            good.replacen(hash, &hash[1..], 1),
            good.replace("index", "extra *\nindex"),
        ] {
            assert!(InclusionProof::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
