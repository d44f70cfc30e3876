use std::time::Duration;

use super::{Authorizer, TEMPLATE, Template};

fn route(method: &str, path: &str) -> (String, Authorizer) {
    let template = Template::parse(TEMPLATE).unwrap();
    let mut found = template.api.routes.into_iter();
    let route = found.find(|route| route.method == method && route.path == path).unwrap();
    (route.function, route.authorizer)
}

/// The error after `from` became `to` in the project's own template.
fn refused(from: &str, to: &str) -> String {
    assert!(TEMPLATE.contains(from), "the template no longer says {from}");
    Template::parse(&TEMPLATE.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn every_route_knows_its_function_and_who_may_call() {
    let logs = "/api/{workspace}/audit_logs";
    assert_eq!(route("GET", logs), ("query".into(), Authorizer::Token));
    assert_eq!(route("POST", logs), ("ingest-api".into(), Authorizer::Token));
    let tokens = "/api/{workspace}/tokens";
    assert_eq!(route("POST", tokens), ("tokens".into(), Authorizer::Jwt));
    assert_eq!(route("GET", tokens), ("tokens".into(), Authorizer::Jwt));
    let token = "/api/{workspace}/tokens/{token}";
    assert_eq!(route("DELETE", token), ("tokens".into(), Authorizer::Jwt));
    assert_eq!(route("GET", "/api/health"), ("query".into(), Authorizer::Open));
}

#[test]
fn tables_go_by_their_logical_ids() {
    let template = Template::parse(TEMPLATE).unwrap();
    let events = template.tables.iter().find(|table| table.name == "AuditEvents").unwrap();
    let key: Vec<_> = events.key.iter().map(|key| (key.name.as_str(), key.kind.as_str())).collect();
    assert_eq!(key, [("workspace", "HASH"), ("timestamp", "RANGE")]);
    assert_eq!(events.ttl_attribute.as_deref(), Some("expires_at"));
    let tokens = template.tables.iter().find(|table| table.name == "AuditTokens").unwrap();
    assert_eq!(tokens.indexes[0].name, "by_workspace");
}

#[test]
fn the_way_from_the_bus_to_its_function_is_followed() {
    let bus = Template::parse(TEMPLATE).unwrap().bus;
    assert_eq!(bus.name, "audit-logs");
    assert_eq!(bus.function, "ingest-bus");
    assert!(bus.queue.batch_size > 1);
    assert!(bus.queue.visibility_timeout >= Duration::from_secs(30));
}

#[test]
fn the_way_from_the_ledger_to_its_function_is_followed() {
    let template = Template::parse(TEMPLATE).unwrap();
    assert_eq!(template.hints.function, "deliver");
    assert!(template.hints.concurrency > 1);
    assert!(template.scheduled.iter().any(|scheduled| scheduled.function == "deliver"));
}

#[test]
fn a_parameter_without_a_default_is_left_open() {
    let jwt = Template::parse(TEMPLATE).unwrap().api.jwt;
    assert_eq!((jwt.issuer, jwt.audience), (None, None));
}

#[test]
fn an_unknown_property_is_named_with_its_place() {
    assert_eq!(
        refused("      BillingMode: PAY_PER_REQUEST", "      LocalSecondaryIndexes: []"),
        "template.yaml, Resources.AuditEvents.Properties: unknown field `LocalSecondaryIndexes`, \
         expected one of `AttributeDefinitions`, `KeySchema`, `GlobalSecondaryIndexes`, \
         `TimeToLiveSpecification`"
    );
    assert!(refused("Authorizer: Admin", "Authorizer: Admins").contains("Admins"));
    assert!(refused("ReportBatchItemFailures", "Other").contains("Resources.IngestBus"));
    assert!(refused("DefaultAuthorizer", "DefaultAuthorisation").contains("Resources.Api"));
}
