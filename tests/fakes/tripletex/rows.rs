//! Objects as Tripletex keeps them: fields by name, of a kind that knows all there can be.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::decimals::Decimal;
use super::refusals::Refused;

/// One object.
pub(super) type Row = Map<String, Value>;

/// Objects of one kind by their ids.
#[derive(Debug)]
pub(super) struct Rows {
    /// As it stands in their addresses.
    kind: &'static str,
    fields: &'static [&'static str],
    rows: BTreeMap<i64, Row>,
}

impl Rows {
    pub(super) fn new(kind: &'static str, fields: &'static [&'static str]) -> Self {
        Self { kind, fields, rows: BTreeMap::new() }
    }

    pub(super) fn get(&self, id: i64) -> Result<&Row, Refused> {
        self.rows.get(&id).ok_or_else(Refused::not_found)
    }

    pub(super) fn get_mut(&mut self, id: i64) -> Result<&mut Row, Refused> {
        self.rows.get_mut(&id).ok_or_else(Refused::not_found)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    pub(super) fn check(&self, row: &Row) -> Result<(), Refused> {
        check_fields(row, self.fields)
    }

    /// Keeps a new one.
    pub(super) fn add(&mut self, id: i64, mut row: Row) -> &Row {
        row.insert("id".to_owned(), id.into());
        row.insert("version".to_owned(), 0.into());
        row.insert("url".to_owned(), self.url(id).into());
        self.rows.entry(id).or_insert(row)
    }

    /// Changes what is named; a version that is named must be the latest.
    pub(super) fn change(&mut self, id: i64, change: Row) -> Result<&Row, Refused> {
        self.check(&change)?;
        let row = self.rows.get_mut(&id).ok_or_else(Refused::not_found)?;
        let version = integer(row, "version").unwrap_or_default();
        if integer(&change, "version").is_some_and(|known| known != version) {
            return Err(Refused::stale());
        }
        let fixed = ["id", "url", "version"];
        row.extend(change.into_iter().filter(|(name, _)| !fixed.contains(&name.as_str())));
        row.insert("version".to_owned(), (version + 1).into());
        Ok(row)
    }

    pub(super) fn remove(&mut self, id: i64) -> Result<Row, Refused> {
        self.rows.remove(&id).ok_or_else(Refused::not_found)
    }

    /// What other objects say of it.
    pub(super) fn stub(&self, id: i64) -> Value {
        json!({ "id": id, "url": self.url(id) })
    }

    fn url(&self, id: i64) -> String {
        format!("tripletex.no/v2/{}/{id}", self.kind)
    }
}

/// Names all that an object does not have.
pub(super) fn check_fields(row: &Row, fields: &[&str]) -> Result<(), Refused> {
    let unknown: Vec<String> =
        row.keys().filter(|name| !fields.contains(&name.as_str())).cloned().collect();
    if unknown.is_empty() { Ok(()) } else { Err(Refused::unmapped(unknown)) }
}

pub(super) fn text<'row>(row: &'row Row, field: &str) -> &'row str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn integer(row: &Row, field: &str) -> Option<i64> {
    row.get(field).and_then(Value::as_i64)
}

pub(super) fn is_set(row: &Row, field: &str) -> bool {
    row.get(field).and_then(Value::as_bool).unwrap_or_default()
}

/// The id of another object that is named.
pub(super) fn id_in(row: &Row, field: &str) -> Option<i64> {
    row.get(field).and_then(|other| other.get("id")).and_then(Value::as_i64)
}

pub(super) fn decimal(row: &Row, field: &str) -> Option<Decimal> {
    row.get(field).filter(|value| value.is_number())?.to_string().parse().ok()
}

/// As it stands in JSON.
pub(super) fn number(amount: Decimal) -> Value {
    serde_json::from_str(&amount.to_string()).unwrap_or_default()
}
