//! Forged records of the service itself.

use serde_json::json;
use tests::{TestApp, sample::event};

use crate::held;

const SERVICE_RECORDS: [&str; 3] =
    ["x_audit_log_expired", "x_audit_log_redacted", "x_audit_log_settings_changed"];

#[tokio::test]
async fn a_forged_service_record_is_refused_over_http() {
    let app = TestApp::start().await;
    let client = app.holder_of_both("acme").await;
    for action in SERVICE_RECORDS {
        let mut forged = event("e-1", 0);
        forged["action"] = json!(action);
        let answer = client.record(&forged).await.expect(422);
        held("P14", &format!("{action} over HTTP"), &answer.body["errors"][0]["code"]);
    }
}
