//! What is filled in for each system that a shop can work with: one list of fields a system, by which
//! the service checks, stores and compares, and the command line asks.

use std::fmt;
use std::ops::RangeInclusive;

use crate::v1;
use crate::v1::integration::System;

/// A field of a system's message.
#[derive(Debug)]
pub struct Field<'a> {
    /// As in the message.
    pub name: &'static str,
    pub slot: Slot<'a>,
    /// With another value it is another account: what is kept at the one is not found at the other.
    pub is_home: bool,
}

/// Where a field's value is, and what is allowed there.
pub enum Slot<'a> {
    /// A value of an enum other than its first, which says nothing.
    Choice {
        value: &'a mut i32,
        choices: Choices,
    },
    /// A line of so many characters, by a further form.
    Text {
        value: &'a mut String,
        characters: RangeInclusive<usize>,
        form: Form,
    },
    /// Goes in and never comes out; at most so many characters.
    Secret {
        value: &'a mut String,
        most: usize,
        is_required: bool,
        form: Form,
    },
    /// Where the stand-in is, while the choice of the endpoint says that there is one.
    StandInUrl(&'a mut String),
    Number {
        value: &'a mut i64,
        range: RangeInclusive<i64>,
    },
    Flag(&'a mut bool),
}

/// The values of an enum.
#[derive(Clone, Copy)]
pub struct Choices {
    /// What all their names begin with.
    pub prefix: &'static str,
    pub name_of: fn(i32) -> Option<&'static str>,
    pub value_of: fn(&str) -> Option<i32>,
    /// The value that means a stand-in on the service's own machine.
    pub stand_in: Option<i32>,
}

/// What is wrong with a text, if anything is.
pub type Form = fn(&str) -> Option<&'static str>;

/// The systems by the names they have in the message.
pub const KINDS: [&str; 7] =
    ["sandbox", "klarna", "vipps", "adyen", "tripletex", "cargonizer", "smtp"];

/// Of the address of a stand-in.
pub const URL_CHARACTERS_MAX: usize = 200;
const STAND_IN_URL: &str = "stand_in_url";

/// The name of a system in the message.
#[must_use]
pub fn kind(system: &System) -> &'static str {
    match system {
        System::Sandbox(_) => "sandbox",
        System::Klarna(_) => "klarna",
        System::Vipps(_) => "vipps",
        System::Adyen(_) => "adyen",
        System::Tripletex(_) => "tripletex",
        System::Cargonizer(_) => "cargonizer",
        System::Smtp(_) => "smtp",
    }
}

/// A system of this name with nothing filled in.
#[must_use]
pub fn empty(kind: &str) -> Option<System> {
    match kind {
        "sandbox" => Some(System::Sandbox(v1::SandboxIntegration {})),
        "klarna" => Some(System::Klarna(v1::KlarnaIntegration::default())),
        "vipps" => Some(System::Vipps(v1::VippsIntegration::default())),
        "adyen" => Some(System::Adyen(v1::AdyenIntegration::default())),
        "tripletex" => Some(System::Tripletex(v1::TripletexIntegration::default())),
        "cargonizer" => Some(System::Cargonizer(v1::CargonizerIntegration::default())),
        "smtp" => Some(System::Smtp(v1::SmtpIntegration::default())),
        _ => None,
    }
}

