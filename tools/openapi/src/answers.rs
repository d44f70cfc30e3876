//! The answers: of the functions, for success and failure, and of API Gateway itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::{
    http::{self, Request},
    model::error::Error,
};

use crate::reference;

/// The answers of a route, by status.
#[derive(Default)]
pub(crate) struct Answers(BTreeMap<u16, Answer>);

#[derive(Default)]
struct Answer {
    descriptions: Vec<String>,
    headers: Value,
    content: Value,
    links: Value,
}

/// The body of API Gateway's own refusals.
pub(crate) fn gateway_refusal() -> Value {
    json!({
        "type": "object",
        "description": "What API Gateway says where it does not ask a function, or gets no answer from it.",
        "required": ["message"],
        "properties": {"message": {"type": "string", "description": "The name of the status."}},
    })
}

impl Answers {
    /// JSON with the schema of this name.
    pub(crate) fn json(self, status: u16, description: &str, schema: &str, example: Value) -> Self {
        self.content(status, description, "application/json", reference(schema), example)
    }

    /// A body of any content type.
    pub(crate) fn content(
        mut self,
        status: u16,
        description: &str,
        content_type: &str,
        schema: Value,
        example: Value,
    ) -> Self {
        let answer = self.describe(status, description);
        answer.content[content_type] = json!({"schema": schema, "example": example});
        self
    }

    /// No body.
    pub(crate) fn nothing(mut self, status: u16, description: &str) -> Self {
        self.describe(status, description);
        self
    }

    /// A body of bytes, which JSON Schema cannot describe.
    pub(crate) fn bytes(mut self, status: u16, description: &str, content_type: &str) -> Self {
        self.describe(status, description).content[content_type] = json!({"schema": {}});
        self
    }

    /// A header that an answer may have.
    pub(crate) fn header(self, status: u16, name: &str, description: &str) -> Self {
        self.header_of(status, name, description, json!({"type": "string"}))
    }

    /// A header with a schema of its own.
    pub(crate) fn header_of(mut self, status: u16, name: &str, description: &str, schema: Value) -> Self {
        self.0.entry(status).or_default().headers[name] =
            json!({"description": description, "schema": schema});
        self
    }

    /// The use of the answer in further requests.
    pub(crate) fn link(mut self, status: u16, name: &str, link: Value) -> Self {
        self.0.entry(status).or_default().links[name] = link;
        self
    }

    /// The problems for these errors, as the functions answer them.
    pub(crate) fn problems(mut self, errors: Vec<Error>) -> Self {
        for error in errors {
            let response = http::respond(&request(), Err(error));
            let (status, headers) = (response.status(), response.headers());
            let problem: Value =
                serde_json::from_str(response.text().expect("a problem is text")).expect("a problem is JSON");
            let title = problem["title"].as_str().unwrap_or_default().to_owned();
            let content_type = headers["content-type"].to_str().unwrap_or_default().to_owned();

            let answer = self.describe(status, &title);
            if headers.contains_key("retry-after") {
                answer.headers["Retry-After"] = json!({
                    "description": "After how many seconds to try again.",
                    "schema": {"type": "integer"},
                });
            }
            let content = &mut answer.content[content_type];
            if content.is_null() {
                let narrowed = json!({"properties": {"id": {"enum": []}, "status": {"const": status}}});
                *content = json!({"schema": {"allOf": [reference("Problem"), narrowed]}, "examples": {}});
            }
            if let Value::Array(ids) = &mut content["schema"]["allOf"][1]["properties"]["id"]["enum"]
                && !ids.contains(&problem["id"])
            {
                ids.push(problem["id"].clone());
            }
            content["examples"][key(&title)] = json!({"summary": title, "value": problem});
        }
        self
    }

    /// The refusals of API Gateway that are possible on every route.
    pub(crate) fn gateway(self) -> Self {
        self.nothing(414, "The URL is too long")
            .refusal(429, "Too Many Requests", "API Gateway takes no more requests for the moment")
            .refusal(500, "Internal Server Error", "A function failed")
            .refusal(503, "Service Unavailable", "API Gateway got no answer from a function")
    }

    /// One refusal of API Gateway itself.
    pub(crate) fn refusal(self, status: u16, message: &str, description: &str) -> Self {
        self.json(status, description, "GatewayRefusal", json!({"message": message}))
    }

    /// Adds members to the problems of a status.
    pub(crate) fn problem_with(mut self, status: u16, properties: Value) -> Self {
        let answer = self.0.entry(status).or_default();
        if let Some(Value::Array(parts)) =
            answer.content.pointer_mut("/application~1problem+json/schema/allOf")
        {
            parts.push(json!({"properties": properties}));
        }
        self
    }

    /// The answers in the form of a description.
    pub(crate) fn into_json(self) -> Value {
        let answers = self.0.into_iter().map(|(status, Answer { descriptions, headers, content, links })| {
            let mut answer = json!({"description": format!("{}.", descriptions.join(". "))});
            for (name, part) in [("headers", headers), ("content", content), ("links", links)] {
                if !part.is_null() {
                    answer[name] = part;
                }
            }
            (status.to_string(), answer)
        });
        Value::Object(answers.collect())
    }

    fn describe(&mut self, status: u16, description: &str) -> &mut Answer {
        let answer = self.0.entry(status).or_default();
        if !answer.descriptions.iter().any(|known| known == description) {
            answer.descriptions.push(description.to_owned());
        }
        answer
    }
}

/// A request of the examples.
fn request() -> Request {
    let event = json!({
        "version": "2.0",
        "headers": {},
        "requestContext": {"requestId": "JKJaXmPLvHcESHA=", "http": {"method": "GET"}},
        "isBase64Encoded": false,
    });
    Request::from(lambda_http::request::from_str(&event.to_string()).expect("a request of API Gateway"))
}

/// A title as the key of an example.
fn key(title: &str) -> String {
    title.to_lowercase().replace(|character: char| !character.is_ascii_alphanumeric(), "_")
}
