//! Every request of the contract says what it is about.

use prost::Message;
use prost_types::FileDescriptorSet;

use super::*;

/// Fields of a request that a remedy's words stand for.
const NAMING: [&str; 7] =
    ["name", "parent", "operation_id", "problem_id", "delivery_id", "mail_id", "other"];

#[test]
fn no_request_says_less_than_it_names() {
    let contract = FileDescriptorSet::decode(order_proto::DESCRIPTOR).unwrap();
    let messages = contract.file.iter().flat_map(|file| file.message_type.iter());
    let requests: Vec<_> = messages.filter(|one| one.name().ends_with("Request")).collect();
    assert!(requests.len() >= 56, "{} requests", requests.len());
    for request in requests {
        let naming = request.field.iter().map(|field| field.name());
        let naming: Vec<&str> = naming.filter(|field| NAMING.contains(field)).collect();
        let listed = LISTED.iter().find(|(name, _)| *name == request.name());
        match listed {
            Some((name, field)) => assert_eq!(naming, [*field], "{name}"),
            None => assert!(OTHERWISE.contains(&request.name()), "{}", request.name()),
        }
    }
}

#[test]
fn a_request_that_names_more_than_an_order_says_all_of_it() {
    let page = "`ORDER OTHER OPERATION PROBLEM DELIVERY MAIL SHOP`";
    let name = "shops/a/orders/1001".to_owned();
    let told = |about: About| about.fill(page, &[]);
    let asked = v1::SettlePaymentOperationRequest {
        name: name.clone(),
        operation_id: 12,
        ..Default::default()
    };
    assert_eq!(told(asked.about()), "`1001 OTHER 12 PROBLEM DELIVERY MAIL a`");
    let asked =
        v1::DismissProblemRequest { name: name.clone(), problem_id: 13, ..Default::default() };
    assert_eq!(told(asked.about()), "`1001 OTHER OPERATION 13 DELIVERY MAIL a`");
    let asked = v1::ResendMailRequest { name: name.clone(), mail_id: 57, ..Default::default() };
    assert_eq!(told(asked.about()), "`1001 OTHER OPERATION PROBLEM DELIVERY 57 a`");
    let asked = v1::CancelDeliveryRequest { name, delivery_id: 2, ..Default::default() };
    assert_eq!(told(asked.about()), "`1001 OTHER OPERATION PROBLEM 2 MAIL a`");
    let twin = |number: i64| format!("shops/a/orders/{number}");
    let asked = |drop: &[i64]| v1::ResolveDuplicateRequest {
        keep: twin(1001),
        drop: drop.iter().map(|&number| twin(number)).collect(),
        ..Default::default()
    };
    assert_eq!(told(asked(&[7]).about()), "`1001 7 OPERATION PROBLEM DELIVERY MAIL a`");
    assert_eq!(told(asked(&[7, 8]).about()), "`1001 OTHER OPERATION PROBLEM DELIVERY MAIL a`");
}

#[test]
fn a_value_of_the_refusal_is_told_whole_or_not_at_all() {
    let told = |sku: &str| About::default().fill("`create SKU`", &[("sku", sku.to_owned())]);
    assert_eq!(told("TELT-3"), "`create TELT-3`");
    assert_eq!(told("TELT-3/XL"), "`create SKU`", "XL is another");
    assert_eq!(told("shops/a/stockItems/CUP"), "`create CUP`");
}

#[test]
fn what_is_no_name_fills_nothing() {
    for name in ["", "orders", "shops/a b/orders/$(x)", "1001"] {
        assert_eq!(About::of(name).fill("`get ORDER --shop SHOP`", &[]), "`get ORDER --shop SHOP`");
    }
}
