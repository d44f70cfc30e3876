//! Attempts: the route, the caller, and the place of the foreign name.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fastrand::Rng;
use local::template::{Authorizer, Route};
use serde_json::{Value, json};
use tests::TestApp;

use super::{
    NOBODYS, THEIRS, authorization,
    globex::{Globex, Twins},
};

#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// The route as written in the template.
    pub(super) route: String,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) authorization: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
    /// The foreign name in the request, or its twin.
    pub(super) named: String,
}

/// The callers, by their `Authorization` headers: callers of acme, and callers without a right anywhere.
pub(super) struct Callers {
    tokens: Vec<String>,
    admins: Vec<String>,
    /// Combinations of valid credentials of acme and of globex.
    mixed: Vec<String>,
}

impl Callers {
    pub(super) async fn of(app: &TestApp, globex: &Globex) -> Self {
        let (reader, writer, both) =
            (app.reader("acme").await, app.writer("acme").await, app.holder_of_both("acme").await);
        let tokens = [&reader, &writer, &both].map(authorization).to_vec();
        let (id, secret) = globex.bearer.strip_prefix("alw_").unwrap().split_once('_').unwrap();
        let own = tokens[2].strip_prefix("Bearer alw_").unwrap().split_once('_').unwrap();
        let mixed = vec![
            basic(id, own.1),
            basic(own.0, secret),
            bearer(id, own.1),
            bearer(own.0, secret),
            authorization(&app.member("acme")),
            format!("Bearer {own}, Bearer {theirs}", own = &tokens[2][7..], theirs = globex.bearer),
            String::new(),
        ];
        Self { tokens, admins: vec![authorization(&app.admin("acme"))], mixed }
    }
}

fn bearer(id: &str, secret: &str) -> String {
    format!("Bearer alw_{id}_{secret}")
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

pub(super) struct Generator<'a> {
    random: Rng,
    routes: &'a [Route],
    description: &'a Value,
    callers: Callers,
    globex: &'a Globex,
}

impl<'a> Generator<'a> {
    pub(super) fn new(
        seed: u64,
        routes: &'a [Route],
        description: &'a Value,
        callers: Callers,
        globex: &'a Globex,
    ) -> Self {
        Self { random: Rng::with_seed(seed), routes, description, callers, globex }
    }

    /// An attempt to reach something of globex, and its twin for something that does not exist.
    pub(super) fn attempt(&mut self) -> [Attempt; 2] {
        let globex = self.globex;
        let route = &self.routes[self.random.usize(..self.routes.len())];
        let authorization = self.caller(route);
        // The place of the foreign name. A route without the chosen place gets it as the workspace in the path.
        let place = self.random.u8(..7);
        let query = self.parameters(route);
        let (named, whole) = match place {
            0 if route.path.contains("{token}") => (self.pick(&globex.tokens), None),
            0 if route.path.contains("{stream}") => (self.pick(&globex.streams), None),
            1 if query.contains(&"cursor".to_owned()) => {
                let cursor = self.pick(&globex.cursors);
                let more = ["", "&action=connection_created", "&order=asc"][self.random.usize(..3)];
                (cursor, Some(format!("cursor=[named]{more}")))
            }
            2 if !query.is_empty() => {
                let (name, twins) = &globex.known[self.random.usize(..globex.known.len())];
                match query.iter().any(|parameter| parameter == name) {
                    // It must not exist in acme either, so actors are excluded: acme's own reads have others.
                    true if *name == "entity_id" => {
                        (twins.clone(), Some("entity_type=connection&entity_id=[named]".into()))
                    }
                    true => (twins.clone(), Some(format!("{name}=[named]"))),
                    false => (self.workspaces(), None),
                }
            }
            3 => {
                let name =
                    ["workspace", "workspace_username", "token", "tenant", "scopes"][self.random.usize(..5)];
                (self.workspaces(), Some(format!("{name}=[named]")))
            }
            _ => (self.workspaces(), None),
        };
        let in_body = route.method == "POST" && self.random.bool();
        let key = (place == 4 && in_body).then(|| &globex.keys[self.random.usize(..globex.keys.len())]);
        let named = key.map_or(named, |(twins, _)| twins.clone());
        let own_path = key.is_some() || whole.is_some() || place == 0 || (in_body && self.random.bool());
        let names_own = route.path.contains("{token}") || route.path.contains("{stream}");
        let own = own_path && (whole.is_some() || in_body || names_own);
        let body = (route.method == "POST").then(|| self.body(route, in_body, key, own));
        let target = self.path(route, own);
        let query = whole.or_else(|| self.random.bool().then(|| self.harmless(&query)).flatten());
        let target = query.map_or(target.clone(), |query| format!("{target}?{query}"));
        let headers = self.headers();
        let attempt = |named: String| Attempt {
            route: format!("{} {}", route.method, route.path),
            method: route.method.clone(),
            target: target.replace("[named]", &named),
            authorization: authorization.clone(),
            headers: headers.iter().map(|(name, value)| (*name, value.replace("[named]", &named))).collect(),
            body: body.as_ref().map(|body| body.replace("[named]", &named)),
            named,
        };
        [attempt(named.0), attempt(named.1)]
    }

    fn pick(&mut self, of: &[Twins]) -> Twins {
        of[self.random.usize(..of.len())].clone()
    }

