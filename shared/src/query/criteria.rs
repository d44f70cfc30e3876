//! The filters for which there is no index: exclusions, texts that people see, and addresses.
//!
//! Reads by time, the feed and streams all use them through this module.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    model::{
        catalogue::{Action, Category},
        event::{Actor, Event},
    },
    text::json::canonical,
};

/// The longest search text, in characters.
pub const MAX_TEXT_CHARACTERS: usize = 1000;

/// Conditions without an index. They are combined with AND.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Criteria {
    /// Excluded actions.
    pub not_actions: Vec<Action>,
    /// Excluded categories.
    pub not_categories: Vec<&'static Category>,
    /// The ids of excluded actors.
    pub not_actors: Vec<String>,
    /// The id of the user on whose behalf the actor acted.
    pub on_behalf_of: Option<String>,
    /// The beginning of the actor's name.
    pub actor_name: Option<FoldedText>,
    /// The beginning of the entity's name.
    pub entity_name: Option<FoldedText>,
    /// A part of a text that people see.
    pub contains: Option<FoldedText>,
    /// The addresses of the actor.
    pub ip: Option<AddressRange>,
}

/// A search text, compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct FoldedText {
    text: String,
    folded: String,
}

/// An address, or all addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressRange {
    /// The first address.
    network: IpAddr,
    /// The number of common bits.
    bits: u8,
}

/// The text is not a range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an IPv4 or IPv6 address such as 203.0.113.9 or 2001:db8::1, without a port, or a range such as 203.0.113.0/24"
)]
pub struct InvalidAddress;

impl Criteria {
    /// Whether an event meets all conditions. An erased part meets no condition on it, except exclusions.
    pub fn matches(&self, event: &Event) -> bool {
        let Self {
            not_actions,
            not_categories,
            not_actors,
            on_behalf_of,
            actor_name,
            entity_name,
            contains,
            ip,
        } = self;
        let actor = event.actor.as_ref();
        !not_actions.contains(&event.action)
            && !not_categories.contains(&event.action.category())
            && !actor.is_some_and(|actor| not_actors.contains(&actor.user_id))
            && on_behalf_of.as_ref().is_none_or(|id| principals(actor).any(|user| user.user_id == *id))
            && begins_with(actor_name, actor.and_then(|actor| actor.username.as_ref()))
            && begins_with(entity_name, event.entity.as_ref().and_then(|entity| entity.entity_name.as_ref()))
            && ip
                .is_none_or(|range| actor.and_then(|actor| actor.ip.as_ref()).is_some_and(|ip| range.has(ip)))
            && contains.as_ref().is_none_or(|text| text.is_seen_in(event))
    }

    /// Whether only few events may match. Exclusions alone match most events.
    pub fn is_selective(&self) -> bool {
        let Self {
            not_actions: _,
            not_categories: _,
            not_actors: _,
            on_behalf_of,
            actor_name,
            entity_name,
            contains,
            ip,
        } = self;
        on_behalf_of.is_some()
            || actor_name.is_some()
            || entity_name.is_some()
            || contains.is_some()
            || ip.is_some()
    }

    /// The conditions that are set, as query parameters. Each excluded actor has its own parameter, because an id may
    /// contain a comma.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let Self {
            not_actions,
            not_categories,
            not_actors,
            on_behalf_of,
            actor_name,
            entity_name,
            contains,
            ip,
        } = self;
        let actors = not_actors.iter().map(|actor| ("not_actor", Some(actor.clone())));
        [
            ("not_action", joined(not_actions.iter().map(Action::name).collect())),
            ("not_category", joined(not_categories.iter().map(|category| category.name).collect())),
            ("on_behalf_of", on_behalf_of.clone()),
            ("actor_name", as_sent(actor_name)),
            ("entity_name", as_sent(entity_name)),
            ("contains", as_sent(contains)),
            ("ip", ip.map(|range| range.to_string())),
        ]
        .into_iter()
        .chain(actors)
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

fn begins_with(wanted: &Option<FoldedText>, name: Option<&String>) -> bool {
    wanted.as_ref().is_none_or(|wanted| name.is_some_and(|name| wanted.begins(name)))
}

fn joined(names: Vec<&str>) -> Option<String> {
    (!names.is_empty()).then(|| names.join(","))
}

fn as_sent(text: &Option<FoldedText>) -> Option<String> {
    text.as_ref().map(|text| text.text.clone())
}

