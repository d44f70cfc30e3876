// Writes the leaf of each event of an export, one a line, by the npm package canonicalize and docs/ledger.md.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import canonicalize from "canonicalize";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
for (const line of readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean)) {
  const event = JSON.parse(line);
  const seed = Buffer.from(event.salt, "base64url");
  const { id, action, timestamp, received_at, outcome, workspace_username: workspace } = event;
  const leaf = { version: 1, workspace, id, action, timestamp, received_at, outcome };
  for (const part of ["actor", "changes", "context", "description", "entity"]) {
    const salt = sha256(Buffer.concat([seed, Buffer.from(part)])).subarray(0, 16).toString("base64url");
    const disclosure = Buffer.from(canonicalize([salt, part, event[part]])).toString("base64url");
    leaf[part] = sha256(disclosure).toString("base64url");
  }
  console.log(canonicalize(leaf));
}
