//! Parsing of tile names. Only the form in which a name is written is accepted.

use std::fmt;

use super::{BundleId, FULL, TileId, hashes, width};

/// The highest level of a name.
const MAX_LEVEL: u8 = 63;

/// A path under `tile/` in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TilePath {
    /// A tile of hashes.
    Hashes(TileId),
    /// A bundle of entries.
    Entries(BundleId),
}

/// The text is not the name of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a tile such as 0/000, 1/x001/067.p/17 or entries/000")]
pub struct InvalidTilePath;

impl TilePath {
    /// Parses the path after `tile/`.
    pub fn parse(text: &str) -> Result<Self, InvalidTilePath> {
        let path = Self::parse_loosely(text).ok_or(InvalidTilePath)?;
        // One comparison refuses signs, leading zeros, and widths of full tiles.
        if path.to_string() == text { Ok(path) } else { Err(InvalidTilePath) }
    }

    /// The number of hashes or entries: 1 to 256.
    pub fn width(&self) -> u16 {
        match self {
            Self::Hashes(tile) => tile.width,
            Self::Entries(bundle) => bundle.width,
        }
    }

    /// Whether a tree of `size` leaves has this tile with at least this width.
    pub fn is_within(&self, size: u64) -> bool {
        let has = match self {
            Self::Hashes(tile) => width(tile.index, hashes(tile.level, size)),
            Self::Entries(bundle) => width(bundle.index, hashes(0, size)),
        };
        has.is_some_and(|has| self.width() <= has)
    }

    fn parse_loosely(text: &str) -> Option<Self> {
        let (level, rest) = text.split_once('/')?;
        let (elements, width) = match rest.split_once(".p/") {
            Some((elements, width)) => {
                (elements, width.parse().ok().filter(|&width| 0 < width && width < FULL)?)
            }
            None => (rest, FULL),
        };
        let index = elements.split('/').try_fold(0_u64, |index, element| {
            let digits = element.strip_prefix('x').unwrap_or(element);
            let value: u64 = digits.parse().ok().filter(|&value| value < 1000)?;
            index.checked_mul(1000)?.checked_add(value)
        })?;
        if level == "entries" {
            return Some(Self::Entries(BundleId { index, width }));
        }
        let level = level.parse().ok().filter(|&level| level <= MAX_LEVEL)?;
        Some(Self::Hashes(TileId { level, index, width }))
    }
}

impl From<TileId> for TilePath {
    fn from(tile: TileId) -> Self {
        Self::Hashes(tile)
    }
}

impl From<BundleId> for TilePath {
    fn from(bundle: BundleId) -> Self {
        Self::Entries(bundle)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hashes(tile) => tile.fmt(f),
            Self::Entries(bundle) => bundle.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_accepted_in_one_form_only() {
        fn check(text: &str, expected: Option<(u8, u64, u16)>) {
            let expected = expected.map(|(level, index, width)| TileId { level, index, width }.into());
            assert_eq!(TilePath::parse(text).ok(), expected, "{text:?}");
            if let Some(path) = expected {
                assert_eq!(path.to_string(), text);
            }
        }
        check("0/000", Some((0, 0, 256)));
        check("0/x001/067", Some((0, 1067, 256)));
        check("0/x001/x234/067", Some((0, 1_234_067, 256)));
        check("1/000.p/17", Some((1, 0, 17)));
        check("63/999.p/255", Some((63, 999, 255)));
        check("0/x018/x446/x744/x073/x709/x551/615", Some((0, u64::MAX, 256)));
        for text in [
            "",
            "/",
            "0",
            "0/",
            "0/0",
            "0/00",
            "0/0000",
            "00/000",
            "+0/000",
            "64/000",
            "-1/000",
            "0/x000/000",
            "0/x000",
            "0/001/067",
            "0/x001/x067",
            "0/x1/067",
            "0/xx01/067",
            "0/X001/067",
            "0/+01",
            "0/000/",
            "/0/000",
            "0//000",
            "0/000.p",
            "0/000.p/",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/017",
            "0/000.p/+17",
            "0/000.p/17/",
            "0/000.p/1.p/1",
            "0/000 ",
            "0/٠٠٠",
            "0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/000",
            "8/0/000",
            "data/000",
            "Entries/000",
            "entries",
            "entries/0/000",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn bundles_have_names_without_a_level() {
        let bundle = BundleId::of(1067, 1067 * 256 + 17).unwrap();
        assert_eq!(bundle.to_string(), "entries/x001/067.p/17");
        assert_eq!(TilePath::parse("entries/x001/067.p/17"), Ok(bundle.into()));
    }

    #[test]
    fn a_tile_is_within_every_tree_that_has_it_with_this_width() {
        fn check(path: &str, size: u64, within: bool) {
            assert_eq!(TilePath::parse(path).unwrap().is_within(size), within, "{path} of {size}");
        }
        check("0/000.p/1", 0, false);
        check("0/000.p/17", 16, false);
        check("0/000.p/17", 17, true);
        check("0/000.p/17", 300, true);
        check("0/000", 255, false);
        check("0/000", 256, true);
        check("0/001.p/45", 300, false);
        check("entries/001.p/44", 300, true);
        check("entries/001.p/45", 300, false);
        check("1/000.p/1", 256, true);
        check("7/000.p/127", u64::MAX, true);
        check("8/000.p/1", u64::MAX, false);
        check("63/x018/x446/x744/x073/x709/x551/615", u64::MAX, false);
    }
}
