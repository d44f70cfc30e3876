//! Compares a log with its remembered state.
//!
//! An operator who has the database and the key can rewrite a whole log and sign it. Only an observer with an earlier
//! checkpoint can detect this. This module stores the checkpoint with the hashes of all entries, so that it can also find the
//! first entry that differs.

use jiff::Timestamp;

use super::{
    not_checked, not_proved,
    store::{Remembered, Store, of_tile},
    tiles,
};
use crate::{
    api::Ledger,
    error::Error,
    interrupt::Steps,
    ledger::{self, Checkpoint, Hash, Key, Tile, Tree},
};

const OTHER_KEY: &str = "If the operator has changed the key, follow the log in a new directory with --key; \
                         if not, another party signs in the operator's place.";
const ALARM: &str = "Keep the evidence: each checkpoint in it is signed, so the log cannot deny it. Ask the \
                     operator of the API, and do not delete what is remembered.";

/// A log that is looked at again and again.
pub(super) struct Watch<'a> {
    pub(super) ledger: Ledger<'a>,
    /// The same ledger for who cannot wait: what was found must be told soon.
    pub(super) impatient: Ledger<'a>,
    pub(super) store: Store,
    pub(super) key: Key,
    pub(super) remembered: Option<Remembered>,
    pub(super) recheck: bool,
}

/// The difference between the offered log and the remembered one.
struct Break {
    what: String,
    /// The API's proof of consistency, which is wrong.
    proof: Option<serde_json::Value>,
}

/// Where two logs part.
enum Parting {
    /// In this tile, of which these are the hashes that are offered.
    At(u64, Tile, Vec<Hash>),
    /// Nowhere: all entries that both have are the same.
    Nowhere,
}

