//! The description as it is served, and the parts of it that were seen in answers.

use std::collections::BTreeSet;

use boon::{Compiler, Schemas};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tests::{Answer, TestApp};

/// The description, and the parts of it that were seen in answers.
pub(crate) struct Description {
    pub(crate) document: Value,
    compiler: Compiler,
    schemas: Schemas,
    /// `METHOD path status id`, with the id of a problem, or `gateway` for a refusal of the gateway.
    pub(crate) seen: BTreeSet<String>,
}

impl Description {
    pub(crate) async fn served_by(app: &TestApp) -> Self {
        let answer = app.client("").get("/api/openapi.json").await.expect(200);
        assert_eq!(answer.headers["content-type"], "application/json");
        let document = answer.body;
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource("document", document.clone()).unwrap();
        Self { document, compiler, schemas: Schemas::new(), seen: BTreeSet::new() }
    }

    /// Every method and path, with its description.
    pub(crate) fn operations(&self) -> Vec<(String, String, &Value)> {
        let paths = self.document["paths"].as_object().unwrap();
        let all: Vec<_> = paths
            .iter()
            .flat_map(|(path, item): (&String, &'_ Value)| {
                let methods = item.as_object().unwrap().keys().filter(|name| *name != "parameters");
                methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
            })
            .collect();
        all.into_iter()
            .map(|(method, path)| {
                let operation = &self.document["paths"][&path][method.to_lowercase()];
                (method, path, operation)
            })
            .collect()
    }

    /// Asserts that an answer has a described status, and the headers, content type and body that are described
    /// for it.
    #[track_caller]
    pub(crate) fn holds(&mut self, method: &str, path: &str, answer: &Answer) {
        let Answer { status, headers, text, body } = answer;
        let body = if body.is_null() { &json!(text) } else { body };
        self.holds_of(method, path, *status, headers, body);
    }

    #[track_caller]
    pub(crate) fn holds_of(
        &mut self,
        method: &str,
        path: &str,
        status: u16,
        headers: &HeaderMap,
        body: &Value,
    ) {
        let route = format!("{method} {path} {status}");
        let pointer =
            format!("/paths/{}/{}/responses/{status}", path.replace('/', "~1"), method.to_lowercase());
        let described =
            self.document.pointer(&pointer).unwrap_or_else(|| panic!("{route} is not described")).clone();
        let names =
            ["link", "x-next-cursor", "x-next-after", "x-has-more", "retry-after", "www-authenticate"];
        for name in names {
            let known = described["headers"].as_object().into_iter().flatten();
            let known = known.map(|(name, _)| name.to_lowercase()).any(|known| known == name);
            assert!(known || !headers.contains_key(name), "{route} has {name}");
        }
        let may_be_kept = headers.get("cache-control").is_some_and(|value| value != "no-store");
        assert!(!may_be_kept || described["headers"].get("Cache-Control").is_some(), "{route} may be kept");
        let Some(content_type) = headers.get("content-type") else {
            assert_eq!((described.get("content"), body), (None, &json!("")), "{route}");
            self.seen.insert(route);
            return;
        };
        let content_type = content_type.to_str().unwrap();
        assert!(described["content"].get(content_type).is_some(), "{route} as {content_type}");
        let schema = format!("document#{pointer}/content/{}/schema", content_type.replace('/', "~1"));
        let schema = self.compiler.compile(&schema, &mut self.schemas).unwrap();
        if let Err(error) = self.schemas.validate(body, schema) {
            panic!("{route}: {error:#}\n{body}");
        }
        let kind = match (content_type, status) {
            ("application/problem+json", _) => format!(" {}", body["id"].as_str().unwrap()),
            (_, 200..300) => String::new(),
            _ => " gateway".to_owned(),
        };
        self.seen.insert(format!("{route}{kind}"));
    }

    /// Everything that is described, in the form of `seen`.
    pub(crate) fn all(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for (method, path, operation) in self.operations() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let route = format!("{method} {path} {status}");
                let content = answer["content"].as_object();
                if content.is_none() || status.starts_with('2') {
                    all.insert(route.clone());
                }
                for (content_type, content) in
                    content.into_iter().flatten().filter(|_| !status.starts_with('2'))
                {
                    if content_type == "application/problem+json" {
                        let ids =
                            content["schema"]["allOf"][1]["properties"]["id"]["enum"].as_array().unwrap();
                        all.extend(ids.iter().map(|id| format!("{route} {}", id.as_str().unwrap())));
                    } else {
                        all.insert(format!("{route} gateway"));
                    }
                }
            }
        }
        all
    }
}
