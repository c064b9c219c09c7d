//! Which tracker this kernel, in this container, can carry: asked once, by trying.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use crate::error::Error;
use crate::tracker::wp_async;

/// A way to find out which pages were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackerKind {
    /// userfaultfd's asynchronous write protection and `PAGEMAP_SCAN`: Linux 6.7.
    WpAsync,
    /// `mprotect` and a handler for `SIGSEGV`: any POSIX system.
    Sigsegv,
}

impl TrackerKind {
    /// All of them, the best first.
    pub const ALL: [TrackerKind; 2] = [TrackerKind::WpAsync, TrackerKind::Sigsegv];
}

impl fmt::Display for TrackerKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            TrackerKind::WpAsync => "wp-async",
            TrackerKind::Sigsegv => "sigsegv",
        })
    }
}

impl FromStr for TrackerKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<TrackerKind, Error> {
        let known = TrackerKind::ALL
            .into_iter()
            .find(|kind| kind.to_string() == name);
        known.ok_or_else(|| Error::UnknownTracker { name: name.into() })
    }
}

/// The requested tracker, or the best that works here.
///
/// # Errors
/// [`Error::Unavailable`] if the requested one does not work here.
pub fn choose(requested: Option<TrackerKind>) -> Result<TrackerKind, Error> {
    choose_with(requested, &[])
}

/// As [`choose`], as if the `disabled` trackers did not work here: so that fallbacks can be tried where they are not needed.
///
/// # Errors
/// [`Error::Unavailable`] if the requested one does not work here or is disabled, [`Error::NoTracker`] if all are disabled.
pub fn choose_with(
    requested: Option<TrackerKind>,
    disabled: &[TrackerKind],
) -> Result<TrackerKind, Error> {
    let usable = |kind: TrackerKind| {
        if disabled.contains(&kind) {
            return Err(Error::Unavailable {
                kind,
                reason: "it is disabled".into(),
            });
        }
        works(kind).map_err(|reason| Error::Unavailable { kind, reason })
    };
    match requested {
        Some(kind) => usable(kind).map(|()| kind),
        None => TrackerKind::ALL
            .into_iter()
            .find(|kind| usable(*kind).is_ok())
            .ok_or(Error::NoTracker),
    }
}

fn works(kind: TrackerKind) -> Result<(), String> {
    static WP_ASYNC: OnceLock<Result<(), String>> = OnceLock::new();
    match kind {
        TrackerKind::WpAsync => WP_ASYNC.get_or_init(wp_async::self_test).clone(),
        TrackerKind::Sigsegv => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_and_printed() {
        for kind in TrackerKind::ALL {
            assert_eq!(kind.to_string().parse::<TrackerKind>().unwrap(), kind);
        }
        assert!(
            "soft-dirty"
                .parse::<TrackerKind>()
                .unwrap_err()
                .to_string()
                .contains("use wp-async or sigsegv")
        );
    }

    #[test]
    fn disabled_trackers_are_not_chosen() {
        let disabled = [TrackerKind::WpAsync];
        assert_eq!(choose_with(None, &disabled).unwrap(), TrackerKind::Sigsegv);
        assert!(matches!(
            choose_with(Some(TrackerKind::WpAsync), &disabled),
            Err(Error::Unavailable { .. })
        ));
        assert!(matches!(
            choose_with(None, &TrackerKind::ALL),
            Err(Error::NoTracker)
        ));
    }
}
