use std::{fs, path::Path};

use aws_lambda_events::encodings::Body;
use lambda_runtime::Context;
use shared::http::Response;

use super::*;

async fn get(path: &str, if_none_match: Option<&str>) -> Response {
    let file = path.strip_prefix("/viewer/");
    let route = if file.is_some() { "GET /viewer/{file+}" } else { "GET /" };
    let mut event = ApiGatewayV2httpRequest::default();
    event.request_context.route_key = Some(route.to_owned());
    event.path_parameters.extend(file.map(|file| ("file".to_owned(), file.to_owned())));
    event
        .headers
        .extend(if_none_match.map(|tag| ("if-none-match".parse().ok(), tag.parse().expect("a literal"))));
    handle(LambdaEvent::new(event, Context::default())).await.unwrap()
}

#[tokio::test]
async fn every_file_is_served_under_the_policy_and_not_sent_again_to_who_has_it() {
    for file in FILES {
        let path = format!("/viewer/{}", file.name);
        let answer = get(&path, None).await;
        assert_eq!(answer.status_code, 200);
        assert_eq!(answer.headers["content-type"], file.content_type);
        assert_eq!(answer.headers["content-security-policy"], CONTENT_SECURITY_POLICY);
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["cache-control"], "no-cache");
        assert_eq!(answer.body, Some(Body::Text(file.body.to_owned())));
        let tag = answer.headers["etag"].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = get(&path, Some(&known)).await;
            assert_eq!((again.status_code, again.body), (304, None), "{known}");
            assert_eq!(again.headers["etag"], tag);
            assert_eq!(again.headers["content-security-policy"], CONTENT_SECURITY_POLICY);
        }
        assert_eq!(get(&path, Some("\"other\"")).await.status_code, 200);
    }
}

#[tokio::test]
async fn the_root_is_the_page_and_other_names_are_not_found() {
    assert_eq!(get("/", None).await.body, get("/viewer/index.html", None).await.body);
    for unknown in ["/viewer/", "/viewer/../src/lib.rs", "/viewer/Cargo.toml", "/viewer/lit-html"] {
        assert_eq!(get(unknown, None).await.status_code, 404, "{unknown}");
    }
}

#[test]
fn the_list_has_the_files_of_the_folder_and_no_others() {
    fn names(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => names(&entry.path(), &format!("{name}/"), found),
                false => found.push(name),
            }
        }
    }
    let mut found = Vec::new();
    names(&Path::new(env!("CARGO_MANIFEST_DIR")).join("page"), "", &mut found);
    let mut listed: Vec<_> = FILES.iter().map(|file| file.name.to_owned()).collect();
    found.sort();
    listed.sort();
    assert_eq!(listed, found);
}

#[test]
fn nothing_of_the_page_is_against_its_own_policy() {
    // The browser would refuse it; the tests in the browser see that too, but these run everywhere.
    for File { name, body, .. } in FILES.iter().filter(|file| !file.name.starts_with("lit-html/")) {
        for refused in ["http://", "https://", "innerHTML", "style=\"", "onclick=", "eval(", "new Function"] {
            let allowed = refused.starts_with("http") && *name == "icon.svg";
            assert!(allowed || !body.contains(refused), "{name} has {refused}");
        }
        assert!(!body.contains("localStorage") && !body.contains("sessionStorage"), "{name} keeps something");
        assert!(!body.contains("document.cookie") && !body.contains("indexedDB"), "{name} keeps something");
    }
    let page = FILES.iter().find(|file| file.name == "index.html").unwrap().body;
    assert!(
        !page.contains("<style")
            && page.matches("<script").count() == page.matches("<script type=\"module\" src=").count()
    );
}
