//! Who gets the goods, and what travels with them.

use order_proto::v1;

use super::{consignee, message_of, missing_of};

fn personal(change: impl FnOnce(&mut v1::Customer, &mut v1::Address)) -> v1::Order {
    let mut customer = v1::Customer {
        full_name: "Kari Testesen".to_owned(),
        phone: "+47 400 00 000".to_owned(),
        ..v1::Customer::default()
    };
    let mut address = v1::Address {
        lines: vec!["Gata 1".to_owned(), String::new(), "2. etg".to_owned(), "Oppg. B".to_owned()],
        postal_code: "6310".to_owned(),
        city: "Veblungsnes".to_owned(),
        region_code: "NO".to_owned(),
        ..v1::Address::default()
    };
    change(&mut customer, &mut address);
    let (customer, shipping_address) = (Some(customer), Some(address));
    v1::Order { customer, shipping_address, ..v1::Order::default() }
}

#[test]
fn goods_go_to_the_shipping_address() {
    let known = consignee(&personal(|_, _| {}));
    assert_eq!((known.name.as_str(), known.contact_person.as_str()), ("Kari Testesen", ""));
    assert_eq!(
        (known.address.as_str(), known.more_address.as_str()),
        ("Gata 1", "2. etg, Oppg. B")
    );
    assert_eq!(known.phone, "+4740000000");
    let gift = consignee(&personal(|_, address| "Ola".clone_into(&mut address.recipient)));
    assert_eq!(gift.name, "Ola");
    let company =
        consignee(&personal(|_, address| "Fjell AS".clone_into(&mut address.organization)));
    assert_eq!(
        (company.name.as_str(), company.contact_person.as_str()),
        ("Fjell AS", "Kari Testesen")
    );
}

#[test]
fn what_a_carrier_needs_and_is_not_there_is_named() {
    assert_eq!(missing_of(&personal(|_, _| {})), [""; 0]);
    assert_eq!(missing_of(&v1::Order::default()), ["shipping_address"]);
    let nobody = personal(|customer, address| {
        customer.full_name.clear();
        address.city = " ".to_owned();
        address.postal_code.clear();
        address.region_code.clear();
    });
    let wanted = ["recipient", "postal_code", "city", "region_code"];
    assert_eq!(missing_of(&nobody), wanted.map(|field| format!("shipping_address.{field}")));
}

#[test]
fn notes_for_the_warehouse_travel_along_in_the_room_there_is() {
    use v1::NoteAudience::{Customer, Internal, Warehouse};

    let note = |audience: v1::NoteAudience, text: &str| v1::Note {
        audience: audience.into(),
        text: text.to_owned(),
        ..v1::Note::default()
    };
    let notes = |notes: Vec<v1::Note>| message_of(&v1::Order { notes, ..v1::Order::default() });
    assert_eq!(notes(vec![note(Internal, "a"), note(Customer, "b")]), "");
    let two = vec![note(Warehouse, "Pakk\n godt"), note(Internal, "a"), note(Warehouse, "Haster")];
    assert_eq!(notes(two), "Pakk godt; Haster");
    let long = notes(vec![note(Warehouse, &"ø".repeat(300))]);
    assert_eq!(long.chars().count(), 200);
    assert!(long.ends_with("ø…"));
    assert_eq!(notes(vec![note(Warehouse, &"ø".repeat(200))]), "ø".repeat(200));
}
