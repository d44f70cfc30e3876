//! The time of a warm invocation, compared with the peers and with the engine's own time.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use fastrand::Rng;
use serde_json::json;

use crate::{
    Result,
    cold::first_of,
    events,
    payloads::Payloads,
    programs::Programs,
    report::{Chart, Report, Table, number, percentiles},
    stage::{Stage, invoke},
    stub::Endpoint,
};

/// The measured invocations of each program, and the turns that they are divided into.
const INVOCATIONS: usize = 300;
const TURNS: usize = 5;

pub(crate) async fn run(programs: Programs) -> Result<Report> {
    let peers = programs.peers()?;
    let stage = Stage::set(programs).await?;
    let mut contestants: Vec<_> =
        stage.programs.functions().filter(|program| program.name != "sealer").collect();
    contestants.extend(peers);
    let mut report = Report::of("warm");
    let progress = crate::progress("invoking", 2 * contestants.len() * INVOCATIONS)?;
    for (place, endpoint) in [("stub", &stage.stub.https), ("engine", &stage.engine)] {
        let mut table = Table::new(["program", "p50, ms", "p99, ms", "CPU, ms"]);
        let mut payloads = Payloads::new()?;
        // After the numbers that the stub learned from, which the engine has already.
        payloads.skip(1_000);
        let mut running = Vec::new();
        for program in &contestants {
            let instance = stage.start(program, endpoint).await?;
            for _ in 0..20 {
                invoke(&instance, &first_of(program, &mut payloads)?).await?;
            }
            running.push((program, instance, Vec::new(), Duration::ZERO));
        }
        let mut own = Vec::new();
        for _ in 0..TURNS {
            for (program, instance, taken, cpu) in &mut running {
                let before = instance.cpu_time()?;
                for _ in 0..INVOCATIONS / TURNS {
                    let answer = invoke(instance, &first_of(program, &mut payloads)?).await?;
                    taken.push(answer.took.as_secs_f64() * 1e3);
                    progress.inc(1);
                }
                *cpu += instance.cpu_time()? - before;
            }
            if place == "engine" {
                let (endpoint, turn) = (stage.engine.clone(), own.len());
                own.extend(tokio::task::spawn_blocking(move || puts(&endpoint, turn)).await??);
            }
        }
        let mut bars = Vec::new();
        for (program, _, taken, cpu) in running {
            let (p50, p99) = percentiles(taken);
            #[expect(clippy::cast_precision_loss, reason = "there are some hundreds")]
            let cpu = cpu.as_secs_f64() * 1e3 / INVOCATIONS as f64;
            for (figure, value) in [("p50_ms", p50), ("p99_ms", p99), ("cpu_ms", cpu)] {
                report.figure(format!("{figure}.{place}.{}", program.name), value);
            }
            table.row([program.name.to_owned(), number(p50), number(p99), number(cpu)]);
            bars.push((program.name.to_owned(), p50));
        }
        match place {
            "stub" => report.say(format!(
                "{INVOCATIONS} invocations of one event, or of the sample, over TLS to the stub:"
            )),
            _ => {
                let (p50, p99) = percentiles(std::mem::take(&mut own));
                report.figure("p50_ms.engine.itself", p50);
                table.row(["the engine's own put".to_owned(), number(p50), number(p99), String::new()]);
                bars.push(("engine's own put".to_owned(), p50));
                report.say("The same over plain HTTP to the embedded engine, whose own put of the same event is the last row:");
            }
        }
        report.say(table);
        report.charts.push(Chart { title: format!("warm p50 over the {place}"), unit: "ms", bars });
    }
    progress.finish_and_clear();
    let own = report.figures["warm.p50_ms.engine.itself"];
    let mut ratios = Table::new(["program", "p50 / the engine's own"]);
    for (program, figure) in [
        ("ingest-api", "ingest_api"),
        ("sdk-defaults", "sdk_defaults"),
        ("python-boto3", "python"),
        ("node-sdk", "node"),
    ] {
        let ratio = report.figures[&format!("warm.p50_ms.engine.{program}")] / own;
        report.figure(format!("over_engine.{figure}"), ratio);
        ratios.row([program.to_owned(), number(ratio)]);
    }
    report.say(ratios);
    stage.strike().await;
    Ok(report)
}

/// The engine's time for a put in ms, with one connection and only the raw bytes.
fn puts(engine: &Endpoint, turn: usize) -> Result<Vec<f64>> {
    let address = engine.url.strip_prefix("http://").ok_or("the engine speaks plain HTTP")?;
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut taken = Vec::new();
    for number in 0..INVOCATIONS / TURNS {
        let event = events::sent(turn + number, &mut Rng::with_seed(1));
        let timestamp = event["timestamp"].as_str().unwrap_or_default();
        let body = json!({
            "TableName": "AuditEvents",
            "Item": {
                "workspace": {"S": "engine"}, "timestamp": {"S": format!("{timestamp}#{turn}-{number}")},
                "received_at": {"N": "1739875657000000"}, "action": {"S": event["action"]},
                "actor_id": {"S": event["actor"]["user_id"]}, "entity_type": {"S": event["entity"]["entity_type"]},
                "entity_id": {"S": event["entity"]["entity_id"]},
                "actor": text(&event, "actor"), "entity_name": {"S": event["entity"]["entity_name"]}, "context": text(&event, "context"),
            },
            "ConditionExpression": "attribute_not_exists(#timestamp)",
            "ExpressionAttributeNames": {"#timestamp": "timestamp"},
            "ReturnConsumedCapacity": "INDEXES",
        })
        .to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-amz-json-1.0\r\nx-amz-target: \
             DynamoDB_20120810.PutItem\r\nauthorization: AWS4-HMAC-SHA256 Credential=local/20250218/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host, Signature=none\r\nx-amz-date: 20250218T104737Z\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let began = Instant::now();
        stream.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            stream.read_line(&mut head)?;
        }
        let length = head
            .to_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        stream.read_exact(&mut vec![0; length.unwrap_or(0)])?;
        taken.push(began.elapsed().as_secs_f64() * 1e3);
        if !head.starts_with("HTTP/1.1 200") {
            return Err(format!("the engine answered: {head}").into());
        }
    }
    Ok(taken)
}

fn text(event: &serde_json::Value, name: &str) -> serde_json::Value {
    json!({"S": event[name].to_string()})
}
