//! Puts each event of a request, or of a batch of the queue, into a table, as the SDK's documentation shows.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_from_env().await;
    let client = Client::new(&config);
    run(service_fn(|event| handle(&client, event))).await
}

async fn handle(client: &Client, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let events: Vec<Value> = match event.payload["Records"].as_array() {
        Some(records) => records
            .iter()
            .map(|record| {
                let body: Value = serde_json::from_str(record["body"].as_str().unwrap_or_default())?;
                Ok(body["detail"].clone())
            })
            .collect::<Result<_, Error>>()?,
        None => {
            let body: Value = serde_json::from_str(event.payload["body"].as_str().unwrap_or_default())?;
            match body["events"].as_array() {
                Some(events) => events.clone(),
                None => vec![body],
            }
        }
    };
    for event in &events {
        client
            .put_item()
            .table_name("AuditEvents")
            .item("workspace", AttributeValue::S("acme".to_owned()))
            .item(
                "timestamp",
                AttributeValue::S(format!(
                    "{}#{}",
                    event["timestamp"].as_str().unwrap_or_default(),
                    event["id"].as_str().unwrap_or_default()
                )),
            )
            .item("id", text(&event["id"]))
            .item("action", text(&event["action"]))
            .item("actor_id", text(&event["actor"]["user_id"]))
            .item("actor", AttributeValue::S(event["actor"].to_string()))
            .item("entity_type", text(&event["entity"]["entity_type"]))
            .item("entity_id", text(&event["entity"]["entity_id"]))
            .item("entity", AttributeValue::S(event["entity"].to_string()))
            .item("context", AttributeValue::S(event["context"].to_string()))
            .condition_expression("attribute_not_exists(#timestamp)")
            .expression_attribute_names("#timestamp", "timestamp")
            .send()
            .await?;
    }
    if event.payload["Records"].is_array() {
        return Ok(json!({"batchItemFailures": []}));
    }
    Ok(json!({"statusCode": 201, "body": json!({"recorded": events.len()}).to_string()}))
}

fn text(value: &Value) -> AttributeValue { AttributeValue::S(value.as_str().unwrap_or_default().to_owned()) }