/// The fields of a system.
pub fn fields(system: &mut System) -> Vec<Field<'_>> {
    match system {
        System::Sandbox(v1::SandboxIntegration {}) => Vec::new(),
        System::Klarna(v1::KlarnaIntegration { endpoint, username, password, stand_in_url }) => {
            vec![
                home("endpoint", choice::<v1::KlarnaEndpoint>(endpoint)),
                open("username", text(username, 1..=200, without_colon)),
                open("password", secret(password, 500)),
                stand_in(stand_in_url),
            ]
        }
        System::Vipps(v1::VippsIntegration {
            endpoint,
            client_id,
            client_secret,
            subscription_key,
            merchant_serial_number,
            stand_in_url,
            webhook_secret,
        }) => vec![
            home("endpoint", choice::<v1::VippsEndpoint>(endpoint)),
            open("client_id", text(client_id, 1..=200, visible)),
            open("client_secret", header(client_secret, 500)),
            open("subscription_key", header(subscription_key, 500)),
            home("merchant_serial_number", text(merchant_serial_number, 1..=20, digits)),
            open("webhook_secret", optional_secret(webhook_secret, 500)),
            stand_in(stand_in_url),
        ],
        System::Adyen(adyen) => adyen_fields(adyen),
        System::Tripletex(v1::TripletexIntegration {
            endpoint,
            consumer_token,
            employee_token,
            stand_in_url,
            order_number_prefix,
        }) => vec![
            home("endpoint", choice::<v1::TripletexEndpoint>(endpoint)),
            open("consumer_token", secret(consumer_token, 500)),
            open("employee_token", secret(employee_token, 500)),
            stand_in(stand_in_url),
            home("order_number_prefix", text(order_number_prefix, 0..=20, of_an_order_number)),
        ],
        System::Cargonizer(v1::CargonizerIntegration {
            endpoint,
            api_key,
            sender_id,
            stand_in_url,
        }) => {
            vec![
                home("endpoint", choice::<v1::CargonizerEndpoint>(endpoint)),
                open("api_key", secret(api_key, 200)),
                // A user has one of its own for the same sender.
                open("sender_id", text(sender_id, 1..=20, digits)),
                stand_in(stand_in_url),
            ]
        }
        System::Smtp(v1::SmtpIntegration { host, port, security, username, password }) => vec![
            open("host", text(host, 1..=253, host_name)),
            open("port", Slot::Number { value: port, range: 1..=65_535 }),
            open("security", choice::<v1::SmtpSecurity>(security)),
            open("username", text(username, 0..=200, any)),
            open("password", optional_secret(password, 500)),
        ],
    }
}

fn adyen_fields(adyen: &mut v1::AdyenIntegration) -> Vec<Field<'_>> {
    let v1::AdyenIntegration {
        endpoint,
        live_url_prefix,
        merchant_account,
        api_key,
        hmac_key,
        webhook_username,
        webhook_password,
        stand_in_url,
        multiple_partial_captures,
    } = adyen;
    vec![
        home("endpoint", choice::<v1::AdyenEndpoint>(endpoint)),
        open("live_url_prefix", text(live_url_prefix, 0..=100, part_of_host)),
        home("merchant_account", text(merchant_account, 1..=80, any)),
        open("api_key", secret(api_key, 500)),
        open("hmac_key", secret_of(hmac_key, 200, hexadecimal)),
        open("webhook_username", text(webhook_username, 0..=100, without_colon)),
        open("webhook_password", optional_secret(webhook_password, 200)),
        stand_in(stand_in_url),
        open("multiple_partial_captures", Slot::Flag(multiple_partial_captures)),
    ]
}

/// Every path of a mask over the fields of systems: `klarna`, `klarna.endpoint`, and so on.
#[must_use]
pub fn paths() -> Vec<String> {
    let of_kind = |kind: &str| {
        let mut system = empty(kind);
        let fields = system.as_mut().map(fields).unwrap_or_default();
        let paths = fields.iter().map(|field| format!("{kind}.{}", field.name));
        [kind.to_owned()].into_iter().chain(paths).collect::<Vec<_>>()
    };
    KINDS.into_iter().flat_map(of_kind).collect()
}

/// Whether the system is a stand-in on the service's own machine.
#[must_use]
pub fn is_stand_in(system: &System) -> bool {
    let mut system = system.clone();
    fields(&mut system).iter().any(|field| match &field.slot {
        Slot::Choice { value, choices } => choices.stand_in == Some(**value),
        _ => false,
    })
}

