//! The settings of a shop by name: their defaults, and setting one of them.

use order_proto::v1;

/// The number of a shop's first order, unless its settings say otherwise.
const FIRST_ORDER_NUMBER: i64 = 1_001;
/// The number of a shop's first credit, unless its settings say otherwise.
const FIRST_CREDIT_NUMBER: i64 = 1;
/// A COMPLETED status delivers what is undelivered, unless the settings say otherwise (2.2).
const COMPLETED_DELIVERS: bool = true;
/// Days that goods are under way, unless the settings say otherwise.
const TRANSIT_DAYS: i32 = 3;

/// Makes the list of settings, and the function that sets one by its path.
macro_rules! settings {
    ($($name:ident),+ $(,)?) => {
        /// The path of every setting, as in an update mask.
        pub(crate) const SETTINGS: &[&str] = &[$(concat!("settings.", stringify!($name))),+];

        /// Gives the setting of this path the value it has in `from`. False: no setting has it.
        pub(crate) fn assign(path: &str, from: &v1::ShopSettings, to: &mut v1::ShopSettings) -> bool {
            match path {
                $(concat!("settings.", stringify!($name)) => to.$name.clone_from(&from.$name),)+
                _ => return false,
            }
            true
        }
    };
}

settings! {
    language_code,
    time_zone,
    currency_code,
    stock_mode,
    capture_mode,
    duplicate_mode,
    duplicate_window_seconds,
    completed_delivers,
    next_order_number,
    credit_order_status,
    next_credit_number,
    transit_days,
    seller,
    note_defaults,
    confirms_orders,
    mail_templates,
    expiry_warning_days,
    accounting,
    labels,
}

/// The starting status that credit orders of a new shop get, unless its settings say otherwise (4.4).
const CREDIT_ORDER_STATUS: &str = "processing";

/// How far apart two purchases of a new shop may be and still look like one: a day (7.1).
const DUPLICATE_WINDOW_SECONDS: i32 = 24 * 60 * 60;

/// Days before a reservation expires that a new shop is warned (2.8).
const EXPIRY_WARNING_DAYS: i32 = 3;
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// How long before a reservation expires the shop is warned; 0: never.
pub(crate) fn expiry_warning_micros(settings: &v1::ShopSettings) -> i64 {
    i64::from(settings.expiry_warning_days()).saturating_mul(DAY_MICROS)
}

/// The settings of a new shop: those stated, the others at their defaults.
pub(crate) fn with_defaults(slug: &str, mut settings: v1::ShopSettings) -> v1::ShopSettings {
    let text = |value: &mut String, default: &str| {
        if value.is_empty() {
            default.clone_into(value);
        }
    };
    text(&mut settings.language_code, "nb");
    text(&mut settings.time_zone, "Europe/Oslo");
    text(&mut settings.currency_code, "NOK");
    let status = format!("shops/{slug}/orderStatuses/{CREDIT_ORDER_STATUS}");
    text(&mut settings.credit_order_status, &status);
    if settings.stock_mode() == v1::StockMode::Unspecified {
        settings.set_stock_mode(v1::StockMode::Allow);
    }
    if settings.capture_mode() == v1::CaptureMode::Unspecified {
        settings.set_capture_mode(v1::CaptureMode::OnCompleted);
    }
    settings.completed_delivers.get_or_insert(COMPLETED_DELIVERS);
    if settings.duplicate_mode() == v1::DuplicateMode::Unspecified {
        settings.set_duplicate_mode(v1::DuplicateMode::Flag);
    }
    settings.duplicate_window_seconds.get_or_insert(DUPLICATE_WINDOW_SECONDS);
    settings.expiry_warning_days.get_or_insert(EXPIRY_WARNING_DAYS);
    if settings.next_order_number == 0 {
        settings.next_order_number = FIRST_ORDER_NUMBER;
    }
    if settings.next_credit_number == 0 {
        settings.next_credit_number = FIRST_CREDIT_NUMBER;
    }
    settings.transit_days.get_or_insert(TRANSIT_DAYS);
    settings
}
