//! The parameter `mask` of the time view: a page shows what a stream with the same mask would send.

use serde_json::{Value, json};
use tests::{
    Client, TestApp,
    sample::{at, event, full_event},
};

/// A workspace with one event that has every member, and one with few.
async fn recorded() -> (TestApp, Client) {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    client.record(&json!({"events": [full_event("full", 1), event("small", 0)]})).await.expect(201);
    (app, client)
}

fn past() -> String {
    format!("reads=exclude&end_timestamp={}", at(60))
}

#[tokio::test]
async fn a_masked_page_leaves_out_what_the_paths_name_and_nothing_more() {
    let (_app, client) = recorded().await;
    let plain = client.read(&past()).await;
    let paths = "/actor/ip,/entity/entity_name,/context/**/deep,/changes/*/new,/description";
    let masked = client.read(&format!("{}&mask={paths}", past())).await;

    let mut expected = plain[0].clone();
    expected["actor"].as_object_mut().unwrap().remove("ip");
    expected["entity"].as_object_mut().unwrap().remove("entity_name");
    expected["context"]["a/b~c"][7]["deep"] = Value::Null;
    for change in expected["changes"].as_array_mut().unwrap() {
        change["new"] = Value::Null;
    }
    expected["description"] = Value::Null;
    for about_parts in ["redacted", "salt"] {
        expected[about_parts] = masked[0][about_parts].clone();
    }
    assert_eq!(masked[0], expected);
    let digests = masked[0]["redacted"]["digests"].as_object().unwrap().keys().collect::<Vec<_>>();
    assert_eq!(digests, ["actor", "changes", "context", "description", "entity"]);

    assert_eq!(masked[1]["actor"], plain[1]["actor"]);
    assert_eq!(masked[1]["id"], "small");
}

#[tokio::test]
async fn the_link_to_the_next_page_repeats_the_mask_and_the_record_of_the_read_names_it() {
    let (app, client) = recorded().await;
    let first = client.list(&format!("{}&mask=/actor/ip&limit=1", past())).await.expect(200);
    let link = first.headers["link"].to_str().unwrap().to_owned();
    assert!(link.contains("mask=%2Factor%2Fip"), "{link}");
    let records = app.tables().events_of("acme", "audit_log_accessed").await;
    let context: Value = serde_json::from_str(records.last().unwrap()["context"].as_str().unwrap()).unwrap();
    assert_eq!(context["mask"], json!(["/actor/ip"]));
}

#[tokio::test]
async fn a_mask_is_left_out_of_every_format() {
    let (_app, client) = recorded().await;
    for format in ["json", "ndjson", "csv", "ocsf"] {
        let query = format!("{}&format={format}", past());
        let plain = client.list(&query).await.expect(200).text;
        let masked = client.list(&format!("{query}&mask=/actor/ip,/context")).await.expect(200).text;
        for value in ["157.52.123.42", "4f68a254168a"] {
            assert!(plain.contains(value) && !masked.contains(value), "{format}: {masked}");
        }
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_masked_is_refused() {
    let (_app, client) = recorded().await;
    for path in ["/id", "actor", "/sequence", "/context/**", ""] {
        let answer = client.list(&format!("mask={path}")).await.expect_problem(400, "invalid_query");
        assert_eq!(answer.problems(), ["mask invalid_path"], "{path}");
    }
}
