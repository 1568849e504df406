//! Fields of what is done with a person's data: exporting and erasing it.

use order_proto::v1;

use super::Fields;
use super::envelope::Envelope;
use super::lists::Page;
use crate::commands::Failure;
use crate::grpc::caller::Caller;
use crate::shops::persons::PersonName;

/// A page of a person's orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PersonPage {
    pub(crate) shop: String,
    pub(crate) person: PersonName,
    pub(crate) page: Page,
}

/// Whose data are to go, and how it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Erasing {
    pub(crate) shop: String,
    pub(crate) person: PersonName,
    pub(crate) envelope: Envelope,
}

const RECORDS_PAGE_SIZE: usize = 50;
const RECORDS_PAGE_SIZE_MAX: usize = 200;
const EMAIL_CHARACTERS_MAX: usize = 254;
const CUSTOMER_ID_CHARACTERS_MAX: usize = 100;

/// Checks `ExportCustomer`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn export_customer(request: v1::ExportCustomerRequest) -> Result<PersonPage, Failure> {
    let v1::ExportCustomerRequest { parent, person, page_size, page_token } = request;
    let mut fields = Fields::default();
    let shop = fields.shop("parent", &parent);
    let person = fields.person(person);
    let Page { size, token } = fields.page(page_size, page_token, RECORDS_PAGE_SIZE);
    let page = Page { size: size.min(RECORDS_PAGE_SIZE_MAX), token };
    fields.finish().map(|()| PersonPage { shop, person, page })
}

/// Checks `EraseCustomer`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn erase_customer(
    mut request: v1::EraseCustomerRequest,
    caller: &Caller,
) -> Result<Erasing, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::EraseCustomerRequest { parent, person, request_id: _, validate_only: _ } = request;
    let shop = fields.shop("parent", &parent);
    let person = fields.person(person);
    fields.finish().map(|()| Erasing { shop, person, envelope })
}

impl Fields {
    fn person(&mut self, person: Option<v1::Person>) -> PersonName {
        match person.and_then(|person| person.identity) {
            Some(v1::person::Identity::Email(email)) => {
                PersonName::Email(self.line("person.email", email, 1..=EMAIL_CHARACTERS_MAX))
            }
            Some(v1::person::Identity::CustomerId(id)) => PersonName::CustomerId(self.line(
                "person.customer_id",
                id,
                1..=CUSTOMER_ID_CHARACTERS_MAX,
            )),
            None => {
                self.refuse("person", "must have an email or a customer_id");
                PersonName::CustomerId(String::new())
            }
        }
    }
}
