use std::{fs, path::Path};

use serde_json::json;
use shared::http::Response;

use super::*;

async fn get(path: &str, if_none_match: Option<&str>) -> Response {
    let file = path.strip_prefix("/viewer/");
    let route = if file.is_some() { "GET /viewer/{file+}" } else { "GET /" };
    let event = json!({
        "version": "2.0",
        "rawPath": path,
        "headers": if_none_match.map(|tag| json!({"if-none-match": tag})).unwrap_or_else(|| json!({})),
        "pathParameters": file.map(|file| json!({"file": file})),
        "requestContext": {"routeKey": route, "http": {"method": "GET"}},
        "isBase64Encoded": false,
    });
    handle(lambda_http::request::from_str(&event.to_string()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn every_file_is_served_under_the_policy_and_not_sent_again_to_a_browser_that_has_it() {
    for file in FILES {
        let path = format!("/viewer/{}", file.name);
        let answer = get(&path, None).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], file.content_type);
        assert_eq!(answer.headers()["content-security-policy"], CONTENT_SECURITY_POLICY);
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers()["cache-control"], "no-cache");
        assert_eq!(answer.text(), Some(file.body));
        let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = get(&path, Some(&known)).await;
            assert_eq!((again.status(), again.text()), (304, None), "{known}");
            assert_eq!(again.headers()["etag"], tag);
            assert_eq!(again.headers()["content-security-policy"], CONTENT_SECURITY_POLICY);
        }
        assert_eq!(get(&path, Some("\"other\"")).await.status(), 200);
    }
}

#[tokio::test]
async fn the_root_is_the_page_and_other_names_are_not_found() {
    assert_eq!(get("/", None).await.text(), Some(ROOT.body));
    for unknown in
        ["/viewer/", "/viewer/../src/lib.rs", "/viewer/Cargo.toml", "/viewer/lit-html", "/viewer/log.js"]
    {
        assert_eq!(get(unknown, None).await.status(), 404, "{unknown}");
    }
}

#[tokio::test]
async fn every_answer_has_the_headers_and_an_unknown_file_too() {
    for path in ["/", "/viewer/index.html", "/viewer/main.js", "/viewer/unknown.js"] {
        let answer = get(path, None).await;
        for (name, value) in HEADERS {
            assert_eq!(
                answer.headers().get(name).map(|found| found.to_str().unwrap()),
                Some(value),
                "{path}"
            );
        }
        assert!(answer.headers()["strict-transport-security"].to_str().unwrap().starts_with("max-age="));
    }
}

#[test]
fn the_script_has_every_module_once_and_asks_for_no_other_file() {
    let script = FILES.iter().find(|file| file.name == "main.js").unwrap().body;
    for name in modules() {
        assert_eq!(
            script.matches(&format!("\n// {name}\nconst module_")).count(),
            usize::from(name != FIRST),
            "{name}"
        );
    }
    assert!(script.starts_with(&format!("// {FIRST}\n")), "the library is the first");
    for line in script.lines() {
        assert!(!line.starts_with("import ") && !line.starts_with("export "), "{line}");
    }
}

/// The module that all others depend on.
const FIRST: &str = "lit-html/lit-html.js";

/// The modules in the folder of the page, by their names.
fn modules() -> Vec<String> {
    fn find(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                find(&entry.path(), &format!("{name}/"), found);
            } else if name.ends_with(".js") {
                found.push(name);
            }
        }
    }
    let mut found = Vec::new();
    find(&Path::new(env!("CARGO_MANIFEST_DIR")).join("page"), "", &mut found);
    found
}

#[test]
fn the_page_below_viewer_names_files_that_are_served() {
    let page = FILES.iter().find(|file| file.name == "index.html").unwrap().body;
    for (body, prefix) in [(ROOT.body, "viewer/"), (page, "")] {
        for name in ["icon.svg", "style.css", "main.js"] {
            assert!(body.contains(&format!("=\"{prefix}{name}\"")), "{name}");
        }
    }
}

#[test]
fn the_page_keeps_its_own_policy() {
    // The browser would refuse it; the browser tests show that too, but these tests run everywhere.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    let own = modules().into_iter().filter(|name| name != FIRST);
    let own = own.map(|name| (fs::read_to_string(folder.join(&name)).unwrap(), name));
    let others = FILES.iter().filter(|file| !matches!(file.name, "main.js" | "lit-html/LICENSE"));
    for (body, name) in own.chain(others.map(|file| (file.body.to_owned(), file.name.to_owned()))) {
        for refused in ["http://", "https://", "innerHTML", "style=\"", "onclick=", "eval(", "new Function"] {
            let allowed = refused.starts_with("http") && name == "icon.svg";
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
