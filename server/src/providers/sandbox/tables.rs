//! The tables of the sandbox's book.

diesel::table! {
    reservations (shop, provider, reference) {
        shop -> Text,
        provider -> Text,
        reference -> Text,
        currency -> Text,
        authorized_minor -> BigInt,
        captured_minor -> BigInt,
        refunded_minor -> BigInt,
        released_minor -> BigInt,
        is_voided -> Bool,
        expires_at -> BigInt,
        opened_at -> BigInt,
    }
}

diesel::table! {
    entries (sequence) {
        sequence -> BigInt,
        key -> Text,
        shop -> Text,
        provider -> Text,
        reference -> Text,
        kind -> Text,
        asked_minor -> BigInt,
        currency -> Text,
        outcome -> Text,
        done_minor -> BigInt,
        expires_at -> Nullable<BigInt>,
        code -> Nullable<Text>,
        reason -> Nullable<Text>,
        provider_reference -> Text,
        received_at -> BigInt,
        happened_at -> BigInt,
    }
}

diesel::table! {
    calls (sequence) {
        sequence -> BigInt,
        key -> Text,
        shop -> Text,
        provider -> Text,
        reference -> Text,
        kind -> Text,
        asked_minor -> BigInt,
        is_look_up -> Bool,
        received_at -> BigInt,
    }
}

/// The checks are a second guard: a mistake here must not pass for a provider's mistake.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS reservations (
    shop TEXT NOT NULL,
    provider TEXT NOT NULL,
    reference TEXT NOT NULL,
    currency TEXT NOT NULL,
    authorized_minor INTEGER NOT NULL,
    captured_minor INTEGER NOT NULL,
    refunded_minor INTEGER NOT NULL,
    released_minor INTEGER NOT NULL,
    is_voided INTEGER NOT NULL CHECK (is_voided IN (0, 1)),
    expires_at INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    PRIMARY KEY (shop, provider, reference),
    CHECK (captured_minor >= 0 AND released_minor >= 0),
    CHECK (captured_minor + released_minor <= authorized_minor),
    CHECK (refunded_minor BETWEEN 0 AND captured_minor),
    CHECK (is_voided = 0 OR captured_minor = 0)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    shop TEXT NOT NULL,
    provider TEXT NOT NULL,
    reference TEXT NOT NULL,
    kind TEXT NOT NULL,
    asked_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('DONE', 'DECLINED')),
    done_minor INTEGER NOT NULL,
    expires_at INTEGER,
    code TEXT,
    reason TEXT,
    provider_reference TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    happened_at INTEGER NOT NULL,
    CHECK ((outcome = 'DECLINED') = (code IS NOT NULL AND reason IS NOT NULL))
) STRICT;
CREATE INDEX IF NOT EXISTS entries_of_reservation ON entries (reference, provider, shop);
CREATE TABLE IF NOT EXISTS calls (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    shop TEXT NOT NULL,
    provider TEXT NOT NULL,
    reference TEXT NOT NULL,
    kind TEXT NOT NULL,
    asked_minor INTEGER NOT NULL,
    is_look_up INTEGER NOT NULL CHECK (is_look_up IN (0, 1)),
    received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS calls_of_reservation ON calls (reference, kind, provider, shop);
";
