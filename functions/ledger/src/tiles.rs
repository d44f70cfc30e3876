//! The tiles of a log's tree and the bundles of its entries, by the paths of C2SP tlog-tiles.

use shared::{
    http::{self, Response},
    ledger::{
        entries,
        tile::{BundleId, FULL, TilePath},
    },
    model::error::Error,
    store::Sealed,
    system,
};

use crate::Reader;

/// Bytes of a bundle, at most: base64 adds a third, and a Lambda's answer has at most 6 MB.
const MAX_BUNDLE_BYTES: usize = 4_000_000;

impl Reader<'_> {
    /// `GET /api/{workspace}/ledger/tile/{tile+}`: of the last signed checkpoint.
    pub(crate) async fn tile(&self) -> Result<Response, Error> {
        self.request.no_query()?;
        let path = TilePath::parse(self.request.path_parameter("tile")).map_err(|_| Error::UnknownTile)?;
        let signed = match self.store().signed(&self.holder.workspace).await? {
            Some(signed) => signed,
            None => self.log.checkpoint().await?,
        };
        if !path.is_within(signed.size) {
            return Err(Error::UnknownTile);
        }
        let bytes = match path {
            TilePath::Hashes(tile) => self.store().tile(&self.holder.workspace, tile).await?,
            TilePath::Entries(bundle) => self.bundle(bundle).await?,
        };
        Ok(http::ok_bytes(bytes))
    }

    /// The leaves of a bundle. They name events, so the read is recorded. A bundle is served whole or not at
    /// all: once one of its events has expired, the others are read one by one.
    async fn bundle(&self, bundle: BundleId) -> Result<Vec<u8>, Error> {
        let first = bundle.index() * u64::from(FULL);
        let last = first + u64::from(bundle.width()) - 1;
        self.recorded(first, last, self.leaves(first, last).await).await
    }

    async fn leaves(&self, first: u64, last: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        for (sequence, entry, sealed) in
            self.store().sealed_events(&self.holder.workspace, first..last + 1, system::now()).await?
        {
            let event = match sealed {
                Sealed::Event(event) => event,
                Sealed::Expired => return Err(Error::Expired),
                Sealed::Gone => return Err(Error::UnknownTile),
            };
            let leaf = self.leaf(sequence, &entry, &event)?;
            entries::append(&mut bytes, leaf.as_bytes()).map_err(|error| Error::Internal(error.into()))?;
            if bytes.len() > MAX_BUNDLE_BYTES {
                let events = last - first + 1;
                return Err(Error::TooLarge(format!(
                    "the {events} entries of this bundle have more than {MAX_BUNDLE_BYTES} bytes; read ledger/entries/{first} to \
                     ledger/entries/{last} one by one"
                )));
            }
        }
        Ok(bytes)
    }
}
