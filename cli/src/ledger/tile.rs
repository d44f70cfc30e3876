//! Tiles of the lowest level: the hashes of entries, 256 to a tile (C2SP tlog-tiles).

use tlog_tiles::Hash;

/// How many hashes a full tile has.
const TILE_WIDTH: u64 = 256;
const HASH_BYTES: usize = 32;

/// A tile of the lowest level. A full one never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Its place among the tiles.
    pub(crate) number: u64,
    /// How many hashes it has.
    pub(crate) width: u64,
}

impl Tile {
    /// The tiles that have the entries from `from` on, of a log of `size`.
    pub(crate) fn covering(from: u64, size: u64) -> impl Iterator<Item = Self> + Clone {
        let first = if from < size { from / TILE_WIDTH } else { size.div_ceil(TILE_WIDTH) };
        (first..size.div_ceil(TILE_WIDTH))
            .map(move |number| Self { number, width: (size - number * TILE_WIDTH).min(TILE_WIDTH) })
    }

    /// Whether it has all the hashes that it ever will.
    pub(crate) fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The same tile once it is full.
    pub(crate) fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }

    /// The sequence of its first entry.
    pub(crate) fn start(self) -> u64 {
        self.number * TILE_WIDTH
    }

    /// Its name, such as `0/x001/234.p/5`.
    pub(crate) fn name(self) -> String {
        let mut name = format!("{:03}", self.number % 1000);
        let mut above = self.number / 1000;
        while above > 0 {
            name = format!("x{:03}/{name}", above % 1000);
            above /= 1000;
        }
        let partial = if self.is_full() { String::new() } else { format!(".p/{}", self.width) };
        format!("0/{name}{partial}")
    }

    /// The hashes that its content is; `None` if it has not as many as it must.
    pub(crate) fn hashes(self, content: &[u8]) -> Option<Vec<Hash>> {
        let (hashes, rest) = content.as_chunks::<HASH_BYTES>();
        (rest.is_empty() && hashes.len() as u64 == self.width)
            .then(|| hashes.iter().copied().map(Hash).collect())
    }

    /// The content that hashes are.
    pub(crate) fn content(hashes: &[Hash]) -> Vec<u8> {
        hashes.iter().flat_map(|hash| hash.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_the_name_of_the_standard() {
        fn check(number: u64, width: u64, expected: &str) {
            assert_eq!(Tile { number, width }.name(), expected);
        }
        check(0, 256, "0/000");
        check(0, 1, "0/000.p/1");
        check(999, 256, "0/999");
        check(1_234, 5, "0/x001/234.p/5");
        check(1_234_067, 256, "0/x001/x234/067");
    }

    #[test]
    fn tiles_cover_the_log() {
        fn of(from: u64, size: u64) -> Vec<(u64, u64)> {
            Tile::covering(from, size).map(|tile| (tile.number, tile.width)).collect()
        }
        assert_eq!(of(0, 0), []);
        assert_eq!(of(0, 1), [(0, 1)]);
        assert_eq!(of(0, 600), [(0, 256), (1, 256), (2, 88)]);
        assert_eq!(of(256, 512), [(1, 256)]);
        assert_eq!(of(255, 257), [(0, 256), (1, 1)]);
        assert_eq!(of(7, 7), []);
    }
}
