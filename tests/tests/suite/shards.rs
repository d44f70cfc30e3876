//! A busy workspace is spread over shards, and the change neither duplicates nor loses events.

use std::collections::BTreeSet;

use local::{Options, System};
use shared::{
    aws::config::Config,
    model::{
        catalogue::Action,
        disclosure::Disclosure,
        event::{Actor, ActorType, Event, Outcome},
        id::{EventId, WorkspaceId},
        shards::Shards,
        timestamp::Timestamp,
    },
    query::page::{Filter, Order},
    store::{Room, Status, Store},
    system,
};

const DAY_OF_CHANGE: &str = "2031-01-10T00:00:00Z";

/// The event of a repeated request: received later, and with another salt.
fn sent_again(event: &Event) -> Event {
    let disclosure = Disclosure::Whole(system::salt());
    Event { received_at: event.received_at.plus_seconds(1), disclosure, ..event.clone() }
}

#[tokio::test]
async fn a_retry_after_the_change_is_a_duplicate_and_reads_find_all_events() {
    let system = System::start(Options::default()).await.unwrap();
    let store = system.store();
    let workspace = WorkspaceId::parse("busy").unwrap();
    // Events on both sides of the day of the change, an hour apart.
    let early: Vec<_> = (0..24).map(|hour| event(&workspace, "2031-01-09T00:30:00Z", hour)).collect();
    let late: Vec<_> = (0..24).map(|hour| event(&workspace, DAY_OF_CHANGE, hour)).collect();
    for event in &early {
        assert_eq!(store.append(event).await.unwrap().status, Status::Recorded);
    }

    let change = Timestamp::parse(DAY_OF_CHANGE).unwrap();
    let now = Timestamp::parse("2031-01-08T00:00:00Z").unwrap();
    let four = Shards::default().change(4, change, now).unwrap();
    assert!(store.set_shards(&workspace, &Shards::default(), &four).await.unwrap());
    assert!(
        !store.set_shards(&workspace, &Shards::default(), &four).await.unwrap(),
        "the settings have changed meanwhile"
    );

    // Another instance, which reads the settings again.
    let store = Store::connect(&Config::local(system.dynamodb_endpoint()));
    for event in &late {
        assert_eq!(store.append(event).await.unwrap().status, Status::Recorded);
    }
    for event in early.iter().chain(&late) {
        let again = sent_again(event);
        assert_eq!(store.append(&again).await.unwrap().status, Status::Duplicate);
    }
    let other = Event { outcome: Outcome::Failure, ..sent_again(&late[0]) };
    assert_eq!(store.append(&other).await.unwrap().status, Status::Conflict);

    let partitions: BTreeSet<_> =
        late.iter().map(|event| four.partition(&workspace, &event.position())).collect();
    assert!(partitions.len() > 1, "{partitions:?}");
    let mut all: Vec<_> = early.into_iter().chain(late).collect();
    for order in [Order::Ascending, Order::Descending] {
        for actor in [None, Some("u1".to_owned())] {
            assert_eq!(read(&store, &workspace, &Filter { actor, order, ..Filter::default() }).await, all);
        }
        all.reverse();
    }
    system.shutdown().await;
}

/// Everything that a filter finds, in pages of seven.
async fn read(store: &Store, workspace: &WorkspaceId, filter: &Filter) -> Vec<Event> {
    let (mut events, mut after) = (Vec::new(), None);
    loop {
        let room = Room { events: 7, bytes: usize::MAX, measure: |_| 0 };
        let page = store.page(workspace, filter, after.as_ref(), room, system::now()).await.unwrap();
        events.extend(page.events);
        after = page.next;
        if after.is_none() {
            return events;
        }
    }
}

fn event(workspace: &WorkspaceId, start: &str, hour: i64) -> Event {
    let timestamp = Timestamp::parse(start).unwrap().plus_seconds(hour * 3600);
    Event {
        workspace: workspace.clone(),
        id: EventId::parse(&format!("e-{start}-{hour}")).unwrap(),
        action: Action::parse("group_created").unwrap(),
        timestamp,
        received_at: timestamp,
        outcome: Outcome::Success,
        description: None,
        actor: Some(Actor::new(ActorType::User, "u1")),
        entity: None,
        context: serde_json::Map::new(),
        changes: Vec::new(),
        disclosure: Disclosure::Whole(system::salt()),
        sequence: None,
    }
}