impl Watch<'_> {
    /// Compares the log with what is remembered, and remembers it. Says what is new.
    ///
    /// # Errors
    /// [`Error::Alarm`] if it is another log.
    pub(super) fn look(&mut self, steps: Option<&Steps>) -> Result<Option<String>, Error> {
        let note = self.ledger.checkpoint()?;
        let offered = self.key.open(&note).map_err(|because| not_proved(&because, OTHER_KEY))?;
        let (known, more) = match &self.remembered {
            None => (0, self.begin(&offered)?),
            Some(remembered) => match self.compare(remembered, &offered)? {
                Ok(more) => (remembered.checkpoint.size, more),
                Err(found) => return Err(self.alarm(remembered, &offered, &found)?),
            },
        };
        let is_first = self.remembered.is_none();
        if !is_first && known == offered.size {
            return Ok(None);
        }
        let line = format!(
            "{} entries, root {}: {}",
            offered.size,
            offered.root,
            if is_first {
                "remembered from now on".to_owned()
            } else {
                format!("{} more than before, which are unchanged", offered.size - known)
            }
        );
        let mut tree = self.remembered.take().map(|remembered| remembered.tree).unwrap_or_default();
        tree.extend(&more);
        let log = Remembered { checkpoint: offered, tree };
        let keep = || self.store.keep(&self.key, &log, known);
        match steps {
            Some(steps) => steps.step(keep)?,
            None => keep()?,
        }
        self.remembered = Some(log);
        Ok(Some(line))
    }

    /// The hashes of the log at the first look. Full tiles are kept as they come, so that an interrupted look goes on
    /// where it ended.
    fn begin(&self, offered: &Checkpoint) -> Result<Vec<Hash>, Error> {
        self.store.begin()?;
        let mut hashes = Vec::new();
        let mut is_resumed = false;
        let all = Tile::covering(0, offered.size);
        let bar = tiles::progress(all.clone().count() as u64, "of the hashes fetched");
        for tile in all {
            match self.store.fetched(tile)? {
                Some(fetched) => {
                    is_resumed = true;
                    hashes.extend(fetched);
                }
                None => {
                    let fetched = tiles::fetch(&self.ledger, tile)?;
                    self.store.keep_fetched(tile, &fetched)?;
                    hashes.extend(fetched);
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        if Tree::default().root_with(&hashes) == offered.root {
            return Ok(hashes);
        }
        self.store.forget_fetched()?;
        let because = "the entries that are offered do not add up to the root that was signed";
        Err(if is_resumed {
            // Hashes that were kept before may have been changed on this disk.
            not_checked(
                "the hashes of an interrupted first look and those that are offered now do not add up to the root that \
                 was signed",
                "The kept hashes are removed. Run the same command again; if it fails again, tell the operator of the API.",
            )
        } else {
            not_proved(because, "Tell the operator of the API; nothing is remembered yet.")
        })
    }

    /// The hashes that the offered log has in addition to the remembered ones, if it continues the remembered log.
    fn compare(
        &self,
        remembered: &Remembered,
        offered: &Checkpoint,
    ) -> Result<Result<Vec<Hash>, Break>, Error> {
        let Remembered { checkpoint, tree } = remembered;
        let (name, old, new) = (self.key.name(), checkpoint.size, offered.size);
        fn broken(what: String) -> Result<Result<Vec<Hash>, Break>, Error> {
            Ok(Err(Break { what, proof: None }))
        }
        if new < old {
            return broken(format!(
                "The log {name} was cut: it has signed {old} entries, and now has {new}."
            ));
        }
        if new == old && offered.root != checkpoint.root {
            return broken(format!(
                "The log {name} was rewritten: it has signed two roots for {new} entries."
            ));
        }
        let other_entries = || format!("The log {name} offers other entries than the {old} that it signed.");
        if self.recheck && !matches!(self.parting(&self.ledger, tree, old)?, Parting::Nowhere) {
            return broken(other_entries());
        }
        if new == old {
            return Ok(Ok(Vec::new()));
        }
        let first = Tile::covering(old, new).next().map_or(old, Tile::start);
        let hashes = tiles::fetch_from(&self.ledger, first, new)?;
        let (again, more) = hashes.split_at(usize::try_from(old - first).unwrap_or(usize::MAX));
        if tree.root_with(more) != offered.root {
            return broken(format!(
                "The log {name} was rewritten: the {new} entries that it has signed do not begin with the \
                 {old} that it signed before."
            ));
        }
        if !tree.hashes().ends_with(again) {
            return broken(other_entries());
        }
        if old > 0 {
            let proof = self.ledger.consistency(old, new)?;
            if let Err(because) = ledger::consistency(&proof, checkpoint, offered) {
                let what = format!(
                    "The log {name} does not prove that it only grew from {old} to {new}: {because}."
                );
                return Ok(Err(Break { what, proof: Some(proof) }));
            }
        }
        Ok(Ok(more.to_vec()))
    }

    /// Finds where the logs part, and keeps what shows it.
    fn alarm(&self, remembered: &Remembered, offered: &Checkpoint, found: &Break) -> Result<Error, Error> {
        let Remembered { checkpoint, tree } = remembered;
        let common = checkpoint.size.min(offered.size);
        let mut files = vec![
            ("key".to_owned(), format!("{}\n", self.key).into_bytes()),
            ("remembered/checkpoint".to_owned(), checkpoint.note.clone().into_bytes()),
            ("offered/checkpoint".to_owned(), offered.note.clone().into_bytes()),
        ];
        files.extend(
            found
                .proof
                .as_ref()
                .map(|proof| ("offered/consistency.json".to_owned(), proof.to_string().into_bytes())),
        );
        let place = match self.parting(&self.impatient, tree, common) {
            Ok(Parting::At(sequence, tile, hashes)) => {
                let name = format!("tile/{}", tile.name());
                files.push((format!("remembered/{name}"), Tile::content(of_tile(tree.hashes(), tile))));
                files.push((format!("offered/{name}"), Tile::content(&hashes)));
                format!("The first sequence that differs is {sequence}.")
            }
            Ok(Parting::Nowhere) if offered.size < checkpoint.size => {
                format!("The first sequence that differs is {common}: it and all after it are gone.")
            }
            Ok(Parting::Nowhere) => {
                format!("All {common} entries that are offered are the remembered ones: others were signed.")
            }
            Err(error) => format!("Which sequence differs cannot be known: {}", error.what()),
        };
        files.push(("report".to_owned(), format!("{}\n{place}\n", found.what).into_bytes()));
        let evidence = self.store.keep_evidence(Timestamp::now(), &files)?;
        let details = vec![place, format!("Evidence: {}", evidence.display())];
        Ok(Error::alarm(found.what.clone(), ALARM).with_details(details))
    }

    /// Where the first `common` entries that are offered are not the remembered ones.
    fn parting(&self, ledger: &Ledger<'_>, tree: &Tree, common: u64) -> Result<Parting, Error> {
        let bar = tiles::progress(common, "of what is remembered compared");
        for tile in Tile::covering(0, common) {
            let remembered = of_tile(tree.hashes(), tile);
            let offered = tiles::fetch(ledger, tile)?;
            if let Some(place) = remembered.iter().zip(&offered).position(|(one, other)| one != other) {
                bar.finish_and_clear();
                return Ok(Parting::At(tile.start() + place as u64, tile, offered));
            }
            bar.inc(tile.width);
        }
        bar.finish_and_clear();
        Ok(Parting::Nowhere)
    }
}
