//! 3.2 The withdrawal form: the statutory content, with seller, order and customer filled in.

mod letters;
mod page;
#[cfg(test)]
mod tests;
mod words;

use order_proto::v1;

use self::page::{Pages, Weight};
use self::words::{Words, words};
use super::matter::Matter;
use super::view::{address_lines, date};

/// The form as a file.
pub(super) struct Form {
    pub file_name: String,
    pub pdf: Vec<u8>,
}

/// Of more lines than these it is told how many there are: the customer writes down which.
const LINES_LISTED_MAX: usize = 12;
/// Lines to write on, beside goods that are all listed.
const BLANKS_BESIDE_ALL: usize = 1;
/// Lines to write on, for goods that are not.
const BLANKS_FOR_OTHERS: usize = 3;

/// The form for the order of a mail, in the customer's language or else in English.
pub(super) fn withdrawal_form(matter: &Matter) -> Form {
    let (language, words) = words(matter.customer_language());
    let order = &matter.order;
    let title = format!("{} {}", words.title, order.number);
    let mut pages = Pages::new();
    pages.text(words.title, 20, Weight::Bold);
    pages.gap(4);
    pages.text(words.instruction, 10, Weight::Regular);
    pages.gap(14);
    seller(&mut pages, words, matter.settings.seller.clone().unwrap_or_default());
    pages.gap(12);
    pages.text(words.notice, 11, Weight::Regular);
    pages.gap(8);
    goods(&mut pages, words, order);
    pages.gap(8);
    pages.field(words.number, &[order.number.to_string()]);
    let ordered = date(order.create_time, &matter.settings.time_zone, language);
    pages.field(words.ordered, &[ordered]);
    pages.field(words.received, &[]);
    pages.gap(8);
    let customer = order.customer.clone().unwrap_or_default();
    pages.field(words.name, &[customer.full_name]);
    pages.field(words.address, &consumer_address(order));
    pages.field(words.date, &[]);
    pages.gap(10);
    pages.field(words.signature, &[]);
    Form {
        file_name: format!("{}-{}.pdf", words.file, order.number),
        pdf: pages.finish(&title, language),
    }
}

fn seller(pages: &mut Pages, words: &Words, seller: v1::Seller) {
    let v1::Seller { name, address, email, phone, organization_number: _ } = seller;
    pages.text(words.to, 10, Weight::Bold);
    pages.gap(2);
    let lines = std::iter::once(name).chain(address_lines(address.as_ref())).chain([email, phone]);
    for line in lines.filter(|line| !line.is_empty()) {
        pages.text(&line, 11, Weight::Regular);
    }
}

/// What may be withdrawn from: each line with a box, or room to write.
fn goods(pages: &mut Pages, words: &Words, order: &v1::Order) {
    let lines: Vec<&v1::Line> = order
        .lines
        .iter()
        .filter(|line| line.kind() == v1::LineKind::Goods && line.quantity > 0)
        .collect();
    pages.text(words.goods, 10, Weight::Bold);
    pages.gap(4);
    for line in lines.iter().take(LINES_LISTED_MAX) {
        pages.choice(&format!("{} × {}", line.quantity, line.title));
    }
    let unlisted = lines.len().saturating_sub(LINES_LISTED_MAX);
    if unlisted > 0 {
        pages.text(&words.more.replace("{}", &unlisted.to_string()), 11, Weight::Regular);
    }
    let is_whole = unlisted == 0 && !lines.is_empty();
    for _ in 0..if is_whole { BLANKS_BESIDE_ALL } else { BLANKS_FOR_OTHERS } {
        pages.blank();
    }
}

/// Where the bill goes, else where the goods go.
fn consumer_address(order: &v1::Order) -> Vec<String> {
    let billing = address_lines(order.billing_address.as_ref());
    if billing.is_empty() { address_lines(order.shipping_address.as_ref()) } else { billing }
}
