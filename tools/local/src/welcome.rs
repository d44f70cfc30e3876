//! The text after the start: commands to copy, one for each main task.

use std::fmt::Write as _;

use crate::{Storage, System};

/// The text for a whole system.
pub(crate) fn text(system: &System, storage: &Storage) -> String {
    let credentials = system.credentials();
    let (endpoint, workspace) = (system.endpoint(), &credentials.workspace);
    let kept = match storage {
        Storage::Memory => "in memory; it ends with this process".to_owned(),
        Storage::Directory(path) => {
            let file = path.join("credentials.json");
            format!("{}; keys and tokens are in {}", path.display(), file.display())
        }
    };
    let mut text = format!(
        "\
Audit Logs is running, for this machine only. Ctrl-C ends it.

  The page            {endpoint}/#/{workspace}
  API and event bus   {endpoint}
  Tables (DynamoDB)   {tables}
  Data                {kept}

Every command below can be pasted as it is. Only TOKEN, once, is for you to fill in.
",
        tables = system.dynamodb_endpoint(),
    );
    let mut section = |title: &str, command: &str| {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{title}\n{command}\n");
    };
    let logs = format!("{endpoint}/api/{workspace}/audit_logs");
    if let (Some(token), Some(secret)) = (&credentials.token.token, &credentials.token.secret) {
        reading(&mut section, &logs, &format!("{token}:{secret}"));
    }
    section(
        "Put an event on the bus, as any product on AWS does (AWS CLI):",
        &put_events(endpoint, system.bus_name(), workspace),
    );
    section("The same in Python (boto3):", &boto3(endpoint, system.bus_name(), workspace));
    tokens(&mut section, endpoint, workspace, &credentials.admin_jwt);
    section(
        "What needs no token: the 50 actions, the JSON Schema of an event, the API in OpenAPI, and whether it is alive:",
        &["actions", "schema", "openapi.json", "health"]
            .map(|route| format!("  curl {endpoint}/api/{route}"))
            .join("\n"),
    );
    section(
        "Look into the tables themselves:",
        &format!(
            "  {AWS_KEYS} aws dynamodb scan --table-name AuditEvents --max-items 3 \\\n    --endpoint-url {} --region us-east-1",
            system.dynamodb_endpoint()
        ),
    );
    section("How the queue behind the bus is doing:", &format!("  curl {endpoint}/_local/status"));
    text
}

/// The text for the tables alone.
pub(crate) fn tables(endpoint: &str) -> String {
    format!(
        "\
The tables are served at {endpoint}, for this machine only. Ctrl-C ends it.

In another terminal, tell the functions where they are (they need no keys for it), and run them:
  export DYNAMODB_ENDPOINT={endpoint}
  cargo lambda watch --invoke-address 127.0.0.1 --invoke-port 9001
  cargo lambda invoke --invoke-address 127.0.0.1 --invoke-port 9001 query --data-file events/query-list.json"
    )
}

/// The engine takes any keys, but a client must have some.
const AWS_KEYS: &str = "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local";

fn reading(section: &mut impl FnMut(&str, &str), logs: &str, basic: &str) {
    let now = jiff::Timestamp::now();
    let (start, end) = (day(now, 7), day(now, -1));
    section(
        "Read the audit log of a time, with the token and its secret as user and password:",
        &format!("  curl -u {basic} \\\n    '{logs}?start_timestamp={start}&end_timestamp={end}&limit=5'"),
    );
    section(
        "Only some actions, oldest first:",
        &format!(
            "  curl -u {basic} \\\n    '{logs}?action=org_user_invited,org_user_role_changed&order=asc'"
        ),
    );
    section(
        "Page after page: has_more says whether there is one, next_cursor leads to it:",
        &format!(
            "  next=$(curl -s -u {basic} '{logs}?limit=5' | sed 's/.*\"next_cursor\":\"\\([^\"]*\\)\".*/\\1/')\n  \
         curl -u {basic} \"{logs}?limit=5&cursor=$next\""
        ),
    );
    section(
        "The feed: sealed events by sequence, complete and final; next_after leads on, wait lets it wait for more:",
        &format!("  curl -u {basic} '{logs}/feed?after=-1&limit=5&wait=10'"),
    );
    let ledger = format!("{}/ledger", logs.trim_end_matches("/audit_logs"));
    section(
        "What proves it: the signed root of the log, and one event with its proof:",
        &format!("  curl -u {basic} {ledger}/checkpoint\n  curl -u {basic} {ledger}/entries/3"),
    );
    section(
        "Record an event over HTTPS. Sent twice with the same id and timestamp, it is recorded once:",
        &format!(
            "  curl -u {basic} -H 'Content-Type: application/json' {logs} \\\n    \
         -d '{{\"id\":\"my-1\",\"timestamp\":\"{}\",\"action\":\"group_created\",\"actor\":{{\"user_id\":\"u1\"}}}}'",
            now.strftime("%Y-%m-%dT%H:%M:%SZ")
        ),
    );
}

fn day(now: jiff::Timestamp, ago: i64) -> String {
    (now - jiff::SignedDuration::from_hours(24 * ago)).strftime("%Y-%m-%dT00:00:00Z").to_string()
}

fn put_events(endpoint: &str, bus: &str, workspace: &str) -> String {
    let detail = detail(workspace).replace('"', "\\\"");
    format!(
        "  {AWS_KEYS} aws events put-events --endpoint-url {endpoint} --region us-east-1 \\\n    \
         --entries '[{{\"EventBusName\":\"{bus}\",\"Source\":\"my.product\",\"DetailType\":\"audit\",\"Detail\":\"{detail}\"}}]'"
    )
}

fn boto3(endpoint: &str, bus: &str, workspace: &str) -> String {
    format!(
        "  import boto3\n  \
         events = boto3.client(\"events\", endpoint_url=\"{endpoint}\", region_name=\"us-east-1\",\n      \
         aws_access_key_id=\"local\", aws_secret_access_key=\"local\")\n  \
         print(events.put_events(Entries=[{{\"EventBusName\": \"{bus}\", \"Source\": \"my.product\",\n      \
         \"DetailType\": \"audit\", \"Detail\": '{}'}}]))",
        detail(workspace)
    )
}

fn detail(workspace: &str) -> String {
    format!(r#"{{"workspace_username":"{workspace}","action":"group_created","actor":{{"user_id":"u1"}}}}"#)
}

fn tokens(section: &mut impl FnMut(&str, &str), endpoint: &str, workspace: &str, admin_jwt: &str) {
    let tokens = format!("{endpoint}/api/{workspace}/tokens");
    section(
        "As a workspace admin: keep the JWT; generate a workspace token, list all, revoke one by its public part:",
        &format!(
            "  admin_jwt={admin_jwt}\n  \
         curl -H \"Authorization: Bearer $admin_jwt\" -H 'Content-Type: application/json' {tokens} \\\n    \
         -d '{{\"name\":\"my SIEM\",\"scopes\":[\"audit_log:read\"]}}'\n  \
         curl -H \"Authorization: Bearer $admin_jwt\" {tokens}\n  \
         curl -X DELETE -H \"Authorization: Bearer $admin_jwt\" {tokens}/TOKEN"
        ),
    );
}