/// Whether the system tells by webhook alone what became of what it was asked for.
#[must_use]
pub fn needs_webhooks(system: &System) -> bool {
    matches!(system, System::Adyen(_))
}

/// The system without anything secret.
#[must_use]
pub fn without_secrets(mut system: System) -> System {
    for field in fields(&mut system) {
        if let Slot::Secret { value, .. } = field.slot {
            value.clear();
        }
    }
    system
}

impl Slot<'_> {
    /// Takes the value of another slot of the same kind.
    pub fn copy_from(&mut self, other: &Self) {
        match (self, other) {
            (Self::Choice { value, .. }, Self::Choice { value: other, .. }) => **value = **other,
            (Self::Number { value, .. }, Self::Number { value: other, .. }) => **value = **other,
            (Self::Flag(value), Self::Flag(other)) => **value = **other,
            (Self::Text { value, .. }, Self::Text { value: other, .. })
            | (Self::Secret { value, .. }, Self::Secret { value: other, .. })
            | (Self::StandInUrl(value), Self::StandInUrl(other)) => value.clone_from(other),
            _ => {}
        }
    }

    /// The value as a person writes it; nothing of a secret.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Choice { value, choices } => choices.word(**value),
            Self::Text { value, .. } => (*value).clone(),
            Self::StandInUrl(value) => (*value).clone(),
            Self::Number { value, .. } => value.to_string(),
            Self::Flag(value) => value.to_string(),
            Self::Secret { .. } => String::new(),
        }
    }

    /// Sets the value as a person writes it.
    ///
    /// # Errors
    /// What it must be instead.
    pub fn write(&mut self, text: &str) -> Result<(), String> {
        match self {
            Self::Choice { value, choices } => **value = choices.read(text)?,
            Self::Text { value, .. } | Self::Secret { value, .. } | Self::StandInUrl(value) => {
                text.clone_into(value);
            }
            Self::Number { value, range } => {
                let (least, most) = (range.start(), range.end());
                let number = text.parse().ok().filter(|number| range.contains(number));
                **value =
                    number.ok_or_else(|| format!("must be a number from {least} to {most}"))?;
            }
            Self::Flag(value) => {
                **value = text.parse().map_err(|_| "must be true or false".to_owned())?;
            }
        }
        Ok(())
    }
}

impl Choices {
    /// The value as a person writes it: `europe-playground`. Empty for the first, which says nothing.
    #[must_use]
    pub fn word(&self, value: i32) -> String {
        let name = (self.name_of)(value).filter(|_| value != 0).unwrap_or_default();
        let name = name.strip_prefix(self.prefix).unwrap_or(name);
        name.to_ascii_lowercase().replace('_', "-")
    }

    /// Whether it is one of the values, and says something.
    #[must_use]
    pub fn is_known(&self, value: i32) -> bool {
        value != 0 && (self.name_of)(value).is_some()
    }

    fn read(&self, text: &str) -> Result<i32, String> {
        let name = format!("{}{}", self.prefix, text.to_ascii_uppercase().replace('-', "_"));
        (self.value_of)(&name)
            .filter(|value| *value != 0)
            .ok_or_else(|| format!("must be one of: {}", self.words().join(", ")))
    }

    /// All values that say something, as a person writes them.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let words = (1..).map_while(|value| (self.name_of)(value).map(|_| self.word(value)));
        words.collect()
    }
}

impl fmt::Debug for Slot<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { value, .. } => {
                write!(formatter, "a secret, {}", if value.is_empty() { "not set" } else { "set" })
            }
            slot => write!(formatter, "{:?}", slot.told()),
        }
    }
}

/// An enum of the contract that says where a system is, or how it is used.
trait Enumerated {
    const CHOICES: Choices;
}

macro_rules! enumerated {
    ($($name:ident: $prefix:literal, stand in: $stand_in:expr;)+) => {
        $(
            impl Enumerated for v1::$name {
                const CHOICES: Choices = Choices {
                    prefix: $prefix,
                    name_of: |value| Self::try_from(value).ok().map(|known| known.as_str_name()),
                    value_of: |name| Self::from_str_name(name).map(i32::from),
                    stand_in: $stand_in,
                };
            }
        )+
    };
}

