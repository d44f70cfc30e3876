"""Puts each event of a request, or of a batch of the queue, into a table, as boto3's documentation shows."""

import json

import boto3

table = boto3.client("dynamodb")


def handle(event, context):
    if "Records" in event:
        events = [json.loads(record["body"])["detail"] for record in event["Records"]]
    else:
        body = json.loads(event["body"])
        events = body.get("events", [body])
    for item in events:
        entity = item["entity"]
        table.put_item(
            TableName="AuditEvents",
            Item={
                "workspace": {"S": "acme"},
                "timestamp": {"S": f"{item['timestamp']}#{item['id']}"},
                "id": {"S": item["id"]},
                "action": {"S": item["action"]},
                "actor_id": {"S": item["actor"]["user_id"]},
                "actor": {"S": json.dumps(item["actor"])},
                "entity_type": {"S": entity["entity_type"]},
                "entity_id": {"S": entity["entity_id"]},
                "entity": {"S": json.dumps(entity)},
                "context": {"S": json.dumps(item["context"])},
            },
            ConditionExpression="attribute_not_exists(#timestamp)",
            ExpressionAttributeNames={"#timestamp": "timestamp"},
        )
    if "Records" in event:
        return {"batchItemFailures": []}
    return {"statusCode": 201, "body": json.dumps({"recorded": len(events)})}
