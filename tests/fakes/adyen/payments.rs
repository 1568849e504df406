//! Card payments at Adyen, and what becomes of what is asked of them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    pub currency: String,
    /// Minor units.
    pub value: i64,
}

/// An authorised payment, as a checkout leaves it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewPayment {
    /// 16 characters; made up where it is left out.
    pub psp_reference: String,
    /// The merchant's own.
    pub reference: String,
    pub value: i64,
    pub currency: String,
    pub payment_method: String,
    /// How long the card holds it.
    pub days: u16,
    /// The remainder stays when a part is captured.
    pub has_partial_captures: bool,
    /// More can be authorised afterwards.
    pub can_rise: bool,
    /// The card's bank said no, in these words.
    pub refusal: String,
}

/// Minor units of its currency.
#[derive(Clone, Debug)]
pub struct Payment {
    pub psp_reference: String,
    pub reference: String,
    pub currency: String,
    pub payment_method: String,
    pub authorized: i64,
    pub captured: i64,
    pub refunded: i64,
    /// What is left is held no more.
    pub is_over: bool,
    pub is_cancelled: bool,
    expires_at: Timestamp,
    is_expiry_told: bool,
    has_partial_captures: bool,
    can_rise: bool,
    /// By their own references, with what they moved.
    pub(super) captures: BTreeMap<String, i64>,
    pub(super) refunds: BTreeMap<String, i64>,
}

/// What was asked of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Modification {
    Capture(i64),
    Refund(i64),
    Cancel,
    /// Whichever of the two fits, all of it.
    CancelOrRefund,
    Update(i64),
}

/// What really happened: how much moved, or why nothing did.
pub(super) type Outcome = Result<i64, String>;

const VALID_DAYS: u16 = 7;

impl Default for NewPayment {
    fn default() -> Self {
        Self {
            psp_reference: String::new(),
            reference: String::new(),
            value: 0,
            currency: "NOK".to_owned(),
            payment_method: "visa".to_owned(),
            days: VALID_DAYS,
            has_partial_captures: false,
            can_rise: false,
            refusal: String::new(),
        }
    }
}

impl NewPayment {
    /// Of this amount, and as usual otherwise.
    #[must_use]
    pub fn of(reference: &str, value: i64) -> Self {
        Self { reference: reference.to_owned(), value, ..Self::default() }
    }
}

impl Payment {
    pub(super) fn new(new: NewPayment, psp_reference: String, now: Timestamp) -> Self {
        Self {
            psp_reference,
            reference: new.reference,
            currency: new.currency,
            payment_method: new.payment_method,
            authorized: new.value,
            captured: 0,
            refunded: 0,
            is_over: !new.refusal.is_empty(),
            is_cancelled: false,
            expires_at: now + SignedDuration::from_hours(24 * i64::from(new.days)),
            is_expiry_told: false,
            has_partial_captures: new.has_partial_captures,
            can_rise: new.can_rise,
            captures: BTreeMap::new(),
            refunds: BTreeMap::new(),
        }
    }

    /// Lets go of what was not captured in time; whether that is news.
    pub(super) fn expire(&mut self, now: Timestamp) -> bool {
        let is_news = self.expires_at <= now && !self.is_over && !self.is_expiry_told;
        if is_news {
            self.is_expiry_told = true;
            self.is_over = true;
        }
        is_news
    }

    pub(super) fn modify(&mut self, asked: Modification, id: &str) -> Outcome {
        match asked {
            Modification::Capture(value) => self.capture(value, id),
            Modification::Refund(value) => self.refund(value, id),
            Modification::Cancel => self.cancel(),
            Modification::CancelOrRefund if self.captured == 0 => self.cancel(),
            Modification::CancelOrRefund => self.refund(self.captured - self.refunded, id),
            Modification::Update(total) => self.update(total),
        }
    }

    fn capture(&mut self, value: i64, id: &str) -> Outcome {
        if self.is_cancelled {
            return Err("Transaction has been cancelled".to_owned());
        }
        if self.is_expiry_told {
            return Err("Capture expired".to_owned());
        }
        if self.is_over || value > self.authorized - self.captured {
            return Err("Insufficient balance on payment".to_owned());
        }
        self.captured += value;
        self.captures.insert(id.to_owned(), value);
        self.is_over = !self.has_partial_captures || self.captured == self.authorized;
        Ok(value)
    }

    fn refund(&mut self, value: i64, id: &str) -> Outcome {
        if self.captured == 0 {
            return Err("Transaction hasn't been captured".to_owned());
        }
        if value > self.captured - self.refunded {
            return Err("Insufficient balance on payment".to_owned());
        }
        self.refunded += value;
        self.refunds.insert(id.to_owned(), value);
        Ok(value)
    }

    fn cancel(&mut self) -> Outcome {
        if self.is_cancelled {
            return Err("Transaction has been cancelled".to_owned());
        }
        if self.captured > 0 {
            return Err("Transaction has been captured".to_owned());
        }
        if self.is_expiry_told {
            return Err("Authorisation expired".to_owned());
        }
        self.is_cancelled = true;
        self.is_over = true;
        Ok(self.authorized)
    }

    fn update(&mut self, total: i64) -> Outcome {
        if self.is_over || self.captured > 0 {
            return Err("Authorisation cannot be adjusted".to_owned());
        }
        if total > self.authorized && !self.can_rise {
            return Err("Not supported by the issuer".to_owned());
        }
        self.authorized = total;
        Ok(total)
    }

    /// A capture that was told to succeed did not; what it had moved.
    pub(super) fn take_back_capture(&mut self, id: &str) -> Option<i64> {
        let value = self.captures.remove(id)?;
        self.captured -= value;
        Some(value)
    }

    /// A refund that was told to succeed did not; what it had moved.
    pub(super) fn take_back_refund(&mut self, id: &str) -> Option<i64> {
        let value = self.refunds.remove(id)?;
        self.refunded -= value;
        Some(value)
    }
}
