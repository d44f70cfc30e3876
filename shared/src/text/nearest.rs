//! "Did you mean": the known names that are nearest to an unknown one.

/// The longest name that is compared with others: the comparison takes the product of both lengths.
pub const MAX_COMPARED_BYTES: usize = 64;

/// Names that other APIs use for the same thing.
const SYNONYMS: &[(&str, &str)] = &[
    ("from", "start_timestamp"),
    ("since", "start_timestamp"),
    ("start", "start_timestamp"),
    ("to", "end_timestamp"),
    ("until", "end_timestamp"),
    ("end", "end_timestamp"),
    ("user", "actor"),
    ("actor_id", "actor"),
    ("actor.id", "actor"),
    ("page_size", "limit"),
    ("email", "username"),
    ("ip_address", "ip"),
    ("occurred_at", "timestamp"),
    ("metadata", "context"),
    ("target", "entity"),
];

/// Up to three known names that the client may have meant by `name`. First come synonyms, then names that contain it as a
/// whole part (`user_id` for `id`), then names that differ in a letter or two.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if name.is_empty() || name.len() > MAX_COMPARED_BYTES {
        return Vec::new();
    }
    let name = &name.to_ascii_lowercase();
    let mut near: Vec<(f64, &str)> =
        known.into_iter().map(|candidate| (likeness(name, candidate), candidate)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    // If one name means the same, names that only look alike would mislead.
    let least =
        if near.first().is_some_and(|(best, _)| *best >= SAME_WORD) { SAME_WORD } else { LIKE_ENOUGH };
    near.retain(|(likeness, _)| *likeness >= least);
    near.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// Names with at least this likeness are suggested.
const LIKE_ENOUGH: f64 = 0.5;
/// The likeness of two names if one is a part of the other.
const SAME_WORD: f64 = 1.5;

/// How alike a name and a known one are, from 0 to 2.
fn likeness(name: &str, known: &str) -> f64 {
    if SYNONYMS.contains(&(name, known)) {
        return 2.0;
    }
    let is_end = name.len() > 2 && known.ends_with(name);
    if is_end || known.split('_').any(|part| part == name) || name.split(['_', '.']).any(|part| part == known)
    {
        return SAME_WORD;
    }
    // A name of four letters with two of them wrong is another name.
    if name.chars().count().min(known.chars().count()) <= 4 && strsim::damerau_levenshtein(name, known) > 1 {
        return 0.0;
    }
    strsim::normalized_damerau_levenshtein(name, known)
}

/// A clause such as `; did you mean group_created or group_deleted?`, or an empty text if no known name is near.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(name, known).as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_to_a_misspelt_one_are_found() {
        let actions = ["user_created", "group_created", "group_deleted"];
        assert_eq!(nearest("group_craeted", actions)[0], "group_created");
        assert_eq!(nearest("zzzzzz", actions), Vec::<&str>::new());
        assert_eq!(nearest(&"group_created".repeat(1000), actions), Vec::<&str>::new());
        fn check(name: &str, known: &[&str], expected: &[&str]) {
            assert_eq!(nearest(name, known.iter().copied()), expected, "{name}");
        }
        let actor = ["user_id", "username", "ip", "user_agent", "type", "on_behalf_of"];
        check("id", &actor, &["user_id"]);
        check("email", &actor, &["username"]);
        check("name", &actor, &["username"]);
        check("usernme", &actor, &["username", "user_id", "user_agent"]);
        let filters = ["start_timestamp", "end_timestamp", "action", "actor", "ip", "format", "limit"];
        check("from", &filters, &["start_timestamp"]);
        check("actor.id", &filters, &["actor"]);
        check("iq", &filters, &["ip"]);
        check("xy", &filters, &[]);
    }
}
