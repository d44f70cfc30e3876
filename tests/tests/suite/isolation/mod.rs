//! Isolation: an attempt to reach into another workspace learns nothing, not even that the workspace exists.
//!
//! An attempt is one request by a caller without a right to globex that names something of globex: the
//! workspace, a token, an event, a cursor, or the id of a person. Its twin names, in the same place, something
//! of the same form that does not exist. No answer may contain a byte that only globex has, and both answers
//! must be equal apart from the name. The routes are read from the template and the parameters from the
//! description, so that a new route is tried automatically.
//!
//! `ATTEMPTS` and `SEED` in the environment choose the number and the selection.

mod attempts;
mod globex;
mod judge;

use std::{collections::BTreeMap, env, str::FromStr};

use local::template::{TEMPLATE, Template};
use serde_json::Value;
use tests::{Client, TestApp};

use self::{
    attempts::{Attempt, Callers, Generator},
    globex::Globex,
    judge::{Seen, judge},
};

/// The other workspace, and the name of one that does not exist.
const THEIRS: &str = "globex";
const NOBODYS: &str = "glubex";

fn chosen<T: FromStr>(variable: &str, default: T) -> T {
    env::var(variable).ok().map_or(default, |text| text.parse().ok().expect("a number"))
}

async fn sent(app: &TestApp, attempt: &Attempt) -> Seen {
    let client = app.client("acme").with_authorization(&attempt.authorization);
    let mut request = client.request(attempt.method.parse().unwrap(), &attempt.target);
    for (name, value) in &attempt.headers {
        request = request.header(*name, value);
    }
    if let Some(body) = &attempt.body {
        request = request.header("content-type", "application/json").body(body.clone());
    }
    Seen::of(&client.send(request).await)
}

/// The content of globex's tables, except the day on which its tokens were last used.
async fn theirs(app: &TestApp) -> (Vec<Value>, Vec<Value>, Vec<Value>) {
    let tables = app.tables();
    (tables.events(THEIRS).await, tables.tokens(THEIRS).await, tables.streams(THEIRS).await)
}

#[tokio::test]
async fn no_attempt_learns_anything_about_another_workspace() {
    let (attempts, seed) = (chosen("ATTEMPTS", 2_000), chosen("SEED", 20_250_218));
    let app = TestApp::start().await;
    let globex = Globex::in_(&app).await;
    let description = app.client("").get("/api/openapi.json").await.expect(200).body;
    let routes = Template::parse(TEMPLATE).unwrap().api.routes;
    let mut generator =
        Generator::new(seed, &routes, &description, Callers::of(&app, &globex).await, &globex);
    let before = theirs(&app).await;
    assert!(before.0.len() > 10);

    let mut outcomes: BTreeMap<(String, u16), usize> = BTreeMap::new();
    let mut leaks = Vec::new();
    for number in 0..attempts {
        let [foreign, absent] = generator.attempt();
        let seen = [sent(&app, &foreign).await, sent(&app, &absent).await];
        *outcomes.entry((foreign.route.clone(), seen[0].status)).or_default() += 1;
        let found = judge([&foreign, &absent], &seen, &globex.secrets);
        leaks.extend(found.map(|leak| format!("attempt {number}: {leak}\n{foreign:?}\n{absent:?}")));
    }
    for ((route, status), count) in &outcomes {
        println!("{count:6}  {status}  {route}");
    }
    println!("{attempts} attempts with seed {seed}, {} leaks", leaks.len());
    assert!(leaks.is_empty(), "{}", leaks[..leaks.len().min(5)].join("\n\n"));
    assert!(theirs(&app).await == before, "something of globex was changed");
    if attempts >= 1_000 {
        assert!(
            routes.iter().all(|route: &local::template::Route| {
                outcomes.keys().any(|(name, _)| *name == format!("{} {}", route.method, route.path))
            }),
            "a route was never tried: {outcomes:?}"
        );
    }
}

#[tokio::test]
async fn a_leak_is_found() {
    let app = TestApp::start().await;
    let globex = Globex::in_(&app).await;
    // A caller with a token of globex reads it: for the judge, this is a leak on every route that discloses
    // data.
    for path in ["audit_logs", "audit_logs?format=csv", "audit_logs/feed", "ledger/entries/5"] {
        let pair = [thief(&globex, THEIRS, path), thief(&globex, NOBODYS, path)];
        let seen = [sent(&app, &pair[0]).await, sent(&app, &pair[1]).await];
        let found = judge([&pair[0], &pair[1]], &seen, &globex.secrets).expect(path);
        assert!(found.contains("a secret"), "{path}: {found}");
        // Without a secret in it, the difference alone is reported.
        let found = judge([&pair[0], &pair[1]], &seen, &[]).expect(path);
        assert!(found.contains("status"), "{path}: {found}");
    }
    judge::tests_itself();
}

fn thief(globex: &Globex, workspace: &str, path: &str) -> Attempt {
    Attempt {
        route: String::new(),
        method: "GET".to_owned(),
        target: format!("/api/{workspace}/{path}"),
        authorization: format!("Bearer {}", globex.bearer),
        headers: vec![],
        body: None,
        named: workspace.to_owned(),
    }
}

/// The `Authorization` header of a client of acme.
fn authorization(client: &Client) -> String {
    let request = client.request(reqwest::Method::GET, "/").build().unwrap();
    request.headers()["authorization"].to_str().unwrap().to_owned()
}
