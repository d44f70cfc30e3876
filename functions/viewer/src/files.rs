//! The files of the page, as they stand in the folder `page`.

/// A file that a browser may ask for.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Its path below `/viewer`.
    pub name: &'static str,
    /// What it is.
    pub content_type: &'static str,
    /// All of it.
    pub body: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! files {
    ($($name:literal: $content_type:ident,)*) => {
        [$(File {
            name: $name,
            content_type: $content_type,
            body: include_str!(concat!("../page/", $name)),
        },)*]
    };
}

/// All of them. A test holds the list against the folder.
pub const FILES: &[File] = &files! {
    "index.html": HTML,
    "icon.svg": SVG,
    "style.css": CSS,
    "main.js": JAVASCRIPT,
    "admin.js": JAVASCRIPT,
    "api.js": JAVASCRIPT,
    "catalogue.js": JAVASCRIPT,
    "detail.js": JAVASCRIPT,
    "export.js": JAVASCRIPT,
    "facets.js": JAVASCRIPT,
    "filters.js": JAVASCRIPT,
    "ledger.js": JAVASCRIPT,
    "log.js": JAVASCRIPT,
    "signin.js": JAVASCRIPT,
    "table.js": JAVASCRIPT,
    "timeline.js": JAVASCRIPT,
    "words.js": JAVASCRIPT,
    "lit-html/lit-html.js": JAVASCRIPT,
    "lit-html/LICENSE": TEXT,
};