enumerated! {
    KlarnaEndpoint: "KLARNA_ENDPOINT_", stand in: Some(v1::KlarnaEndpoint::StandIn as i32);
    VippsEndpoint: "VIPPS_ENDPOINT_", stand in: Some(v1::VippsEndpoint::StandIn as i32);
    AdyenEndpoint: "ADYEN_ENDPOINT_", stand in: Some(v1::AdyenEndpoint::StandIn as i32);
    TripletexEndpoint: "TRIPLETEX_ENDPOINT_",
        stand in: Some(v1::TripletexEndpoint::StandIn as i32);
    CargonizerEndpoint: "CARGONIZER_ENDPOINT_",
        stand in: Some(v1::CargonizerEndpoint::StandIn as i32);
    SmtpSecurity: "SMTP_SECURITY_", stand in: Some(v1::SmtpSecurity::None as i32);
}

/// One that may change while payments are kept there.
fn open<'a>(name: &'static str, slot: Slot<'a>) -> Field<'a> {
    Field { name, slot, is_home: false }
}

/// One of those that say which account it is.
fn home<'a>(name: &'static str, slot: Slot<'a>) -> Field<'a> {
    Field { name, slot, is_home: true }
}

fn stand_in(value: &mut String) -> Field<'_> {
    home(STAND_IN_URL, Slot::StandInUrl(value))
}

fn choice<E: Enumerated>(value: &mut i32) -> Slot<'_> {
    Slot::Choice { value, choices: E::CHOICES }
}

fn text(value: &mut String, characters: RangeInclusive<usize>, form: Form) -> Slot<'_> {
    Slot::Text { value, characters, form }
}

/// A secret without which nothing works.
fn secret(value: &mut String, most: usize) -> Slot<'_> {
    Slot::Secret { value, most, is_required: true, form: any }
}

/// The same, of a form of its own.
fn secret_of(value: &mut String, most: usize, form: Form) -> Slot<'_> {
    Slot::Secret { value, most, is_required: true, form }
}

/// A secret that the other side may not ask for.
fn optional_secret(value: &mut String, most: usize) -> Slot<'_> {
    Slot::Secret { value, most, is_required: false, form: any }
}

/// A secret that stands in a header as it is.
fn header(value: &mut String, most: usize) -> Slot<'_> {
    Slot::Secret { value, most, is_required: true, form: visible }
}

fn any(_: &str) -> Option<&'static str> {
    None
}

/// For a user name of basic authentication.
fn without_colon(text: &str) -> Option<&'static str> {
    text.contains(':').then_some("must not have a colon")
}

/// For what stands in the middle of an address.
fn part_of_host(text: &str) -> Option<&'static str> {
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!text.bytes().all(is_right)).then_some("must have letters, digits and - alone")
}

/// For the name of a server, or its address.
fn host_name(text: &str) -> Option<&'static str> {
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || b".-:".contains(&byte);
    (!text.bytes().all(is_right)).then_some("must be the name of a server, or its address")
}

/// For a key of at least 32 bytes that is shown so.
fn hexadecimal(text: &str) -> Option<&'static str> {
    let is_long_enough = text.len() >= 64 && text.len().is_multiple_of(2);
    let is_right = is_long_enough && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!is_right).then_some("must be an even number of hexadecimal digits, at least 64")
}

/// For a header of HTTP.
fn visible(text: &str) -> Option<&'static str> {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    (!is_visible).then_some("must be visible ASCII characters")
}

fn digits(text: &str) -> Option<&'static str> {
    let are_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (!are_digits).then_some("must be digits")
}

/// For a part of an order's number in the books.
fn of_an_order_number(text: &str) -> Option<&'static str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
    (!text.bytes().all(is_allowed)).then_some("must have letters, digits, -, _ and / only")
}
