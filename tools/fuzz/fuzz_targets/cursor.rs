#![no_main]

use fuzz::workspace;
use libfuzzer_sys::fuzz_target;
use shared::{model::{id::WorkspaceId, keys::Position}, query::page::Filter};

// A cursor from a client; and a position, which its cursor restores exactly.
fuzz_target!(|text: &str| {
    let (filter, workspace) = (Filter::default(), workspace());
    if let Ok(position) = filter.resume(&workspace, text) {
        let cursor = filter.cursor(&workspace, &position);
        assert_eq!(filter.resume(&workspace, &cursor).ok(), Some(position));
    }
    if let Some(position) = Position::from_sort_key(text) {
        assert_eq!(position.sort_key(), text);
        let cursor = filter.cursor(&workspace, &position);
        assert_eq!(filter.resume(&workspace, &cursor).ok(), Some(position));
        let other = WorkspaceId::parse("globex").expect("a name");
        assert!(filter.resume(&other, &cursor).is_err());
    }
});
