//! Workspace tokens, and the catalogue of actions.

use serde_json::{Value, json};

use crate::{
    api::{Api, BEARER, SECRET},
    auditlog::{Auditlog, Ended},
};

fn create(auditlog: &Auditlog, more: &[&str]) -> Ended {
    let ended =
        auditlog.command(&[&["tokens", "create", "--name=my siem"], more].concat()).output().unwrap().into();
    let Ended { code, stderr, .. } = &ended;
    assert_eq!(*code, Some(0), "{stderr}");
    assert!(stderr.contains("the only time") && !stderr.contains(SECRET), "{stderr}");
    ended
}

#[test]
fn a_new_token_is_shown_once_with_a_warning() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api);
    let shown = create(&auditlog, &[]).stdout;
    assert_eq!(shown.matches(BEARER).count(), 1, "{shown}");
    let json = create(&auditlog, &["--scope=read,write", "--expires=2030-01-01", "--output=json"]).stdout;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["bearer"], BEARER);
    let sent: Vec<Value> =
        api.asked().iter().map(|asked| serde_json::from_str(&asked.body).unwrap()).collect();
    let both = json!({"name": "my siem", "scopes": ["audit_log:read", "audit_log:write"],
                      "expires_at": "2030-01-01T00:00:00.000000Z"});
    assert_eq!(sent, [json!({"name": "my siem", "scopes": ["audit_log:read"]}), both]);
}

#[test]
fn tokens_are_listed_with_their_status() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api);
    let table = auditlog.succeed(&["tokens", "list"]);
    let lines: Vec<_> = table.lines().collect();
    for (line, status) in lines[1..].iter().zip(["live", "expired", "revoked"]) {
        assert!(line.contains(status), "{table}");
    }
    let csv = auditlog.succeed(&["tokens", "list", "--output=csv"]);
    assert!(csv.contains("\r\nAAAAAAAAAAAA,'=cmd,audit_log:read,u1,"), "{csv}");
    assert_eq!(auditlog.succeed(&["tokens", "list", "--output=ndjson"]).lines().count(), 3);
    let json: Value = serde_json::from_str(&auditlog.succeed(&["tokens", "list", "--output=json"])).unwrap();
    assert_eq!(json["tokens"][0]["token"], "AAAAAAAAAAAA");
}

#[test]
fn a_token_is_revoked_by_its_public_part_only() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api);
    auditlog.succeed(&["tokens", "revoke", "AAAAAAAAAAAA"]);
    let asked = &api.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("DELETE", "/api/acme/tokens/AAAAAAAAAAAA"));
    // A secret that was pasted by mistake is neither sent nor shown.
    auditlog.fail(2, &["tokens", "revoke", BEARER]);
    assert_eq!(api.asked().len(), 1);
}

#[test]
fn a_user_who_is_not_an_admin_is_told_the_next_step() {
    let api = Api::start(0);
    let auditlog = Auditlog::for_api(&api).with("AUDITLOG_ADMIN_JWT", "");
    assert!(auditlog.fail(2, &["tokens", "list"]).contains("--admin-jwt"));
    let auditlog = auditlog.with("AUDITLOG_ADMIN_JWT", "expired");
    assert!(auditlog.fail(1, &["tokens", "list"]).contains("JWT"));
    let auditlog = auditlog.with("AUDITLOG_ADMIN_JWT", "two\nlines");
    assert!(auditlog.fail(2, &["tokens", "list"]).contains("no request can carry"));
}

#[test]
fn actions_are_listed_by_category() {
    let api = Api::start(0);
    let auditlog = Auditlog::new().with("AUDITLOG_ENDPOINT", &api.url());
    let table = auditlog.succeed(&["actions"]);
    let expected = "ACTION         EVENT           RECORDED BY\n\n\
                    User Groups (user_groups)\n\
                    group_created  Create a group  client\n";
    assert_eq!(table, expected);
    let csv = auditlog.succeed(&["actions", "--output=csv"]);
    assert_eq!(
        csv,
        "category,action,event,recorded_by\r\nuser_groups,group_created,Create a group,client\r\n"
    );
}
