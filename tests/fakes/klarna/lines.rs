//! Order lines and shipping info, and what Klarna wants of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line. Amounts with tax, minor units.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrderLine {
    pub name: String,
    pub quantity: i64,
    pub unit_price: i64,
    pub total_amount: i64,
    #[serde(rename = "type", default)]
    pub kind: LineKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Percent with two implied decimals.
    #[serde(default)]
    pub tax_rate: i64,
    #[serde(default)]
    pub total_discount_amount: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_tax_amount: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant_data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_identifiers: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    #[default]
    Physical,
    Discount,
    ShippingFee,
    SalesTax,
    StoreCredit,
    GiftCard,
    Digital,
    Surcharge,
    ReturnFee,
}

/// How a parcel goes, and how it may come back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShippingInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_company: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_shipping_company: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_tracking_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_tracking_uri: Option<String>,
}

pub(super) const AMOUNT_MAX: i64 = 200_000_000;
pub(super) const TEXT_MAX: usize = 255;
const LINES_MAX: usize = 1_000;
const SHIPPING_MAX: usize = 500;
const UNIT_MAX: usize = 10;
const COMPANY_MAX: usize = 100;
const URL_MAX: usize = 1_024;
const METHODS: [&str; 13] = [
    "PickUpStore",
    "Home",
    "BoxReg",
    "BoxUnreg",
    "PickUpPoint",
    "Own",
    "Postal",
    "DHLPackstation",
    "Digital",
    "Undefined",
    "PickUpWarehouse",
    "ClickCollect",
    "PalletDelivery",
];

/// Everything that is wrong with an operation's amount and lines.
pub(super) fn check(field: &str, amount: i64, lines: &[OrderLine]) -> Vec<String> {
    let mut wrong = Vec::new();
    if !(0..=AMOUNT_MAX).contains(&amount) {
        wrong.push(format!("Bad value: {field} must be between 0 and {AMOUNT_MAX}"));
    }
    if lines.len() > LINES_MAX {
        wrong.push(format!("Bad value: order_lines has more than {LINES_MAX} items"));
    }
    for (place, line) in lines.iter().enumerate() {
        line.check(place, &mut wrong);
    }
    let sum: i128 = lines.iter().map(|line| i128::from(line.total_amount)).sum();
    if !lines.is_empty() && sum != i128::from(amount) {
        wrong.push(format!(
            "Bad value: {field} {amount} does not equal the sum of order_lines {sum}"
        ));
    }
    wrong
}

pub(super) fn check_text(field: &str, text: Option<&String>, most: usize, wrong: &mut Vec<String>) {
    if text.is_some_and(|text| text.chars().count() > most) {
        wrong.push(format!("Bad value: {field} is longer than {most}"));
    }
}

pub(super) fn check_shipping(shipping: &[ShippingInfo], wrong: &mut Vec<String>) {
    if shipping.len() > SHIPPING_MAX {
        wrong.push(format!("Bad value: shipping_info has more than {SHIPPING_MAX} items"));
    }
    for info in shipping {
        check_text("shipping_company", info.shipping_company.as_ref(), COMPANY_MAX, wrong);
        check_text("tracking_number", info.tracking_number.as_ref(), COMPANY_MAX, wrong);
        check_text("tracking_uri", info.tracking_uri.as_ref(), URL_MAX, wrong);
        let company = info.return_shipping_company.as_ref();
        check_text("return_shipping_company", company, COMPANY_MAX, wrong);
        let number = info.return_tracking_number.as_ref();
        check_text("return_tracking_number", number, COMPANY_MAX, wrong);
        check_text("return_tracking_uri", info.return_tracking_uri.as_ref(), URL_MAX, wrong);
        if let Some(method) = &info.shipping_method
            && !METHODS.contains(&method.as_str())
        {
            wrong.push("Bad value: shipping_method".to_owned());
        }
    }
}

impl OrderLine {
    fn check(&self, place: usize, wrong: &mut Vec<String>) {
        let field = |name: &str| format!("order_lines[{place}].{name}");
        check_text(&field("name"), Some(&self.name), TEXT_MAX, wrong);
        check_text(&field("reference"), self.reference.as_ref(), TEXT_MAX, wrong);
        check_text(&field("quantity_unit"), self.quantity_unit.as_ref(), UNIT_MAX, wrong);
        check_text(&field("merchant_data"), self.merchant_data.as_ref(), URL_MAX, wrong);
        check_text(&field("product_url"), self.product_url.as_ref(), URL_MAX, wrong);
        check_text(&field("image_url"), self.image_url.as_ref(), URL_MAX, wrong);
        if self.name.is_empty() {
            wrong.push(format!("Missing value: {}", field("name")));
        }
        for (name, value) in [
            ("quantity", self.quantity),
            ("tax_rate", self.tax_rate),
            ("total_discount_amount", self.total_discount_amount),
        ] {
            if value < 0 {
                wrong.push(format!("Bad value: {} is negative", field(name)));
            }
        }
        for (name, value) in [
            ("unit_price", self.unit_price),
            ("total_amount", self.total_amount),
            ("total_discount_amount", self.total_discount_amount),
            ("total_tax_amount", self.total_tax_amount.unwrap_or_default()),
        ] {
            if value > AMOUNT_MAX {
                wrong.push(format!("Bad value: {} is more than {AMOUNT_MAX}", field(name)));
            }
        }
        let total = i128::from(self.quantity) * i128::from(self.unit_price)
            - i128::from(self.total_discount_amount);
        if total != i128::from(self.total_amount) {
            wrong.push(format!("Bad value: {} should be {total}", field("total_amount")));
        }
        if self.kind != LineKind::SalesTax && self.is_tax_wrong() {
            wrong.push(format!("Bad value: {}", field("total_tax_amount")));
        }
        if self.kind == LineKind::ReturnFee && (self.unit_price >= 0 || self.total_amount >= 0) {
            wrong.push(format!("Bad value: {} of a return_fee is negative", field("unit_price")));
        }
    }

    /// By more than what rounding explains.
    fn is_tax_wrong(&self) -> bool {
        let (total, rate) = (i128::from(self.total_amount), i128::from(self.tax_rate.max(0)));
        let tax = total * rate / (10_000 + rate);
        self.total_tax_amount.is_some_and(|stated| (i128::from(stated) - tax).abs() > 1)
    }
}
