//! Checks the exact figures against their limits. Times are not among them.

use std::{collections::BTreeMap, fs};

use crate::{
    Result,
    programs::root,
    report::{Table, number},
};

/// The limits: the largest value of each figure, by its name.
type Limits = BTreeMap<String, f64>;

/// Compares the measured figures with the limits in `tools/bench/gate.json` for these suites.
///
/// # Errors
/// If a figure is above its limit, or a limit's figure was not measured.
pub(crate) fn check(figures: &BTreeMap<String, f64>, suites: &[&str]) -> Result<String> {
    let path = root().join("tools/bench/gate.json");
    let limits: Limits = serde_json::from_str(&fs::read_to_string(&path)?)?;
    let (table, failures) = compare(figures, &limits, suites);
    match failures {
        0 => Ok(format!("{table}\n")),
        failures => {
            Err(format!("{table}\n\n{failures} of these are not within their limits (tools/bench/gate.json)")
                .into())
        }
    }
}

fn compare(figures: &BTreeMap<String, f64>, limits: &Limits, suites: &[&str]) -> (Table, usize) {
    let mut table = Table::new(["figure", "limit", "measured", ""]);
    let mut failures = 0;
    for (name, limit) in limits.iter().filter(|(name, _)| is_concerned(suites, name)) {
        let measured = figures.get(name);
        let within = measured.is_some_and(|measured| measured <= limit);
        failures += usize::from(!within);
        table.row([
            name.clone(),
            number(*limit),
            measured.map_or_else(|| "not measured".to_owned(), |measured| number(*measured)),
            if within { "ok".to_owned() } else { "**over**".to_owned() },
        ]);
    }
    (table, failures)
}

fn is_concerned(suites: &[&str], name: &str) -> bool {
    name.split('.').next().is_some_and(|suite| suites.contains(&suite))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_over_their_limit_or_missing_are_reported() {
        let limits: Limits =
            [("cost.a".to_owned(), 4.0), ("cost.b".to_owned(), 1.0), ("size.c".to_owned(), 1.0)].into();
        check(&limits, &[("cost.a", 4.0), ("cost.b", 0.5)], &["cost"], 0);
        check(&limits, &[("cost.a", 4.1), ("cost.b", 0.5)], &["cost"], 1);
        check(&limits, &[("cost.a", 4.0)], &["cost"], 1);
        check(&limits, &[("cost.a", 4.0), ("cost.b", 1.0)], &["cost", "size"], 1);
    }

    fn check(limits: &BTreeMap<String, f64>, figures: &[(&str, f64)], suites: &[&str], failures: usize) {
        let figures = figures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        assert_eq!(compare(&figures, limits, suites).1, failures, "{figures:?}");
    }
}
