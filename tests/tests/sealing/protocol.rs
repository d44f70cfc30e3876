//! The sealer's protocol as it is shipped, and rebuilt from its public steps: once correctly, and once for each
//! way to break it.

use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use shared::{
    ledger::{Delta, tree::Frontier},
    model::{error::Error, keys::Place, timestamp::Timestamp},
    store::{Standing, Store, Written},
};

use crate::log::{Shown, acme, now};

/// The protocol under test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Protocol {
    /// One pass of the sealer.
    Shipped,
    /// The sealer as the stream invokes it, with duplicate records.
    Streamed,
    /// A pass made of the sealer's steps.
    Rebuilt(Broken),
}

/// The step that is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Broken {
    Nothing,
    /// The events are read once, and proposed again after a lost race.
    CandidatesReadOnce,
    /// The events are read before the head, each time.
    CandidatesBeforeHead,
    /// A root is shown before its delta is decided.
    ShownBeforeDecided,
    /// When a delta is found, the head is moved and its events are not stamped.
    FoundNotFinished,
    /// A delta is treated as written although another pass wrote a different one.
    LostRaceIgnored,
    /// The head is moved before the events are stamped.
    HeadBeforeStamps,
}

impl Protocol {
    /// One pass over the events at these places.
    pub(crate) async fn pass(self, store: &Store, places: &[Place], shown: &Shown) -> Result<(), Error> {
        self.pass_at(store, places, shown, now()).await
    }

    /// One pass at this time, which may be after the end of a crashed pass's turn.
    pub(crate) async fn pass_at(
        self,
        store: &Store,
        places: &[Place],
        shown: &Shown,
        now: Timestamp,
    ) -> Result<(), Error> {
        match self {
            Self::Shipped => sealer::seal(store, &acme(), places, now).await.map(drop),
            Self::Streamed => streamed(store, places).await,
            Self::Rebuilt(broken) => rebuilt(broken, store, places, shown).await,
        }
    }
}

async fn streamed(store: &Store, places: &[Place]) -> Result<(), Error> {
    let records: Vec<Value> = places
        .iter()
        .chain(places.iter().rev())
        .map(|place: &Place| {
            json!({"eventName": "INSERT", "dynamodb": {
                "Keys": {"workspace": {"S": "acme"}, "timestamp": {"S": place.position.sort_key()}},
                "SequenceNumber": "1",
            }})
        })
        .collect();
    let trigger = serde_json::from_value(json!({ "Records": records })).unwrap();
    let response = sealer::handle(store, LambdaEvent::new(trigger, Context::default())).await.unwrap();
    match json!(response)["batchItemFailures"].as_array() {
        Some(failures) if failures.is_empty() => Ok(()),
        _ => Err(Error::Unavailable("the batch comes again".into())),
    }
}

async fn rebuilt(broken: Broken, store: &Store, places: &[Place], shown: &Shown) -> Result<(), Error> {
    let mut left = places;
    let mut read = match broken {
        Broken::CandidatesReadOnce => proposed(store, &Frontier::default(), left).await?,
        _ => None,
    };
    loop {
        if broken == Broken::CandidatesBeforeHead {
            read = proposed(store, &Frontier::default(), left).await?;
        }
        let Standing { head, delta, turn: _ } = store.standing(&acme()).await?;
        if let Some(delta) = delta {
            match broken {
                Broken::FoundNotFinished => move_head(store, &head, &delta).await?,
                _ => finish(broken, store, &head, &delta).await?,
            }
            continue;
        }
        if left.is_empty() {
            return Ok(());
        }
        let (next, rest) = left.split_at(Delta::room(head.size()).min(left.len()));
        let delta = match broken {
            Broken::CandidatesReadOnce | Broken::CandidatesBeforeHead => {
                let entries = read.iter().flat_map(|read| &read.entries);
                let entries: Vec<_> = entries.filter(|entry| next.contains(&entry.place)).cloned().collect();
                (!entries.is_empty()).then_some(Delta { first: head.size(), entries })
            }
            _ => proposed(store, &head, next).await?,
        };
        let Some(delta) = delta else {
            left = rest;
            continue;
        };
        if broken == Broken::ShownBeforeDecided {
            let next = grown(&head, &delta);
            shown.add(next.size(), next.root());
        }
        let written = store.write_delta(&acme(), &delta, None).await?;
        if written != Written::Before || broken == Broken::LostRaceIgnored {
            finish(broken, store, &head, &delta).await?;
            left = rest;
        }
    }
}

/// The first delta after the head.
async fn proposed(store: &Store, head: &Frontier, places: &[Place]) -> Result<Option<Delta>, Error> {
    Ok(sealer::propose(store, &acme(), head, places).await?.0.into_iter().next())
}

async fn finish(broken: Broken, store: &Store, head: &Frontier, delta: &Delta) -> Result<(), Error> {
    if broken == Broken::HeadBeforeStamps {
        move_head(store, head, delta).await?;
    }
    sealer::finish(store, &acme(), head, delta, None).await.map(drop)
}

async fn move_head(store: &Store, head: &Frontier, delta: &Delta) -> Result<(), Error> {
    store.advance(&acme(), head, &grown(head, delta), None).await.map(drop)
}

fn grown(head: &Frontier, delta: &Delta) -> Frontier {
    let mut next = head.clone();
    delta.entries.iter().for_each(|entry| drop(next.push(entry.leaf)));
    next
}
