//! The names of tiles are those of `tlog_tiles`, which adds the height before them and calls entries data.

use proptest::prelude::*;
use shared::ledger::tile::{BundleId, TileId, TilePath};
use tlog_tiles::Tile;

fn ours(path: &str) -> Option<TilePath> {
    TilePath::parse(path).ok()
}

fn theirs(path: &str) -> Option<Tile> {
    let (level, place) = path.split_once('/')?;
    let level = if level == "entries" { "data" } else { level };
    // `tlog_tiles` panics for a level above 63 and for a width of 0.
    let width = place.split_once(".p/").map(|(_, width)| width.parse::<u32>());
    let panics = level.parse().is_ok_and(|level: u8| level > 63) || width == Some(Ok(0));
    if panics { None } else { Tile::from_path(&format!("tile/8/{level}/{place}")).ok() }
}

/// Names, and texts that resemble names.
fn path() -> impl Strategy<Value = String> {
    "([0-9]|[0-6][0-9]|00|entries|data)(/x?[0-9]{3}){1,4}(\\.p/[0-9]{1,3})?|[0-9x/.p]{0,20}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_sides_read_the_same_names(path in path()) {
        // Our code calls bundles entries, and `tlog_tiles` calls them data.
        prop_assume!(!path.starts_with("data"));
        prop_assert_eq!(ours(&path).is_some(), theirs(&path).is_some());
    }

    #[test]
    fn both_sides_write_the_same_names(level in 0_u8..8, size in 1..u64::MAX >> 1, place: u64) {
        let hashes = size >> (8 * level);
        prop_assume!(hashes > 0);
        let index = place % hashes.div_ceil(256);
        let tile = TileId::of(level, index, size).unwrap();
        let expected = Tile::new(8, level, index, tile.width().into(), false);
        prop_assert_eq!(format!("tile/8/{tile}"), expected.path());
        prop_assert_eq!(ours(&tile.to_string()), Some(tile.into()));
        if level == 0 {
            let bundle = BundleId::of(index, size).unwrap();
            prop_assert_eq!(bundle.width(), tile.width());
            prop_assert_eq!(ours(&bundle.to_string()), Some(bundle.into()));
            prop_assert_eq!(bundle.to_string(), tile.to_string().replacen('0', "entries", 1));
        }
    }

    #[test]
    fn a_name_has_one_form(text: String) {
        if let Some(path) = ours(&text) {
            prop_assert_eq!(path.to_string(), text);
        }
    }
}
