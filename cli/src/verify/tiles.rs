//! The hashes of a log's entries, as the server offers them.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    api::Ledger,
    error::Error,
    ledger::{Hash, Tile},
    terminal,
};

const BAR: &str = "{spinner} {bar:30} {percent:>3}%  {msg}";

/// A progress bar at a terminal, and a line each ten seconds elsewhere.
pub(super) fn progress(length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length).with_message(what);
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    terminal::report_progress(&bar);
    bar
}

/// Fetches the hashes of all entries of a log of `size` from the tile on that has `from`.
///
/// # Errors
/// If they cannot be had, or are not as many as they must be.
pub(super) fn fetch_from(ledger: &Ledger<'_>, from: u64, size: u64) -> Result<Vec<Hash>, Error> {
    let tiles = Tile::covering(from, size);
    let bar = progress(tiles.clone().count() as u64, "of the hashes fetched");
    let mut hashes = Vec::new();
    for tile in tiles {
        hashes.extend(fetch(ledger, tile)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(hashes)
}

/// Fetches one tile. A partial one that has become full in the meantime is the beginning of that.
///
/// # Errors
/// If it cannot be had, or has not as many hashes as it must have.
pub(super) fn fetch(ledger: &Ledger<'_>, tile: Tile) -> Result<Vec<Hash>, Error> {
    if let Some(content) = ledger.tile(&tile.name())? {
        return tile.hashes(&content).ok_or_else(|| wrong(tile, "has not as many hashes as its name says"));
    }
    let whole = if tile.is_full() { None } else { ledger.tile(&tile.full().name())? };
    let content = whole.ok_or_else(|| wrong(tile, "is not there"))?;
    let mut hashes =
        tile.full().hashes(&content).ok_or_else(|| wrong(tile, "has not as many hashes as it must"))?;
    hashes.truncate(usize::try_from(tile.width).unwrap_or(usize::MAX));
    Ok(hashes)
}

fn wrong(tile: Tile, what: &str) -> Error {
    Error::failure(
        format!("The tile {} of the log, which its checkpoint has, {what}.", tile.name()),
        "Try again; if it stays so, tell the operator of the API: the log cannot be verified without it.",
    )
}
