// Puts audit events on the bus with the AWS SDK for JavaScript, and again what EventBridge did not take.
//
//   npm install
//   AUDIT_BUS=audit-logs AWS_ENDPOINT_URL_EVENTBRIDGE=http://127.0.0.1:9000 node put-events.mjs acme
//
// Without AWS_ENDPOINT_URL_EVENTBRIDGE it is AWS's own bus, with the credentials that the SDK finds.

import { randomUUID } from "node:crypto";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";

const MOST_ENTRIES = 10; // that a call of PutEvents takes

/** An event with an id and a time of its own, so that it may be put twice and is recorded once. */
function auditEvent(workspace, action, actor, more = {}) {
  return { workspace_username: workspace, id: randomUUID(), timestamp: new Date().toISOString(), action, actor, ...more };
}

/** Puts all events, or throws if some are not taken after so many tries. */
async function put(client, bus, auditEvents, tries = 5) {
  let entries = auditEvents.map((event) => ({
    EventBusName: bus, Source: "my.product", DetailType: "audit", Detail: JSON.stringify(event),
  }));
  for (let tried = 0; tried < tries; tried += 1) {
    const failed = [];
    for (let begin = 0; begin < entries.length; begin += MOST_ENTRIES) {
      const batch = entries.slice(begin, begin + MOST_ENTRIES);
      const { Entries: results } = await client.send(new PutEventsCommand({ Entries: batch }));
      failed.push(...batch.filter((_, index) => results[index].ErrorCode));
    }
    if (failed.length === 0) return;
    entries = failed;
  }
  throw new Error(`${entries.length} events were not taken`);
}

const workspace = process.argv[2];
const actor = { user_id: "u1", username: "peter_parker", ip: "192.0.2.7" };
const group = { entity_type: "group", entity_id: "g1", entity_name: "Spiders" };
const events = [
  auditEvent(workspace, "group_created", actor, { entity: group }),
  ...Array.from({ length: 12 }, (_, number) =>
    auditEvent(workspace, "group_member_added", actor, { entity: group, context: { member_id: `u${number + 2}` } })),
];
await put(new EventBridgeClient({}), process.env.AUDIT_BUS ?? "audit-logs", events);
for (const { id } of events) console.log(id);
