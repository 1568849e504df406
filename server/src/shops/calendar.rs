//! A shop's own days: which one an instant falls on, and what its legal clocks show.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use order_rules::clocks::{self, Arrival, Calendar, Clocks};
use order_rules::order::{Day, Delivery, Micros, Order};

use super::Shop;

/// Built into the binary, so that every replica counts alike, whatever its machine has.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
const DAY_SECONDS: i64 = 86_400;

/// Whether this is the name of a time zone.
pub(crate) fn is_time_zone(name: &str) -> bool {
    zone(name).is_some()
}

pub(super) fn zone(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok().filter(|zone| !zone.is_unknown())
}

impl Shop {
    /// The day that an instant falls on in the shop's time zone.
    pub(crate) fn day_of(&self, time: Micros) -> Day {
        let seconds = time.0.div_euclid(1_000_000);
        let offset = Timestamp::from_second(seconds)
            .map_or(0, |time| i64::from(self.zone.to_offset(time).seconds()));
        let days = seconds.saturating_add(offset).div_euclid(DAY_SECONDS);
        Day(i32::try_from(days).unwrap_or(i32::MAX))
    }

    /// What the legal clocks of an order show.
    pub(crate) fn clocks(&self, order: &Order) -> Clocks {
        self.with_calendar(|calendar| clocks::clocks(order, calendar))
    }

    /// When a delivery arrived, stated or estimated.
    pub(crate) fn arrival(&self, delivery: &Delivery) -> Arrival {
        self.with_calendar(|calendar| clocks::arrival(delivery, calendar))
    }

    /// Asks a rule that counts days.
    pub(crate) fn with_calendar<Answer>(
        &self,
        ask: impl FnOnce(&Calendar<'_>) -> Answer,
    ) -> Answer {
        let transit_days = self.settings.transit_days();
        ask(&Calendar { transit_days, day_of: &|time| self.day_of(time) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop(time_zone: &str) -> Shop {
        let settings = order_proto::v1::ShopSettings {
            time_zone: time_zone.to_owned(),
            ..order_proto::v1::ShopSettings::default()
        };
        let row = crate::store::rows::ShopRow {
            shop_id: 1,
            slug: "default".to_owned(),
            display_name: "Default".to_owned(),
            settings: prost::Message::encode_to_vec(&settings),
            expiry_warning_micros: 0,
            revision: 1,
            created_at: 0,
        };
        let rows = crate::store::facts::ShopRows {
            shop: row,
            statuses: Vec::new(),
            integrations: Vec::new(),
            settings_revision: 1,
        };
        Shop::from_rows(rows).unwrap()
    }

    #[test]
    fn a_day_begins_at_midnight_of_the_shop_in_summer_and_in_winter() {
        for (zone, instant, day) in [
            ("Europe/Oslo", "2026-11-24T22:59:59Z", "2026-11-24"),
            ("Europe/Oslo", "2026-11-24T23:00:00Z", "2026-11-25"),
            ("Europe/Oslo", "2026-07-01T21:59:59Z", "2026-07-01"),
            ("Europe/Oslo", "2026-07-01T22:00:00Z", "2026-07-02"),
            ("America/New_York", "2026-11-25T04:59:59Z", "2026-11-24"),
            ("America/New_York", "2026-11-25T05:00:00Z", "2026-11-25"),
            ("Pacific/Kiritimati", "2026-11-25T10:00:00Z", "2026-11-26"),
            ("UTC", "1969-12-31T23:59:59Z", "1969-12-31"),
        ] {
            let instant: Timestamp = instant.parse().unwrap();
            let found = shop(zone).day_of(Micros(instant.as_microsecond()));
            assert_eq!(found.to_string(), day, "{instant} in {zone}");
        }
    }

    #[test]
    fn only_names_of_the_time_zone_database_are_time_zones() {
        for name in ["Europe/Oslo", "America/New_York", "UTC", "Etc/GMT+1"] {
            assert!(is_time_zone(name), "{name}");
        }
        for name in [
            "",
            "Oslo time",
            "Europe/Nowhere",
            "CEST",
            "+01:00",
            "Europe/Oslo ",
            "Unknown",
            "Etc/Unknown",
        ] {
            assert!(!is_time_zone(name), "{name}");
        }
    }
}
