//! Decides which calls go wrong, and how: the same for the same seed and the same calls.

use std::collections::{BTreeMap, HashMap};

use tokio::time::Instant;

use super::Fault;

/// The faults of future calls.
///
/// The first rule that matches a call decides; a call without a matching rule arrives unchanged.
#[derive(Debug)]
pub struct Plan {
    rules: Vec<Rule>,
    random: fastrand::Rng,
    units_per_second: Option<f64>,
    /// The units that each key may still take, and the time of that figure.
    buckets: HashMap<String, (f64, Instant)>,
    /// The number of calls of each operation.
    pub(super) calls: BTreeMap<String, usize>,
    /// The number of times that each fault happened.
    pub(super) happened: BTreeMap<Fault, usize>,
}

#[derive(Debug)]
struct Rule {
    /// The operation; `*` is any.
    operation: &'static str,
    fault: Fault,
    when: When,
    /// The number of calls that it has looked at.
    seen: usize,
}

#[derive(Clone, Copy, Debug)]
enum When {
    First(usize),
    Nth(usize),
    Share(f64),
}

impl Default for Plan {
    fn default() -> Self {
        Self::seeded(0)
    }
}

impl Plan {
    /// No faults yet. The seed decides all random choices.
    pub fn seeded(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            units_per_second: None,
            buckets: HashMap::new(),
            calls: BTreeMap::new(),
            happened: BTreeMap::new(),
        }
    }

    /// The first `times` calls of an operation, such as `ExecuteStatement` or `*`.
    pub fn first(self, times: usize, operation: &'static str, fault: Fault) -> Self {
        self.rule(operation, fault, When::First(times))
    }

    /// Every call of an operation.
    pub fn always(self, operation: &'static str, fault: Fault) -> Self {
        self.first(usize::MAX, operation, fault)
    }

    /// The call of an operation with this number, counted from 0.
    pub fn nth(self, number: usize, operation: &'static str, fault: Fault) -> Self {
        self.rule(operation, fault, When::Nth(number))
    }

    /// This share of the calls of an operation.
    pub fn share(self, share: f64, operation: &'static str, fault: Fault) -> Self {
        self.rule(operation, fault, When::Share(share))
    }

    /// One partition key takes this many write units a second, and no more: [`Fault::KeyCapped`].
    pub fn capped(self, units_per_second: f64) -> Self {
        Self { units_per_second: Some(units_per_second), ..self }
    }

    fn rule(mut self, operation: &'static str, fault: Fault, when: When) -> Self {
        self.rules.push(Rule { operation, fault, when, seen: 0 });
        self
    }

    /// The fault of a call; `keys` are the partition keys that it writes, with their units.
    pub(super) fn befall(&mut self, operation: &str, keys: &[(String, f64)]) -> Option<Fault> {
        *self.calls.entry(operation.to_owned()).or_default() += 1;
        let random = &mut self.random;
        let fault = self
            .rules
            .iter_mut()
            .filter(|rule: &&mut Rule| {
                (rule.operation == "*" || rule.operation == operation) && rule.fault.befalls(operation)
            })
            .find_map(|rule| {
                let number = rule.seen;
                rule.seen += 1;
                let befalls = match rule.when {
                    When::First(times) => number < times,
                    When::Nth(wanted) => number == wanted,
                    When::Share(share) => random.f64() < share,
                };
                befalls.then_some(rule.fault)
            });
        let fault = fault.or_else(|| self.exceeds(keys).then_some(Fault::KeyCapped));
        if let Some(fault) = fault {
            *self.happened.entry(fault).or_default() += 1;
        }
        fault
    }

    /// True if one of the keys has used up its rate; otherwise all keys take their units.
    fn exceeds(&mut self, keys: &[(String, f64)]) -> bool {
        let Some(rate) = self.units_per_second else { return false };
        let now = Instant::now();
        for (key, _) in keys {
            let (left, at) = self.buckets.entry(key.clone()).or_insert((rate, now));
            *left = rate.min(*left + rate * now.duration_since(*at).as_secs_f64());
            *at = now;
        }
        if keys.iter().any(|(key, units)| self.buckets[key].0 < *units) {
            return true;
        }
        for (key, units) in keys {
            if let Some((left, _)) = self.buckets.get_mut(key) {
                *left -= units;
            }
        }
        false
    }
}
