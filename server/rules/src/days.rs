//! Days of the civil calendar: written as `2026-11-25`, read, and counted on.

use std::fmt;

use crate::order::Day;

/// A day by year, month (1 to 12) and day of the month.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Civil {
    year: i64,
    month: i64,
    day: i64,
}

/// Days of 400 years: after these the calendar repeats itself.
const ERA_DAYS: i64 = 146_097;
/// From 0000-03-01, where the count is simplest, to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;
const MONTHS_PER_YEAR: i64 = 12;
/// 9999-12-31, the last day that is written with four digits of the year.
const LAST_DAY: i64 = 2_932_896;

impl Day {
    /// The day of a text like `2026-11-25`; `None` when there is no such day from year 1 to 9999.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut number = |digits: usize| {
            let part = parts.next()?;
            let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { part.parse::<i64>().ok() } else { None }
        };
        let civil = Civil { year: number(4)?, month: number(2)?, day: number(2)? };
        if parts.next().is_some() || civil.year == 0 {
            return None;
        }
        // What does not come back as it was is no day of the calendar.
        let day = civil.count()?;
        (Civil::of(day) == civil).then_some(day)
    }

    /// So many days later; never past the year 9999.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        bounded(i64::from(self.0) + i64::from(days))
    }

    /// The same day so many months later; the last of that month where it has no such day.
    #[must_use]
    pub fn plus_months(self, months: i32) -> Self {
        let Civil { year, month, day } = Civil::of(self);
        let count = year * MONTHS_PER_YEAR + (month - 1) + i64::from(months);
        let (year, month) =
            (count.div_euclid(MONTHS_PER_YEAR), count.rem_euclid(MONTHS_PER_YEAR) + 1);
        let day = day.min(days_of_month(year, month));
        Civil { year, month, day }.count().unwrap_or(self)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day } = Civil::of(*self);
        write!(formatter, "{year:04}-{month:02}-{day:02}")
    }
}

impl Civil {
    /// Years are counted from March, so that the day of a leap year comes last.
    fn of(day: Day) -> Self {
        let days = i64::from(day.0) + EPOCH_DAYS;
        let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self { year: year_of_era + era * 400 + i64::from(month <= 2), month, day }
    }

    fn count(self) -> Option<Day> {
        if !(1..=MONTHS_PER_YEAR).contains(&self.month) || !(1..=31).contains(&self.day) {
            return None;
        }
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let month_from_march = (self.month + 9) % MONTHS_PER_YEAR;
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        i32::try_from(era * ERA_DAYS + day_of_era - EPOCH_DAYS).ok().map(Day)
    }
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn bounded(days: i64) -> Day {
    Day(i32::try_from(days.min(LAST_DAY)).unwrap_or(i32::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::from_text(text).unwrap_or_else(|| panic!("{text} is no day"))
    }

    #[test]
    fn days_are_counted_from_1970() {
        for (text, count) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("1970-03-01", 59),
            ("2000-02-29", 11_016),
            ("2026-11-25", 20_782),
            ("0001-01-01", -719_162),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(day(text), Day(count), "{text}");
            assert_eq!(Day(count).to_string(), text);
        }
    }

    #[test]
    fn every_day_is_read_as_it_is_written() {
        let mut before = Day(-800);
        for count in -799..80_000 {
            let next = Day(count);
            assert_eq!(Day::from_text(&next.to_string()), Some(next));
            assert_eq!(before.plus_days(1), next);
            before = next;
        }
    }

    #[test]
    fn what_is_no_day_is_not_read() {
        for text in [
            "",
            "2026",
            "2026-11",
            "2026-11-31",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "2027-02-29",
            "1900-02-29",
            "26-11-25",
            "2026-1-5",
            "2026-11-25T00:00",
            " 2026-11-25",
            "+2026-11-2",
            "0000-01-01",
            "2026-11-25-",
            "２０２６-11-25",
        ] {
            assert_eq!(Day::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn a_month_later_is_the_same_day_or_the_last() {
        for (from, months, to) in [
            ("2026-11-25", 12, "2027-11-25"),
            ("2028-02-29", 12, "2029-02-28"),
            ("2028-02-29", 48, "2032-02-29"),
            ("2026-01-31", 1, "2026-02-28"),
            ("2026-12-31", 1, "2027-01-31"),
            ("2026-03-31", -1, "2026-02-28"),
        ] {
            assert_eq!(day(from).plus_months(months), day(to), "{from} and {months}");
        }
        assert_eq!(day("9999-12-31").plus_days(14), day("9999-12-31"));
    }
}
