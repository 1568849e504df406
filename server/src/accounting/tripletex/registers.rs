//! What an entry needs of a company's set-up at Tripletex: VAT types, payment types, currencies and
//! countries. They are read once and remembered; what is missed is read again, and all of it after a
//! refusal, in case it was set up meanwhile.

use std::collections::BTreeMap;

use order_rules::refusals::Code;
use serde::de::DeserializeOwned;

use super::answers::Stop;
use super::messages::{Coded, List, PaymentType, VatType};
use super::session::{Session, lock};
use crate::accounting::Entry;

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Registers {
    vat_types: Vec<VatType>,
    payment_types: Vec<PaymentType>,
    currencies: BTreeMap<String, i64>,
    countries: BTreeMap<String, i64>,
}

/// The ids of all that an entry needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needed {
    /// By row.
    pub vat_types: Vec<i64>,
    /// For a row of rounding; `None` where there is none.
    pub rounding_vat_type: Option<i64>,
    /// By payment.
    pub payment_types: Vec<Account>,
    pub currency: i64,
}

/// Where a payment is booked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub payment_type: i64,
    /// It is kept in the entry's currency.
    pub is_in_currency: bool,
}

/// In which every company there keeps its books.
const OWN_CURRENCY: &str = "NOK";

/// The VAT types of ordinary sales by rate in basis points; the first that the company has.
const ORDINARY: [(i64, &[i64]); 4] = [(2_500, &[3]), (1_500, &[31]), (1_200, &[32]), (0, &[5, 6])];

impl Session {
    /// What the entry needs of the company's set-up, before anything is made.
    pub(super) async fn needed(&self, entry: &Entry) -> Result<Needed, Stop> {
        let rates = entry.voucher.rows.iter().map(|row| row.vat_rate.basis_points());
        let rounding = (entry.voucher.rounding_minor != 0).then_some(0);
        let rates: Vec<i64> = rates.chain(rounding).collect();
        let mut vat_types = self.vat_types(entry, &rates).await?;
        let rounding_vat_type = rounding.and_then(|_| vat_types.pop());
        let payment_types = self.payment_types(entry).await?;
        let currency = self.currency(entry.currency.code()).await?;
        Ok(Needed { vat_types, rounding_vat_type, payment_types, currency })
    }

    /// Reads everything anew from now on: what it was refused for may be mended in the set-up.
    pub(super) fn forget_registers(&self) {
        *lock(&self.company.registers) = Registers::default();
    }

    async fn vat_types(&self, entry: &Entry, rates: &[i64]) -> Result<Vec<i64>, Stop> {
        let remembered = lock(&self.company.registers).vat_types.clone();
        let find = |types: &[VatType]| {
            rates.iter().map(|rate| vat_type(types, entry, *rate).ok_or(*rate)).collect()
        };
        let found: Result<Vec<i64>, i64> = find(&remembered);
        if let Ok(ids) = found {
            return Ok(ids);
        }
        let query = [("typeOfVat", "OUTGOING".to_owned())];
        let types: Vec<VatType> = self.all("/ledger/vatType", &query).await?;
        let found: Result<Vec<i64>, i64> = find(&types);
        lock(&self.company.registers).vat_types = types;
        found.map_err(|rate_bp| {
            let reason = format!("no VAT type for sales at {rate_bp} basis points");
            Stop::declined(Code::VatNotEnabled, reason)
        })
    }

    async fn payment_types(&self, entry: &Entry) -> Result<Vec<Account>, Stop> {
        let remembered = lock(&self.company.registers).payment_types.clone();
        let code = entry.currency.code();
        let find = |types: &[PaymentType]| {
            let names = entry.payments.iter().map(|paid| paid.payment_type.clone());
            names.map(|name| account(types, &name, code).ok_or(name)).collect()
        };
        let found: Result<Vec<Account>, String> = find(&remembered);
        if let Ok(ids) = found {
            return Ok(ids);
        }
        let types: Vec<PaymentType> = self.all("/invoice/paymentType", &[]).await?;
        let found: Result<Vec<Account>, String> = find(&types);
        lock(&self.company.registers).payment_types = types;
        found.map_err(|name| {
            let reason = format!("no payment type {name} that is shown on orders, for {code}");
            Stop::declined(Code::PaymentTypeMissing, reason)
        })
    }

    async fn currency(&self, code: &str) -> Result<i64, Stop> {
        if let Some(id) = lock(&self.company.registers).currencies.get(code) {
            return Ok(*id);
        }
        let query = [("code", code.to_owned())];
        let found: Vec<Coded> = self.all("/currency", &query).await?;
        let Some(id) = found.iter().find(|one| one.code.as_deref() == Some(code)).map(|one| one.id)
        else {
            let reason = format!("no currency {code}");
            return Err(Stop::declined(Code::CurrencyNotEnabled, reason));
        };
        lock(&self.company.registers).currencies.insert(code.to_owned(), id);
        Ok(id)
    }

    /// `None`: Tripletex does not know it.
    pub(super) async fn country(&self, code: &str) -> Result<Option<i64>, Stop> {
        if let Some(id) = lock(&self.company.registers).countries.get(code) {
            return Ok(Some(*id));
        }
        let query = [("code", code.to_owned())];
        let found: Vec<Coded> = self.all("/country", &query).await?;
        let is_it =
            |one: &&Coded| one.iso_alpha2_code.as_deref().or(one.code.as_deref()) == Some(code);
        let id = found.iter().find(is_it).map(|one| one.id);
        if let Some(id) = id {
            lock(&self.company.registers).countries.insert(code.to_owned(), id);
        }
        Ok(id)
    }

    async fn all<Object: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Vec<Object>, Stop> {
        Ok(self.read::<List<Object>>(path, query).await?.values)
    }
}

/// The type that the shop names for a rate, else that of ordinary sales, else the only one there is.
fn vat_type(types: &[VatType], entry: &Entry, rate_bp: i64) -> Option<i64> {
    let named = i32::try_from(rate_bp).ok().and_then(|rate| entry.vat_types.get(&rate));
    if let Some(named) = named {
        let is_named =
            |one: &&VatType| one.number.as_ref() == Some(named) || one.id.to_string() == *named;
        return types.iter().find(is_named).map(|one| one.id);
    }
    let at_rate: Vec<i64> = types
        .iter()
        .filter(|one| one.percentage.and_then(|percent| percent.in_hundredths()) == Some(rate_bp))
        .map(|one| one.id)
        .collect();
    let ordinary = ORDINARY.iter().find(|(rate, _)| *rate == rate_bp).map(|(_, ids)| *ids);
    let ordinary = ordinary.unwrap_or_default().iter().find(|id| at_rate.contains(id));
    match (ordinary, at_rate.as_slice()) {
        (Some(id), _) | (None, [id]) => Some(*id),
        (None, _) => None,
    }
}

/// By the name of the payment type, in whichever case, or by its id.
fn account(types: &[PaymentType], name: &str, currency: &str) -> Option<Account> {
    let wanted = name.to_lowercase();
    let is_named = |one: &&PaymentType| {
        let names = [one.description.as_ref(), one.display_name.as_ref()];
        names.into_iter().flatten().any(|known| known.to_lowercase() == wanted)
            || one.id.to_string() == wanted
    };
    let found = types.iter().find(is_named)?;
    let own = found.currency_code.as_deref().unwrap_or(OWN_CURRENCY);
    let is_in_currency = own == currency;
    // An invoice tells the rate of its own currency, and of no third one.
    let is_at_rate = own == OWN_CURRENCY;
    (is_in_currency || is_at_rate).then_some(Account { payment_type: found.id, is_in_currency })
}
