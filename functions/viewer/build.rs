//! Joins the modules of the page into one script, so that a browser needs one request for all of them.
//!
//! Each module becomes a function that returns its exports; its text stays as it is. An `import` is one line at
//! the beginning, with names in braces; an `export` is directly before its declaration.

use std::{
    collections::BTreeSet,
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=page");
    let page = Path::new("page");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut script = String::new();
    add(page, "main.js", &mut BTreeSet::new(), &mut script)?;
    fs::write(out.join("main.js"), script)?;
    // The same page under `/viewer`, next to its files.
    let index = fs::read_to_string(page.join("index.html"))?;
    fs::write(out.join("index.html"), index.replace("\"viewer/", "\""))
}

/// Adds a module to the script, after the modules that it imports.
fn add(page: &Path, name: &str, added: &mut BTreeSet<String>, script: &mut String) -> io::Result<()> {
    if !added.insert(name.to_owned()) {
        return Ok(());
    }
    let (mut body, mut exports) = (String::new(), Vec::new());
    for line in fs::read_to_string(page.join(name))?.lines() {
        if let Some((names, from)) =
            line.strip_prefix("import {").and_then(|rest| rest.split_once("} from \"./"))
        {
            let from = from.trim_end_matches("\";");
            add(page, from, added, script)?;
            let names = names.replace(" as ", ": ");
            body.push_str(&format!("const {{{names}}} = {};\n", variable(from)));
        } else if let Some(declaration) = line.strip_prefix("export ") {
            exports.push(declared(declaration).to_owned());
            body.push_str(&format!("{declaration}\n"));
        } else if let Some((code, list)) = line.split_once("export{") {
            // The library is minified, and lists its exports at its end.
            body.push_str(&format!("{code}\n"));
            exports.extend(list.trim_end_matches("};").split(',').filter_map(|pair| {
                let (inner, outer) = pair.split_once(" as ")?;
                Some(format!("{outer}: {inner}"))
            }));
        } else if !line.starts_with("//# sourceMappingURL") {
            body.push_str(&format!("{line}\n"));
        }
    }
    let exports = exports.join(", ");
    script.push_str(&format!(
        "// {name}\nconst {} = (() => {{\n{body}return {{ {exports} }};\n}})();\n\n",
        variable(name)
    ));
    Ok(())
}

/// The name of a declaration such as `async function save(`.
fn declared(declaration: &str) -> &str {
    let mut words = declaration.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.find(|word| !matches!(*word, "async" | "function" | "class" | "const" | "")).unwrap_or_default()
}

/// The variable that holds the exports of a module.
fn variable(name: &str) -> String {
    format!("module_{}", name.trim_end_matches(".js").replace(['/', '-'], "_"))
}
