//! Reads the trouble that a payment's reference orders.

use std::time::Duration;

use order_rules::payments::OperationKind;

/// What the sandbox does with an operation of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Decline,
    DeclineOnce,
    Expired,
    Slow(Duration),
    SlowDecline(Duration),
    Later(Duration),
    LaterDecline(Duration),
    TimeoutAfter(Option<Duration>),
    TimeoutBefore(Option<Duration>),
    Hang,
    Unavailable(Option<Duration>),
    Busy(Duration),
    /// Authorize only: holds so many minor units.
    Amount(i64),
    /// Authorize only: the reservation expires after so long.
    Expires(Duration),
}

/// What look-ups do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadBehaviour {
    /// Keeps no account that could be asked for.
    Nothing,
    Lag(Duration),
    Unavailable(Option<Duration>),
}

/// Everything a reference orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    behaviours: Vec<(OperationKind, Behaviour)>,
    pub read: Option<ReadBehaviour>,
}

/// An order that makes no sense, quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnknownBehaviour(String);

/// What separates a reference's orders from the rest of it.
const MARK: char = '~';

impl Orders {
    /// The orders after the mark; none when there is no mark.
    pub(super) fn parse(reference: &str) -> Result<Self, UnknownBehaviour> {
        let mut orders = Self::default();
        let Some((_, list)) = reference.split_once(MARK) else { return Ok(orders) };
        for item in list.split(',') {
            orders.read_item(item).ok_or_else(|| UnknownBehaviour(item.to_owned()))?;
        }
        Ok(orders)
    }

    /// The behaviour ordered for this kind; the first where several are.
    pub(super) fn of(&self, kind: OperationKind) -> Option<Behaviour> {
        self.behaviours
            .iter()
            .find(|(ordered, _)| *ordered == kind)
            .map(|&(_, behaviour)| behaviour)
    }

    fn read_item(&mut self, item: &str) -> Option<()> {
        let (kind, behaviour) = item.split_once('=')?;
        let (name, value) = match behaviour.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (behaviour, None),
        };
        if kind == "read" {
            self.read = Some(read_behaviour(name, value)?);
            return Some(());
        }
        let kind = kind_named(kind)?;
        let behaviour = behaviour_named(name, value, kind)?;
        self.behaviours.push((kind, behaviour));
        Some(())
    }
}

impl std::fmt::Display for UnknownBehaviour {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}`", self.0)
    }
}

/// The kind's name in references and in the book.
pub(super) fn kind_name(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Authorize => "authorize",
        OperationKind::UpdateAmount => "update",
        OperationKind::Capture => "capture",
        OperationKind::Release => "release",
        OperationKind::Void => "void",
        OperationKind::Refund => "refund",
        OperationKind::CaptureReversal => "capture-reversal",
    }
}

fn kind_named(name: &str) -> Option<OperationKind> {
    const CALLABLE: [OperationKind; 6] = [
        OperationKind::Authorize,
        OperationKind::UpdateAmount,
        OperationKind::Capture,
        OperationKind::Release,
        OperationKind::Void,
        OperationKind::Refund,
    ];
    CALLABLE.into_iter().find(|&kind| kind_name(kind) == name)
}

fn behaviour_named(name: &str, value: Option<&str>, kind: OperationKind) -> Option<Behaviour> {
    let bare = |behaviour| value.is_none().then_some(behaviour);
    let needed = || duration(value?);
    match name {
        "decline" => bare(Behaviour::Decline),
        "decline-once" => bare(Behaviour::DeclineOnce),
        "expired" => bare(Behaviour::Expired),
        "hang" => bare(Behaviour::Hang),
        "slow" => needed().map(Behaviour::Slow),
        "slow-decline" => needed().map(Behaviour::SlowDecline),
        "later" => needed().map(Behaviour::Later),
        "later-decline" => needed().map(Behaviour::LaterDecline),
        "busy" => needed().map(Behaviour::Busy),
        "timeout-after" => optional(value).map(Behaviour::TimeoutAfter),
        "timeout-before" => optional(value).map(Behaviour::TimeoutBefore),
        "unavailable" => optional(value).map(Behaviour::Unavailable),
        "amount" if kind == OperationKind::Authorize => {
            value?.parse().ok().filter(|&amount| amount >= 0).map(Behaviour::Amount)
        }
        "expires" if kind == OperationKind::Authorize => needed().map(Behaviour::Expires),
        _ => None,
    }
}

fn read_behaviour(name: &str, value: Option<&str>) -> Option<ReadBehaviour> {
    match name {
        "lag" => duration(value?).map(ReadBehaviour::Lag),
        "unavailable" => optional(value).map(ReadBehaviour::Unavailable),
        "none" => value.is_none().then_some(ReadBehaviour::Nothing),
        _ => None,
    }
}

/// Nothing, or a duration; `None` is one that cannot be read.
fn optional(value: Option<&str>) -> Option<Option<Duration>> {
    value.map_or(Some(None), |value| duration(value).map(Some))
}

/// `500ms`, `2s` or `3m`.
fn duration(text: &str) -> Option<Duration> {
    let (number, milliseconds): (&str, u64) = if let Some(number) = text.strip_suffix("ms") {
        (number, 1)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1_000)
    } else {
        (text.strip_suffix('m')?, 60_000)
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(milliseconds).map(Duration::from_millis)
}
