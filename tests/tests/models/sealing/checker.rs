//! Runs of the checker over a variant.

use std::time::Instant;

use stateright::{Checker as _, HasDiscoveries, Model as _};

use super::{EVENTS, Sealing};

/// The largest number of states in a run, those with the fewest steps first. With `FULL=1` a run visits all
/// states, which takes many minutes and some GB where a sealer crashes and clocks are wrong.
const MAX_STATES: usize = 1_000_000;

impl Sealing {
    pub(super) fn holds(self) {
        let (crashes, began) = (self.crashes, Instant::now());
        let checker = self.checker().threads(2);
        let checker = match std::env::var("FULL") {
            Ok(_) => checker.spawn_bfs().join(),
            Err(_) => checker.target_state_count(MAX_STATES).spawn_bfs().join(),
        };
        let states = checker.unique_state_count();
        let all = if checker.state_count() < MAX_STATES { "all" } else { "the nearest" };
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "sealing, {EVENTS} events, 2 sealers, {crashes} crashes: {all} {states} states in {seconds:.1} s"
        );
        let found: Vec<_> = checker.discoveries().into_keys().collect();
        assert!(found.is_empty(), "{found:?}");
    }

    pub(super) fn breaks(self, property: &'static str) {
        let broken = self.broken;
        let finish = HasDiscoveries::AllOf([property].into());
        let checker = self.checker().finish_when(finish).spawn_bfs().join();
        let found: Vec<_> = checker.discoveries().into_keys().collect();
        let path = checker.discovery(property).unwrap_or_else(|| panic!("{broken:?} breaks {found:?} only"));
        println!("{broken:?}: not \"{property}\" after {:?}", path.into_actions());
    }
}
