//! Streams for people and for programs.

use console::Style;
use serde_json::Value;

use crate::{
    error::Error,
    output::{Output, Shape},
    table::{Column, Layout},
    terminal::safe_line,
};

const MEMBERS: [&str; 8] =
    ["stream", "name", "destination", "state", "next", "lag", "delivered_at", "last_problem"];
const COLUMNS: [Column; 7] = [
    ("STREAM", 16),
    ("NAME", 8),
    ("DESTINATION", 10),
    ("STATE", 7),
    ("NEXT", 4),
    ("LAG", 3),
    ("LAST PROBLEM", 12),
];
const STATE: usize = 3;

/// Writes all streams.
pub(super) fn list(answer: &Value, shape: Shape) -> Result<(), Error> {
    let streams = answer["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut output = Output::new();
    match shape {
        Shape::Json => output.json(answer),
        Shape::Ndjson => output.ndjson(streams),
        Shape::Csv => {
            let records: Vec<_> = streams.iter().map(|stream| fields(stream).to_vec()).collect();
            output.csv(&MEMBERS, &records)
        }
        Shape::Table => {
            let rows: Vec<_> = streams.iter().map(row).collect();
            let layout = Layout::of(&COLUMNS, &rows, output.width());
            output.text(&layout.heading())?;
            rows.iter().try_for_each(|row| {
                let style = if row[STATE] == "active" { Style::new() } else { Style::new().bold() };
                output.text(&layout.line(row, &style))
            })
        }
    }
}

fn fields(stream: &Value) -> [String; 8] {
    let status = &stream["status"];
    [
        text(&stream["stream"]),
        text(&stream["name"]),
        text(&stream["destination"]["type"]),
        text(&status["state"]),
        text(&status["next"]),
        text(&status["lag"]),
        text(&status["delivered_at"]),
        text(&status["last_problem"]["code"]),
    ]
}

fn row(stream: &Value) -> [String; 7] {
    let [id, name, destination, state, next, lag, _, problem] = fields(stream);
    [id, name, destination, state, next, lag, problem]
}

/// A stream for people.
pub(super) fn lines(stream: &Value) -> String {
    let status = &stream["status"];
    let list = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(" ");
    let mut lines = vec![
        ("stream", text(&stream["stream"])),
        ("name", text(&stream["name"])),
        ("destination", members(&stream["destination"])),
        ("format", text(&stream["format"])),
        ("filter", or(members(&stream["filter"]), "all events")),
        ("mask", or(list(&stream["mask"]), "nothing")),
        ("state", state(status)),
        ("next", format!("{}, {} behind", text(&status["next"]), text(&status["lag"]))),
        ("delivered", delivered(status)),
        ("last problem", or(problem(&status["last_problem"]), "none")),
        ("last test", test(status)),
    ];
    if let Some(until) = stream["previous_secret_until"].as_str() {
        lines.push(("old secret", format!("signs as well until {until}")));
    }
    if let Some(secret) = stream["secret"].as_str() {
        lines.push(("secret", secret.to_owned()));
    }
    lines.iter().map(|(name, text)| format!("{name:<12}  {}\n", safe_line(text))).collect()
}

fn state(status: &Value) -> String {
    let state = text(&status["state"]);
    let paused = &status["paused"];
    if paused.is_object() {
        let by = paused["by"].as_str().unwrap_or("the service, which gave up");
        let reason = paused["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
        return format!("{state} since {} by {by}{reason}", text(&paused["at"]));
    }
    match status["failing_since"].as_str() {
        Some(since) => {
            let (attempts, retry_at) = (text(&status["attempts"]), text(&status["retry_at"]));
            format!("{state} since {since}, tried {attempts} times, again at {retry_at}")
        }
        None => state,
    }
}

fn delivered(status: &Value) -> String {
    match status["delivered_at"].as_str() {
        Some(at) => format!("{} events, the last at {at}", text(&status["delivered"])),
        None => "nothing yet".to_owned(),
    }
}

fn test(status: &Value) -> String {
    if let Some(at) = status["test_requested_at"].as_str() {
        return format!("asked for at {at}");
    }
    let test = &status["last_test"];
    match (test.is_object(), problem(&test["problem"])) {
        (false, _) => "none".to_owned(),
        (true, problem) if problem.is_empty() => format!("taken at {}", text(&test["done_at"])),
        (true, problem) => format!("failed: {problem}"),
    }
}

fn problem(problem: &Value) -> String {
    match problem.is_object() {
        true => {
            format!("{} at {}: {}", text(&problem["code"]), text(&problem["at"]), text(&problem["detail"]))
        }
        false => String::new(),
    }
}

/// The members of an object in one line.
fn members(object: &Value) -> String {
    let member = |(name, value): (&String, &Value)| match value {
        Value::Array(list) => format!("{name}={}", list.iter().map(text).collect::<Vec<_>>().join(",")),
        value => format!("{name}={}", text(value)),
    };
    object.as_object().into_iter().flatten().map(member).collect::<Vec<_>>().join(" ")
}

fn or(text: String, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
