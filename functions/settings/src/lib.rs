//! Shows the settings of a workspace, and changes its retention, for admins of the workspace.
//!
//! A change and the event about it are one transaction. It takes effect at the time in the answer, for every
//! reader at once. Expired events cannot be restored, so a change that lets events expire must be confirmed.

mod body;

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, json};
use shared::{
    http::{self, Request, Response},
    model::{
        error::Error,
        event::Change,
        identity::AdminClaims,
        principal::Admin,
        rate::ChangeKind,
        retention::{Hold, InvalidChange, NOTICE_SECONDS, Retention, StandingHold},
        service_event,
        settings::Settings,
        timestamp::Timestamp,
    },
    store::{Store, Written},
    system,
    text::problem::FieldError,
};

use self::body::Patch;
pub use self::body::{FIELDS, HOLD_FIELDS, MAX_BODY_BYTES, MAX_REASON_BYTES};

/// Attempts to read settings again that changed meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// Answers the two routes of `/api/{workspace}/settings`.
///
/// `claims` names the claims of an admin's JWT.
///
/// # Errors
/// None: every failure is an answer.
pub async fn handle(
    store: &Store,
    claims: &Arc<AdminClaims>,
    request: lambda_http::Request,
) -> Result<Response, lambda_http::Error> {
    let request = Request::of_admins(request, claims);
    let answer = match request.route() {
        "GET /api/{workspace}/settings" => show(store, &request).await,
        "PATCH /api/{workspace}/settings" => change(store, &request).await,
        _ => Err(Error::UnknownRoute),
    };
    Ok(http::respond(&request, answer))
}

async fn show(store: &Store, request: &Request) -> Result<Response, Error> {
    let admin = request.admin()?;
    let settings = store.settings_now(&admin.workspace).await?;
    Ok(http::ok(&WorkspaceSettings::of(&settings, system::now())))
}

async fn change(store: &Store, request: &Request) -> Result<Response, Error> {
    let admin = request.admin()?;
    let patch = Patch::parse(&request.body(MAX_BODY_BYTES)?)?;
    let kind = if patch.legal_hold.is_some() { ChangeKind::LegalHold } else { ChangeKind::Other };
    store.count_change(&admin.workspace, kind, system::now()).await?;
    for _ in 0..MAX_ATTEMPTS {
        let settings = store.settings_now(&admin.workspace).await?;
        let now = system::now();
        let from = patch.effective_from.unwrap_or_else(|| now.plus_seconds(NOTICE_SECONDS));
        let Changed { retention, changes } = changed(&settings.retention, &patch, &admin, from, now)?;
        if changes.is_empty() {
            return Ok(http::ok(&WorkspaceSettings::of(&settings, now)));
        }
        let context = Map::from_iter([("effective_from".to_owned(), json!(from))]);
        let origin = request.origin(now, system::settings_id(), system::salt());
        let event = service_event::settings_changed(&admin, origin, changes, context);
        // If we crash after it, the change is made and recorded; the admin repeats the request, and there is
        // nothing left to do.
        if let Written::Now(_) = store.set_retention(&settings.retention, &retention, &event).await? {
            return Ok(http::ok(&WorkspaceSettings::of(&Settings { retention, ..settings }, now)));
        }
    }
    Err(Error::Contention("other requests keep changing the settings".into()))
}

/// The retention after a change, and the changed fields.
struct Changed {
    retention: Retention,
    changes: Vec<Change>,
}