/// The users on whose behalf an actor acted, the nearest first.
fn principals(actor: Option<&Actor>) -> impl Iterator<Item = &Actor> {
    std::iter::successors(actor, |actor| actor.on_behalf_of.as_deref()).skip(1)
}

impl FoldedText {
    /// The text as it was sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether another text begins with it.
    pub fn begins(&self, text: &str) -> bool {
        fold(text).starts_with(&self.folded)
    }

    /// Whether another text contains it.
    pub fn is_in(&self, text: &str) -> bool {
        fold(text).contains(&self.folded)
    }

    /// Whether another text contains it as a word, without a letter or digit before or after it.
    pub fn is_word_of(&self, text: &str) -> bool {
        let text = fold(text);
        text.match_indices(&self.folded).any(|(at, word)| {
            let around = [text[..at].chars().next_back(), text[at + word.len()..].chars().next()];
            !around.into_iter().flatten().any(char::is_alphanumeric)
        })
    }

    /// Whether a text of the event that people see contains it: a name, the description, or a value of the context or of a
    /// change.
    fn is_seen_in(&self, event: &Event) -> bool {
        let actor = event.actor.as_ref();
        let names = actor
            .into_iter()
            .chain(principals(actor))
            .filter_map(|actor| actor.username.as_deref())
            .chain(event.entity.as_ref().and_then(|entity| entity.entity_name.as_deref()))
            .chain(event.description());
        let changed = event.changes.iter().flat_map(|change| [&change.old, &change.new]);
        names.into_iter().any(|text| self.is_in(text))
            || event.context.values().chain(changed).any(|value| self.is_in_value(value))
    }

    fn is_in_value(&self, value: &Value) -> bool {
        match value {
            Value::Null => false,
            Value::String(text) => self.is_in(text),
            Value::Bool(_) | Value::Number(_) => self.is_in(&canonical(value)),
            Value::Array(values) => values.iter().any(|value| self.is_in_value(value)),
            Value::Object(members) => members.values().any(|value| self.is_in_value(value)),
        }
    }
}

/// Removes the case of a text. It converts to upper case first, because some letters have several lower-case forms.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

impl From<String> for FoldedText {
    fn from(text: String) -> Self {
        Self { folded: fold(&text), text }
    }
}

impl From<FoldedText> for String {
    fn from(text: FoldedText) -> Self {
        text.text
    }
}

impl AddressRange {
    /// Parses an address, or a range in CIDR notation (RFC 4632, RFC 4291 §2.3). An IPv4-mapped IPv6 address is read as the
    /// IPv4 address.
    ///
    /// # Errors
    /// [`InvalidAddress`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let sent: IpAddr = address.parse().map_err(|_| InvalidAddress)?;
        let bits = match bits {
            None => width(sent),
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits: &u8| bits.to_string().len() == text.len() - address.len() - 1)
                .filter(|bits| *bits <= width(sent))
                .ok_or(InvalidAddress)?,
        };
        let address = sent.to_canonical();
        let shorter = width(sent) - width(address);
        let (address, bits) = match bits.checked_sub(shorter) {
            Some(bits) => (address, bits),
            None => (sent, bits),
        };
        Ok(Self { network: masked(address, bits), bits })
    }

    /// Whether the range contains a recorded address.
    pub fn has(&self, recorded: &str) -> bool {
        read(recorded).is_some_and(|address| {
            address.is_ipv4() == self.network.is_ipv4() && masked(address, self.bits) == self.network
        })
    }
}

/// The address in a recorded text: alone, or with brackets, a zone or a port, as servers write it into logs.
fn read(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    let address = bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// The number of bits of an address.
fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// An address with all bits after the first `bits` set to 0.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

impl std::fmt::Display for AddressRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { network, bits } = self;
        if *bits == width(*network) { write!(f, "{network}") } else { write!(f, "{network}/{bits}") }
    }
}

impl TryFrom<String> for AddressRange {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        Self::parse(&text)
    }
}

