//! Records an event and reads it back.

use std::{env, error::Error, thread, time::Duration};

use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let [endpoint, workspace, token] =
        ["AUDIT_ENDPOINT", "AUDIT_WORKSPACE", "AUDIT_TOKEN"].map(|name| env::var(name).unwrap_or_default());
    let logs = format!("{endpoint}/api/{workspace}/audit_logs");
    let http = Client::new();

    // Made once: a retry sends the same id and timestamp.
    let now = jiff::Timestamp::now();
    let events = json!({"events": [{
        "id": format!("rust-{}", now.as_nanosecond()), "timestamp": now, "action": "group_created",
        "actor": {"user_id": "u1", "username": "peter_parker"},
        "entity": {"entity_type": "group", "entity_id": "rust", "entity_name": "Spiders"},
    }]});
    let recorded = call(|| http.post(&logs).bearer_auth(&token).json(&events))?;
    println!("{}", recorded["results"][0]["status"]);

    let mut events = Vec::new();
    let mut cursor = None;
    loop {
        let query = [("entity_type", "group"), ("entity_id", "rust")];
        let cursor_query = cursor.as_deref().map(|cursor: &str| ("cursor", cursor));
        let page = call(|| http.get(&logs).bearer_auth(&token).query(&query).query(cursor_query.as_slice()))?;
        events.extend(page["audit_logs"].as_array().cloned().unwrap_or_default());
        if page["has_more"] != true {
            break;
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
    }
    println!("{} {}", events[0]["id"], events[0]["action"]);
    Ok(())
}

/// Returns the answer. After 429 or 503 it waits as the API asks, and sends the same request again.
fn call(request: impl Fn() -> RequestBuilder) -> Result<Value, Box<dyn Error>> {
    for _ in 0..6 {
        let answer = request().send()?;
        if answer.status().is_success() {
            return Ok(answer.json()?);
        }
        if !matches!(answer.status().as_u16(), 429 | 503) {
            return Err(answer.text()?.into());
        }
        let asked = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        thread::sleep(Duration::from_secs(asked.unwrap_or(1)));
    }
    Err("the API is busy".into())
}