    /// The workspace in one of the spellings that a path allows.
    fn workspaces(&mut self) -> Twins {
        let written: fn(&str) -> String = match self.random.u8(..8) {
            0 => |name| name.to_uppercase(),
            1 => |name| format!("%67{}", &name[1..]),
            2 => |name| format!("acme%2F..%2F{name}"),
            3 => |name| format!("{name}%23"),
            _ => str::to_owned,
        };
        (written(THEIRS), written(NOBODYS))
    }

    /// Mostly a caller that the route admits; otherwise one of the others.
    fn caller(&mut self, route: &Route) -> String {
        let Callers { tokens, admins, mixed } = &self.callers;
        let fitting = if route.authorizer == Authorizer::Jwt { admins } else { tokens };
        let among = match self.random.u8(..10) {
            0 => mixed,
            1 => tokens,
            2 => admins,
            _ => fitting,
        };
        among[self.random.usize(..among.len())].clone()
    }

    /// The query parameters of a route in the description.
    fn parameters(&self, route: &Route) -> Vec<String> {
        let path = &self.description["paths"][route.path.replace("+}", "}")];
        let listed =
            [list_of(&path["parameters"]), list_of(&path[route.method.to_lowercase()]["parameters"])]
                .concat();
        let named = listed.iter().filter(|parameter| parameter["in"] == "query");
        named.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect()
    }

    /// A query without any foreign name. `wait` is left out because it only takes time.
    fn harmless(&mut self, names: &[String]) -> Option<String> {
        let names: Vec<_> = names.iter().filter(|name| *name != "wait").collect();
        let name = names.get(self.random.usize(..names.len().max(1)))?.as_str();
        let value = match name {
            "start_timestamp" | "end_timestamp" => "2025-02-18T10:00:00Z",
            "action" => "connection_created",
            "category" => "workspace_connections",
            "outcome" => "success",
            "order" => "asc",
            "format" => ["json", "ndjson", "csv", "ocsf"][self.random.usize(..4)],
            _ => "1",
        };
        Some(format!("{name}={value}"))
    }

    /// The path, with the foreign name as the workspace, or as a later part under the caller's own workspace.
    fn path(&mut self, route: &Route, own: bool) -> String {
        let tiles = ["0/000", "entries/000", "0/000.p/21", "entries/000.p/20", "1/000", "entries/000.p/1"];
        let workspace = if own { "acme" } else { "[named]" };
        let token = if own { "[named]" } else { &self.globex.tokens[0].0 };
        let stream = if own { "[named]" } else { &self.globex.streams[0].0 };
        let segments = route.path.split('/').map(|segment| match segment {
            "{workspace}" => workspace.to_owned(),
            "{token}" => token.to_owned(),
            "{stream}" => stream.to_owned(),
            "{tile+}" => tiles[self.random.usize(..tiles.len())].to_owned(),
            "{sequence}" => self.random.u64(..25).to_string(),
            other if other.starts_with('{') => "[named]".to_owned(),
            other => other.to_owned(),
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// A body for the route, with a foreign name in it or not.
    fn body(&mut self, route: &Route, foreign: bool, key: Option<&(Twins, String)>, own: bool) -> String {
        let mut body = match (route.path.rsplit('/').next(), key) {
            // The key of a foreign event: an answer that the key is taken would reveal that the event exists.
            (Some("audit_logs"), Some((_, timestamp))) => {
                return json!({
                    "id": "[named]", "timestamp": timestamp,
                    "action": "connection_created", "actor": {"user_id": "u1"},
                })
                .to_string();
            }
            (Some("audit_logs"), None) => json!({"action": "connection_created", "actor": {"user_id": "u1"}}),
            // In the caller's own workspace it would create tokens until there are too many.
            (Some("tokens"), _) if own => json!({"name": "mine", "expires_at": "2000-01-01T00:00:00Z"}),
            (Some("tokens"), _) => json!({"name": "mine", "scopes": ["audit_log:read"]}),
            (Some("streams"), _) if own => json!({"name": "mine"}),
            (Some("streams"), _) => {
                json!({"name": "mine", "destination": {"type": "webhook", "url": "https://siem.example.com"}})
            }
            (Some("replay"), _) => json!({"from": 0}),
            (Some("redactions"), Some(_)) => return json!({"actor": "[named]"}).to_string(),
            (Some("redactions"), None) => json!({"sequences": [self.random.u64(..20)]}),
            _ => json!({}),
        };
        if foreign || key.is_some() {
            let names = ["workspace", "workspace_username", "partition", "token"];
            body[names[self.random.usize(..names.len())]] = json!("[named]");
        }
        match route.path.ends_with("/audit_logs") && self.random.u8(..4) == 0 {
            true => json!({"events": [body.clone(), body]}).to_string(),
            false => body.to_string(),
        }
    }

    /// Headers that name a workspace, which the service must not believe.
    fn headers(&mut self) -> Vec<(&'static str, String)> {
        let names =
            ["x-workspace", "x-amz-authorizer-workspace", "x-forwarded-host", "x-original-url", "cookie"];
        let named = self.random.u8(..4) == 0;
        let header = (names[self.random.usize(..names.len())], "[named]".to_owned());
        named.then_some(header).into_iter().collect()
    }
}

fn list_of(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}
