//! Tests of the checker itself: it finds nothing in a good run, and finds every fault that is put into one.

use serde_json::json;

use crate::{
    checker::judge,
    history::{History, Reply, Tables},
    run,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checker_passes_a_good_run_and_finds_every_inserted_fault() {
    let (history, tables, faults) = run(140, 1, false).await;
    assert_eq!(faults, "");
    assert_eq!(broken(&history, &tables), Vec::<&str>::new());

    check_noticed(&history, &tables, "P1", "an acknowledgement of what is lost", &|history, tables| {
        let lost = format!("#{}", history.acknowledged[0].event.id);
        rows(tables, &history.acknowledged[0].workspace.clone())
            .retain(|row| !row["timestamp"].as_str().unwrap().ends_with(&lost));
    });
    check_noticed(&history, &tables, "P2", "a duplicate", &|_, tables| {
        let mut copy = rows(tables, "w1")[0].clone();
        let (_, id) = copy["timestamp"].as_str().unwrap().split_once('#').unwrap();
        copy["timestamp"] = json!(format!("2025-02-18T23:59:59.000000Z#{id}"));
        rows(tables, "w1").push(copy);
    });
    check_noticed(&history, &tables, "P2", "another content than was acknowledged", &|history, tables| {
        let (workspace, id) = (&history.acknowledged[0].workspace, &history.acknowledged[0].event.id);
        let mut rows = rows(tables, workspace).iter_mut();
        let row = rows.find(|row| row["timestamp"].as_str().unwrap().ends_with(&format!("#{id}"))).unwrap();
        row["actor_id"] = json!("mallory");
    });
    check_noticed(&history, &tables, "P3", "a message that vanished", &|history, tables| {
        let message = history.messages.iter().find(|message| message.event.is_some()).unwrap();
        let lost = format!("#{}", message.event.as_ref().unwrap().id);
        rows(tables, &message.workspace).retain(|row| !row["timestamp"].as_str().unwrap().ends_with(&lost));
    });
    check_noticed(&history, &tables, "P4", "a gap", &|_, tables| {
        rows(tables, "hot")[3]["sequence"] = json!(1_000_000)
    });
    check_noticed(&history, &tables, "P4", "a feed that passes one over", &|history, _| {
        let page = history.feeds.iter_mut().find(|page| page.events.len() > 1).unwrap();
        page.events.remove(0);
    });
    check_noticed(&history, &tables, "P5", "an event that the time view did not show", &|history, _| {
        let event = history.acknowledged[0].clone();
        let mut walks = history.walks.iter_mut().rev();
        walks.find(|walk| walk.workspace == event.workspace).unwrap().events.remove(&event.event);
    });
    check_noticed(&history, &tables, "P8", "a row of another workspace", &|_, tables| {
        let foreign = rows(tables, "w1").iter().find(|row| row["action"] == "group_created").unwrap().clone();
        rows(tables, "w2").push(foreign);
    });
    check_noticed(&history, &tables, "P10", "a read without its record", &|_, tables| {
        let all = rows(tables, "w1");
        let record = all.iter().position(|row| row["action"] == "audit_log_accessed").unwrap();
        all.remove(record);
    });
    check_noticed(&history, &tables, "P11", "a token without its record", &|_, tables| {
        rows(tables, "w1").retain(|row| row["action"] != "api_token_workspace_created");
    });
    check_noticed(&history, &tables, "P11", "a record without its token", &|_, tables| {
        tables.tokens.get_mut("w1").unwrap().pop();
    });
    check_noticed(
        &history,
        &tables,
        "P13",
        "a failure that does not say when to try again",
        &|history, _| {
            history.answers.push(Reply { status: 503, says_when_to_retry: false, text: String::new() })
        },
    );
}

fn check_noticed(
    history: &History,
    tables: &Tables,
    promise: &str,
    what: &str,
    spoil: &dyn Fn(&mut History, &mut Tables),
) {
    let (mut history, mut tables) = (history.clone(), tables.clone());
    spoil(&mut history, &mut tables);
    assert!(broken(&history, &tables).contains(&promise), "{what} is not noticed");
}

/// The promises that are broken.
fn broken(history: &History, tables: &Tables) -> Vec<&'static str> {
    let verdicts = judge(history, tables);
    verdicts.iter().filter(|verdict| !verdict.violations.is_empty()).map(|verdict| verdict.promise).collect()
}

fn rows<'a>(tables: &'a mut Tables, workspace: &str) -> &'a mut Vec<serde_json::Value> {
    tables.events.get_mut(workspace).unwrap()
}