/// Applies a patch to the retention.
///
/// # Errors
/// If the change is invalid, or lets events expire and is not confirmed.
fn changed(
    old: &Retention,
    patch: &Patch,
    admin: &Admin,
    from: Timestamp,
    now: Timestamp,
) -> Result<Changed, Error> {
    let (mut new, mut changes) = (old.clone(), Vec::new());
    let mut note = |path: &str, old, new| changes.push(Change { path: path.to_owned(), old, new });
    let to_come = old.days_to_come(now);
    let otherwise = |days| match to_come {
        // A retry leaves it as it is.
        Some(to_come) => {
            to_come.value != days || patch.effective_from.is_some_and(|from| from != to_come.from)
        }
        None => old.days(now) != days,
    };
    if let Some(days) = patch.retention_days.filter(|days| otherwise(*days)) {
        new = new.keep(days, from, now).map_err(|error| refused("/retention_days", error))?;
        note("/retention_days", json!(old.days(from)), json!(days));
    }
    if let Some(reason) = &patch.legal_hold {
        let standing = old.standing_hold(now).filter(|standing| standing.until.is_none());
        let was = standing.map(|standing| standing.hold.reason.as_str());
        if was != reason.as_deref() {
            let hold = reason.clone().map(|reason| Hold { reason, by: admin.user_id.clone() });
            new = new.with_hold(hold, from, now).map_err(|error| refused("/legal_hold", error))?;
            note("/legal_hold/reason", json!(was), json!(reason));
        }
    }
    match new.expires_sooner_than(old, now).filter(|_| !patch.confirm) {
        None => Ok(Changed { retention: new, changes }),
        Some((at, before)) => {
            let detail = format!(
                "under these settings more events expire, for good: at {at} all from before {before}; send true for that"
            );
            Err(Error::InvalidBody(vec![FieldError::new("/confirm", "required", detail)]))
        }
    }
}

fn refused(pointer: &str, error: InvalidChange) -> Error {
    let pointer = match error {
        InvalidChange::Imminent(from) => return Error::SettingsChanging(from),
        InvalidChange::Days => pointer,
        InvalidChange::TooSoon | InvalidChange::TooLate => "/effective_from",
    };
    Error::InvalidBody(vec![FieldError::new(pointer, "out_of_range", error.to_string())])
}

/// The settings of a workspace.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Settings))]
pub struct WorkspaceSettings<'a> {
    /// Days for which events are kept; null means without limit.
    #[cfg_attr(feature = "openapi", schema(required))]
    retention_days: Option<u32>,
    /// All events before this time have expired; null if none has.
    #[cfg_attr(feature = "openapi", schema(required))]
    retained_from: Option<Timestamp>,
    /// The next retention, if one is scheduled.
    #[cfg_attr(feature = "openapi", schema(required))]
    retention_to_come: Option<RetentionToCome>,
    /// The hold that is in effect, or takes effect soon.
    #[cfg_attr(feature = "openapi", schema(required))]
    legal_hold: Option<LegalHold<'a>>,
    /// Receipts cover all expired events before this time.
    #[cfg_attr(feature = "openapi", schema(required))]
    receipted_to: Option<Timestamp>,
    /// The number of partitions over which events are spread, from each day on; one before the first day. The
    /// operator sets it.
    shards: Vec<ShardsSince>,
}

/// A scheduled retention.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct RetentionToCome {
    /// Days for which events will be kept; null means without limit.
    #[cfg_attr(feature = "openapi", schema(required))]
    retention_days: Option<u32>,
    /// The time from which it applies.
    from: Timestamp,
}

/// A legal hold: while it is in effect, nothing expires.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct LegalHold<'a> {
    /// The reason for it.
    reason: &'a str,
    /// The admin who placed it, by their id in the product.
    by: &'a str,
    /// The time from which it is in effect.
    from: Timestamp,
    /// The time at which it ends, if its end is set.
    #[cfg_attr(feature = "openapi", schema(required))]
    until: Option<Timestamp>,
}

/// The number of partitions over which events are spread, from a day on.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct ShardsSince {
    /// The start of the day, in UTC.
    from: Timestamp,
    /// The number of partitions.
    count: u8,
}

impl<'a> WorkspaceSettings<'a> {
    fn of(settings: &'a Settings, now: Timestamp) -> Self {
        let Settings { shards, retention, retention_digest: _, expiry } = settings;
        Self {
            retention_days: retention.days(now),
            retained_from: retention.retained_from(now),
            retention_to_come: retention
                .days_to_come(now)
                .map(|days| RetentionToCome { retention_days: days.value, from: days.from }),
            legal_hold: retention.standing_hold(now).map(|standing: StandingHold<'a>| {
                let StandingHold { hold: Hold { reason, by }, from, until } = standing;
                LegalHold { reason, by, from, until }
            }),
            receipted_to: expiry.receipted_to.as_ref().map(|position| position.timestamp),
            shards: shards
                .changes()
                .iter()
                .map(|since| ShardsSince { from: since.from, count: since.count })
                .collect(),
        }
    }
}
