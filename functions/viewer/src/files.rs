//! The files of the page: those in the folder `page`, and the script that `build.rs` makes of its modules.

/// A file that a browser may ask for.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Its path below `/viewer`.
    pub name: &'static str,
    pub content_type: &'static str,
    pub body: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// The page at `/`, which refers to its files under `viewer/`.
pub const ROOT: File = File { name: "", content_type: HTML, body: include_str!("../page/index.html") };

/// The files below `/viewer`.
pub const FILES: &[File] = &[
    File {
        name: "index.html",
        content_type: HTML,
        body: include_str!(concat!(env!("OUT_DIR"), "/index.html")),
    },
    File {
        name: "main.js",
        content_type: JAVASCRIPT,
        body: include_str!(concat!(env!("OUT_DIR"), "/main.js")),
    },
    File { name: "style.css", content_type: CSS, body: include_str!("../page/style.css") },
    File { name: "icon.svg", content_type: SVG, body: include_str!("../page/icon.svg") },
    File { name: "lit-html/LICENSE", content_type: TEXT, body: include_str!("../page/lit-html/LICENSE") },
];
