//! The names of tiles: the pieces in which a tree is stored and served.
//!
//! As in C2SP [tlog-tiles](https://c2sp.org/tlog-tiles): a tile is 256 hashes of one height, and the
//! tile above has one hash for each full tile below. The last tile of a level may have fewer; its
//! name then says how many. Beside the tiles of hashes there are the bundles of entries, 256 leaves
//! each. A name is read only in the form in which it is written.

use std::fmt;

use super::MAX_SIZE;

/// How many hashes a full tile has, and how many entries a full bundle.
pub const FULL: u16 = 256;
/// How many levels of tiles the largest tree has.
const LEVELS: u8 = 8;
/// The highest level that a name can tell.
const MAX_LEVEL: u8 = 63;

/// The name of a tile of hashes, such as `0/x001/067` or `1/000.p/17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

/// The name of a bundle of entries, such as `entries/x001/067` or `entries/000.p/17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    index: u64,
    width: u16,
}

/// Whatever stands under `tile/` in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TilePath {
    /// A tile of hashes.
    Hashes(TileId),
    /// A bundle of entries.
    Entries(BundleId),
}

/// Why a text is not the name of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a tile such as 0/000, 1/x001/067.p/17 or entries/000")]
pub struct InvalidTilePath;

impl TileId {
    /// The tile with this place in a tree of `size` leaves, as wide as that tree has it.
    pub fn of(level: u8, index: u64, size: u64) -> Option<Self> {
        Some(Self { level, index, width: width(index, hashes(level, size))? })
    }

    /// Every tile that a tree of `to` leaves has and the tree of `from` leaves had not, or had
    /// narrower: level by level, and from left to right. From 0, that is every tile of the tree.
    pub fn new_since(from: u64, to: u64) -> impl Iterator<Item = Self> {
        (0..LEVELS).flat_map(move |level| {
            let (old, new) = (hashes(level, from), hashes(level, to));
            let grown = if new > old { old / u64::from(FULL)..new.div_ceil(u64::from(FULL)) } else { 0..0 };
            grown.filter_map(move |index| Self::of(level, index, to))
        })
    }

    /// The level: how many tiles are below each hash. The leaves are on level 0.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// The number of the tile within its level.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes the tile has: 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }
}

impl BundleId {
    /// The bundle with this number in a tree of `size` leaves, as wide as that tree has it.
    pub fn of(index: u64, size: u64) -> Option<Self> {
        Some(Self { index, width: width(index, hashes(0, size))? })
    }

    /// The number of the bundle.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many entries the bundle has: 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }
}

impl TilePath {
    /// Reads what stands after `tile/`.
    pub fn parse(text: &str) -> Result<Self, InvalidTilePath> {
        let path = Self::parse_loosely(text).ok_or(InvalidTilePath)?;
        // Signs, leading zeros, widths of full tiles: one comparison refuses them all.
        if path.to_string() == text { Ok(path) } else { Err(InvalidTilePath) }
    }

    /// How many hashes or entries there are: 1 to 256.
    pub fn width(&self) -> u16 {
        match self {
            Self::Hashes(tile) => tile.width,
            Self::Entries(bundle) => bundle.width,
        }
    }

    /// Whether a tree of `size` leaves has this tile at this width, or at a greater one.
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

/// How many hashes of a level a tree of `size` leaves has.
fn hashes(level: u8, size: u64) -> u64 {
    size.min(MAX_SIZE).checked_shr(u32::from(level) * FULL.ilog2()).unwrap_or(0)
}

/// How wide the tile `index` is on a level of so many hashes.
fn width(index: u64, hashes: u64) -> Option<u16> {
    let before = index.checked_mul(u64::from(FULL))?;
    let width = hashes.checked_sub(before)?.min(u64::from(FULL));
    u16::try_from(width).ok().filter(|&width| width > 0)
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

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.level)?;
        write_place(f, self.index, self.width)
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("entries")?;
        write_place(f, self.index, self.width)
    }
}

/// The number in groups of three digits, and the width unless the tile is full.
fn write_place(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let groups = index.checked_ilog(1000).unwrap_or(0);
    for group in (0..=groups).rev() {
        let before = if group == 0 { "/" } else { "/x" };
        write!(f, "{before}{:03}", index / 1000_u64.pow(group) % 1000)?;
    }
    if width < FULL { write!(f, ".p/{width}") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_in_its_one_form() {
        let check = |text: &str, expected: Option<(u8, u64, u16)>| {
            let expected = expected.map(|(level, index, width)| TileId { level, index, width }.into());
            assert_eq!(TilePath::parse(text).ok(), expected, "{text:?}");
            if let Some(path) = expected {
                assert_eq!(path.to_string(), text);
            }
        };
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
    fn entries_have_names_beside_the_levels() {
        let bundle = BundleId::of(1067, 1067 * 256 + 17).unwrap();
        assert_eq!(bundle.to_string(), "entries/x001/067.p/17");
        assert_eq!(TilePath::parse("entries/x001/067.p/17"), Ok(bundle.into()));
    }

    /// The example of tlog-tiles.
    #[test]
    fn a_tree_of_70000_leaves_has_the_tiles_that_the_specification_counts() {
        let tiles: Vec<String> = TileId::new_since(0, 70_000).map(|tile| tile.to_string()).collect();
        assert_eq!(tiles.len(), 277);
        assert_eq!(tiles[272..], ["0/272", "0/273.p/112", "1/000", "1/001.p/17", "2/000.p/1"]);
        let tiles: Vec<String> = TileId::new_since(0, 256).map(|tile| tile.to_string()).collect();
        assert_eq!(tiles, ["0/000", "1/000.p/1"]);
    }

    #[test]
    fn growing_adds_only_tiles_that_are_wider_than_before() {
        let check = |from, to, expected: &[&str]| {
            let tiles: Vec<String> = TileId::new_since(from, to).map(|tile| tile.to_string()).collect();
            assert_eq!(tiles, expected, "from {from} to {to}");
        };
        check(0, 0, &[]);
        check(0, 1, &["0/000.p/1"]);
        check(1, 1, &[]);
        check(2, 1, &[]);
        check(255, 256, &["0/000", "1/000.p/1"]);
        check(256, 257, &["0/001.p/1"]);
        check(65_535, 65_536, &["0/255", "1/000", "2/000.p/1"]);
        check(MAX_SIZE - 1, MAX_SIZE, &["0/x036/x028/x797/x018/x963/967.p/255"]);
    }

    #[test]
    fn a_tile_is_within_every_tree_that_has_it_so_wide() {
        let check = |path: &str, size, within: bool| {
            assert_eq!(TilePath::parse(path).unwrap().is_within(size), within, "{path} of {size}");
        };
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