impl From<AddressRange> for String {
    fn from(range: AddressRange) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_compared_as_addresses() {
        fn check(range: &str, recorded: &str, expected: bool) {
            assert_eq!(AddressRange::parse(range).unwrap().has(recorded), expected, "{range} {recorded}");
        }
        check("2001:db8::1", "2001:DB8:0:0:0:0:0:1", true);
        check("2001:0DB8:0000::0001", "2001:db8::1", true);
        check("203.0.113.9", "::ffff:203.0.113.9", true);
        check("::ffff:203.0.113.9", "203.0.113.9", true);
        check("::ffff:cb00:7109", "203.0.113.9", true);
        check("203.0.113.9", "203.0.113.90", false);
        check("203.0.113.0/24", "203.0.113.255", true);
        check("203.0.113.77/24", "203.0.113.1", true);
        check("203.0.113.0/24", "203.0.114.0", false);
        check("203.0.113.0/25", "203.0.113.128", false);
        check("0.0.0.0/0", "198.51.100.1", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("::/0", "2001:db8::1", true);
        check("::/0", "198.51.100.1", false);
        check("::ffff:203.0.113.0/120", "203.0.113.8", true);
        check("::ffff:203.0.113.0/120", "203.0.114.8", false);
        check("::ffff:0:0/96", "203.0.113.8", true);
        check("::/8", "203.0.113.8", false);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/33", "2001:db8:ffff::1", false);
        check("203.0.113.9", "203.0.113.9:443", true);
        check("2001:db8::1", "[2001:db8::1]:443", true);
        check("2001:db8::1", "[2001:db8::1]", true);
        check("fe80::1", "fe80::1%eth0", true);
        check("203.0.113.9", " 203.0.113.9", true);
        check("203.0.113.9", "unknown", false);
        check("0.0.0.0/0", "", false);
    }

    #[test]
    fn a_malformed_address_is_refused() {
        for text in [
            "300.1.1.1",
            "203.0.113",
            "203.0.113.09",
            "203.0.113.9:443",
            "203.0.113.0/33",
            "203.0.113.0/",
            "203.0.113.0/+8",
            "203.0.113.0/08",
            "203.0.113.0/24/8",
            "203.0.113.0/255.255.255.0",
            "203.0.113.*",
            "2001:db8::/129",
            "2001:db8:::1",
            "[2001:db8::1]",
            "fe80::1%eth0",
            "unknown",
            "/24",
            " 203.0.113.9",
        ] {
            assert_eq!(AddressRange::parse(text), Err(InvalidAddress), "{text}");
        }
    }

    #[test]
    fn one_range_has_one_spelling() {
        fn check(text: &str, expected: &str) {
            assert_eq!(AddressRange::parse(text).unwrap().to_string(), expected);
        }
        check("203.0.113.9/24", "203.0.113.0/24");
        check("203.0.113.9/32", "203.0.113.9");
        check("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
        check("::ffff:203.0.113.9", "203.0.113.9");
        check("::ffff:203.0.113.9/104", "203.0.0.0/8");
    }

    #[test]
    fn case_does_not_matter() {
        fn check(wanted: &str, text: &str, expected: bool) {
            assert_eq!(FoldedText::from(wanted.to_owned()).is_in(text), expected, "{wanted} in {text}");
        }
        check("PETER", "Saint-peter's", true);
        check("straße", "STRASSE 7", true);
        check("STRASSE", "Straße 7", true);
        check("σίσυφος", "ΣΊΣΥΦΟΣ", true);
        check("ÅSA", "åsa", true);
        check("ユーザー", "新しいユーザーです", true);
        check("petra", "peter", false);
        let prefix = FoldedText::from("JÜR".to_owned());
        assert!(prefix.begins("jürgen") && !prefix.begins("Hans Jürgen"));
    }

    proptest! {
        #[test]
        fn an_address_is_in_each_range_that_begins_with_its_bits(address: u128, bits in 0_u8..=128, other: u128) {
            let range = AddressRange::parse(&format!("{}/{bits}", Ipv6Addr::from_bits(address))).unwrap();
            let same = bits == 0 || address >> (128 - bits) == other >> (128 - bits);
            // IPv4 addresses in the form of IPv6 are in ranges of IPv4.
            let other = Ipv6Addr::from_bits(other);
            if other.to_ipv4_mapped().is_none() && range.network.is_ipv6() {
                prop_assert_eq!(range.has(&other.to_string()), same);
            }
            prop_assert_eq!(AddressRange::parse(&range.to_string()), Ok(range));
        }

        #[test]
        fn a_text_is_in_itself_in_every_case(text in "\\PC{1,12}", before in "\\PC{0,4}") {
            let wanted = FoldedText::from(text.clone());
            let around = format!("{before}{text}");
            prop_assert!(wanted.is_in(&around));
            prop_assert!(wanted.is_in(&text.chars().flat_map(char::to_uppercase).collect::<String>()));
            prop_assert!(wanted.begins(&text));
        }
    }
}
