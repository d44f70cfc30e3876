// Puts each event of a request, or of a batch of the queue, into a table, as the SDK's documentation shows.

import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";

const client = new DynamoDBClient({});

export async function handle(event) {
  const body = event.Records ? null : JSON.parse(event.body);
  const events = event.Records
    ? event.Records.map((record) => JSON.parse(record.body).detail)
    : (body.events ?? [body]);
  for (const item of events) {
    await client.send(
      new PutItemCommand({
        TableName: "AuditEvents",
        Item: {
          workspace: { S: "acme" },
          timestamp: { S: `${item.timestamp}#${item.id}` },
          id: { S: item.id },
          action: { S: item.action },
          actor_id: { S: item.actor.user_id },
          actor: { S: JSON.stringify(item.actor) },
          entity_type: { S: item.entity.entity_type },
          entity_id: { S: item.entity.entity_id },
          entity: { S: JSON.stringify(item.entity) },
          context: { S: JSON.stringify(item.context) },
        },
        ConditionExpression: "attribute_not_exists(#timestamp)",
        ExpressionAttributeNames: { "#timestamp": "timestamp" },
      }),
    );
  }
  return event.Records
    ? { batchItemFailures: [] }
    : { statusCode: 201, body: JSON.stringify({ recorded: events.length }) };
}
