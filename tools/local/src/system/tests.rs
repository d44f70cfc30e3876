use super::*;

fn kept_in(directory: &tempfile::TempDir) -> Options {
    let storage = Storage::Directory(directory.path().join("data"));
    Options { storage, demo: true, ..Options::default() }
}

async fn actions(system: &System) -> Vec<String> {
    let bearer = system.credentials().token.bearer.clone().unwrap();
    let url = format!("{}/api/acme/audit_logs?limit=1000&order=asc", system.endpoint());
    let answer = reqwest::Client::new().get(url).bearer_auth(bearer).send().await.unwrap();
    let page: Value = answer.json().await.unwrap();
    let actions = page["audit_logs"].as_array().unwrap().iter();
    actions.map(|event| event["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_second_start_finds_its_data_and_its_token_again() {
    let directory = tempfile::tempdir().unwrap();
    let first = System::start(kept_in(&directory)).await.unwrap();
    let (token, before) = (first.credentials().token.clone(), actions(&first).await);
    let jwt = first.admin_jwt("acme");
    first.shutdown().await;

    let second = System::start(kept_in(&directory)).await.unwrap();
    assert_eq!(second.credentials().token, token);
    let after = actions(&second).await;
    assert_eq!(after[..before.len()], before);
    assert_eq!(after[before.len()..], ["audit_log_accessed"]);
    let now = jiff::Timestamp::now();
    assert!(second.identity_provider.check(&jwt, now).is_ok());
    second.shutdown().await;
}

#[tokio::test]
async fn data_that_another_template_left_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = Tables::start(0, storage(directory.path())).await.unwrap();
    let client = crate::engine::client(first.endpoint());
    client.delete_table().table_name("AuditLedger").send().await.unwrap();
    first.shutdown().await;
    let again = Tables::start(0, storage(directory.path())).await;
    assert!(matches!(again, Err(Error::OtherTemplate(table)) if table == "AuditLedger"));
}

fn storage(directory: &Path) -> Storage {
    Storage::Directory(directory.join("data"))
}

#[tokio::test]
async fn the_demo_shows_every_category() {
    let system = System::start(Options { demo: true, ..Options::default() }).await.unwrap();
    let actions = actions(&system).await;
    for category in shared::model::catalogue::CATEGORIES {
        assert!(
            actions
                .iter()
                .any(|name: &String| shared::model::catalogue::Action::parse(name).unwrap().category()
                    == category),
            "{category:?}"
        );
    }
    assert_eq!(system.dead_letters(), 0);
    system.shutdown().await;
}

#[tokio::test]
async fn a_revoked_token_is_replaced_and_nothing_is_told_twice() {
    let directory = tempfile::tempdir().unwrap();
    let first = System::start(kept_in(&directory)).await.unwrap();
    let token = first.credentials().token.token.clone().unwrap();
    let url = format!("{}/api/acme/tokens/{token}", first.endpoint());
    let request = reqwest::Client::new().delete(url).bearer_auth(&first.credentials().admin_jwt);
    assert_eq!(request.send().await.unwrap().status(), 204);
    first.shutdown().await;

    let second = System::start(kept_in(&directory)).await.unwrap();
    assert_ne!(second.credentials().token.token, Some(token));
    let actions = actions(&second).await;
    assert_eq!(actions.iter().filter(|action| *action == "x_dashboard_pinned").count(), 1);
    second.shutdown().await;
}

#[tokio::test]
async fn a_directory_and_a_port_belong_to_one_system_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { demo: false, ..kept_in(&directory) };
    let first = System::start(options.clone()).await.unwrap();
    assert!(matches!(System::start(options.clone()).await, Err(Error::InUse(_))));
    let port = first.endpoint().rsplit(':').next().unwrap().parse().unwrap();
    let same_port = Options { port, ..Options::default() };
    assert!(matches!(System::start(same_port).await, Err(Error::PortInUse(..))));
    first.shutdown().await;
    System::start(options).await.unwrap().shutdown().await;
}
