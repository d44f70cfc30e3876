//! The content of an entry bundle of C2SP [tlog-tiles](https://c2sp.org/tlog-tiles): each leaf with its length before it.

/// A leaf is longer than the 16-bit length can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a leaf has at most 65,535 bytes")]
pub struct LeafTooLong;

/// Appends a leaf to a bundle.
pub fn append(bundle: &mut Vec<u8>, leaf: &[u8]) -> Result<(), LeafTooLong> {
    let length = u16::try_from(leaf.len()).map_err(|_| LeafTooLong)?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(leaf);
    Ok(())
}

/// The leaves of a bundle, in order; `None` if the bundle is cut off.
pub fn leaves(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut leaves = Vec::new();
    while let Some((&length, rest)) = bundle.split_first_chunk() {
        let (leaf, rest) = rest.split_at_checked(u16::from_be_bytes(length).into())?;
        leaves.push(leaf);
        bundle = rest;
    }
    bundle.is_empty().then_some(leaves)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_reads_as_it_was_written() {
        let mut bundle = Vec::new();
        let long = [7; 65_535];
        for leaf in [b"".as_slice(), b"a leaf", &long] {
            append(&mut bundle, leaf).unwrap();
        }
        assert_eq!(bundle[..10], *b"\0\0\0\x06a leaf");
        assert_eq!(leaves(&bundle), Some(vec![b"".as_slice(), b"a leaf", &long]));
        assert_eq!(append(&mut bundle, &[7; 65_536]), Err(LeafTooLong));
    }

    #[test]
    fn a_bundle_that_is_cut_off_is_refused() {
        fn check(bundle: &[u8], fits: bool) {
            assert_eq!(leaves(bundle).is_some(), fits, "{bundle:?}");
        }
        check(b"", true);
        check(b"\0", false);
        check(b"\0\x02a", false);
        check(b"\0\x01a", true);
        check(b"\0\x01ab", false);
    }
}
