//! `UpdateOrder` corrects contact data, addresses and the caller's own fields, and nothing else.

use order_rules::refusals::Code;
use order_sdk::proto::{self, Address, Customer, EventKind};
use order_sdk::{Error, OrderName};

use crate::harness::{World, mask, refused, wrong_fields};

trials! {
    shared: [
        only_what_is_masked_is_changed,
        correcting_an_address_takes_the_question_back,
        what_changed_is_told_without_its_values,
        an_update_that_changes_nothing_tells_nobody,
        everything_wrong_is_told_at_once_and_nothing_is_stored,
    ];
}

impl World {
    async fn update(
        &self,
        name: &OrderName,
        paths: &[&str],
        change: impl FnOnce(&mut proto::Order),
    ) -> Result<proto::UpdateOrderResponse, Error> {
        let mut order = proto::Order { name: name.into(), ..proto::Order::default() };
        change(&mut order);
        let request = proto::UpdateOrderRequest {
            order: Some(order),
            update_mask: Some(mask(paths)),
            ..proto::UpdateOrderRequest::default()
        };
        self.client.update_order(request).await
    }
}

fn address(city: &str) -> Address {
    Address {
        recipient: "Ola Nordmann".to_owned(),
        lines: vec!["Storgata 1".to_owned(), "H0201".to_owned()],
        postal_code: "0155".to_owned(),
        city: city.to_owned(),
        region_code: "NO".to_owned(),
        ..Address::default()
    }
}

async fn only_what_is_masked_is_changed(world: World) {
    let draft = world.draft(0).metadata("a", "1").external_reference("WEB-1");
    let placed =
        world.place(draft.with(|order| order.billing_address = Some(address("Oslo")))).await;
    let name = placed.name.parse().unwrap();
    let order = world
        .update(&name, &["customer.phone", "shipping_address", "metadata"], |order| {
            order.customer = Some(Customer {
                phone: "+47 900 00 000".to_owned(),
                full_name: "Ikke lest".to_owned(),
                ..Customer::default()
            });
            order.shipping_address = Some(address("Bergen"));
            order.metadata.insert("b".to_owned(), "2\n3".to_owned());
            order.external_reference = "not read".to_owned();
            order.status = "not read".to_owned();
        })
        .await
        .unwrap()
        .order
        .unwrap();
    let customer = order.customer.as_ref().unwrap();
    assert_eq!(customer.phone, "+47 900 00 000");
    assert_eq!(customer.full_name, placed.customer.as_ref().unwrap().full_name);
    assert_eq!(order.shipping_address, Some(address("Bergen")));
    assert_eq!(order.billing_address, Some(address("Oslo")));
    assert_eq!(order.metadata.len(), 1, "replaced as a whole");
    assert_eq!(order.external_reference, "WEB-1");
    assert_eq!(order.revision, placed.revision + 1);

    let paths = ["customer", "billing_address", "external_reference", "language_code"];
    let order = world
        .update(&name, &paths, |order| {
            order.customer = Some(Customer {
                full_name: "Ny AS".to_owned(),
                organization_number: "999888777".to_owned(),
                ..Customer::default()
            });
            order.language_code = "nn".to_owned();
        })
        .await
        .unwrap()
        .order
        .unwrap();
    let customer = order.customer.as_ref().unwrap();
    assert_eq!((customer.full_name.as_str(), customer.phone.as_str()), ("Ny AS", ""));
    assert_eq!(order.billing_address, None);
    assert_eq!((order.external_reference.as_str(), order.language_code.as_str()), ("", "nn"));
    assert_eq!(world.get(&name).await, order);
    // The reference is free again, and one that is taken is refused.
    let other = world.place(world.draft(0).external_reference("WEB-1")).await;
    let taken = world.update(&name, &["external_reference"], |order| {
        order.external_reference = "WEB-1".to_owned();
    });
    let refusal = refused(taken.await, Code::ExternalReferenceTaken);
    assert_eq!(refusal.resource, Some(other.name));
}

async fn correcting_an_address_takes_the_question_back(world: World) {
    let placed = world.place(world.draft(0).customer("Ola", "ola@gmail.cm")).await;
    assert_eq!(placed.email_suggestion, "ola@gmail.com");
    let name = placed.name.parse().unwrap();
    for (email, suggestion) in [("ola@gmail.com", ""), ("ola@hotmial.com", "ola@hotmail.com")] {
        let answer = world.update(&name, &["customer.email"], |order| {
            order.customer = Some(Customer { email: email.to_owned(), ..Customer::default() });
        });
        assert_eq!(answer.await.unwrap().order.unwrap().email_suggestion, suggestion);
    }
}

async fn what_changed_is_told_without_its_values(world: World) {
    let name = world.place(world.draft(0)).await.name.parse().unwrap();
    let answer = world.update(&name, &["customer.email", "metadata"], |order| {
        order.customer =
            Some(Customer { email: "ny@example.com".to_owned(), ..Customer::default() });
        order.metadata.insert("key".to_owned(), "value".to_owned());
    });
    answer.await.unwrap();
    let history = world.history(&name).await;
    let event = history.last().unwrap();
    assert_eq!(event.kind(), EventKind::OrderUpdated);
    let mut fields = event.change.as_ref().unwrap().fields.clone();
    fields.sort();
    assert_eq!(fields, ["customer.email", "metadata"]);
    assert!(!format!("{history:?}").contains("ny@example.com"));
}

async fn an_update_that_changes_nothing_tells_nobody(world: World) {
    let placed = world.place(world.draft(0).external_reference("WEB-1")).await;
    let name = placed.name.parse().unwrap();
    let answer = world.update(&name, &["external_reference"], |order| {
        order.external_reference = "WEB-1".to_owned();
    });
    let order = answer.await.unwrap().order.unwrap();
    assert_eq!(order, placed);
    assert_eq!(world.history(&name).await.last().unwrap().kind(), EventKind::Noop);
}

async fn everything_wrong_is_told_at_once_and_nothing_is_stored(world: World) {
    let name = world.place(world.draft(0)).await.name.parse().unwrap();
    let before = world.revision().await;
    let paths = ["customer", "billing_address", "metadata", "language_code", "lines", "status"];
    let outcome = world
        .update(&name, &paths, |order| {
            order.customer = Some(Customer {
                full_name: String::new(),
                email: "a@b\r\nBcc: x@example.com".to_owned(),
                phone: "1".repeat(41),
                ..Customer::default()
            });
            order.billing_address = Some(Address {
                lines: vec![String::new(); 5],
                region_code: "NOR".to_owned(),
                ..Address::default()
            });
            order.metadata.insert(String::new(), "x".repeat(501));
            order.language_code = "norsk!".to_owned();
        })
        .await;
    let mut fields = wrong_fields(outcome);
    fields.sort();
    assert_eq!(
        fields,
        [
            "order.billing_address.lines",
            "order.billing_address.region_code",
            "order.customer.email",
            "order.customer.full_name",
            "order.customer.phone",
            "order.language_code",
            "order.metadata[0].key",
            "order.metadata[0].value",
            "update_mask.paths[4]",
            "update_mask.paths[5]",
        ]
    );
    assert_eq!(wrong_fields(world.update(&name, &[], |_| {}).await), ["update_mask"]);
    let nothing = proto::UpdateOrderRequest::default();
    assert_eq!(wrong_fields(world.client.update_order(nothing).await), ["update_mask", "order"]);
    assert_eq!(world.revision().await, before);
}
