//! Every field check: what is done to a right request, and which fields are wrong then.

mod commands;
mod placing;
mod reads;

use std::fmt::Debug;

use order_proto::v1;
use order_rules::refusals::Code;
use tonic::Request;

use super::envelope::{Asking, Mutation, digest};
use super::{Fields, names};
use crate::commands::Failure;
use crate::grpc::about::Subject;
use crate::grpc::caller::Caller;

/// A caller who states nothing.
fn caller() -> Caller {
    Caller::split(Request::new(())).0
}

/// The paths of the wrong fields, in the order they are told.
fn wrong<Checked: Debug>(outcome: Result<Checked, Failure>) -> Vec<String> {
    match outcome {
        Ok(_) => Vec::new(),
        Err(Failure::Refused(refusal)) => {
            assert_eq!(refusal.code, Code::InvalidRequest);
            assert!(!refusal.violations.is_empty());
            refusal.violations.into_iter().map(|violation| violation.field).collect()
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// Something done to a right request, and the fields that are wrong then.
type Case<Message> = (fn(&mut Message), &'static [&'static str]);

/// Checks that a right request is right, and that each case tells exactly its fields.
fn check<Message: Clone + Debug, Checked: Debug>(
    right: &Message,
    convert: impl Fn(Message) -> Result<Checked, Failure>,
    cases: &[Case<Message>],
) {
    assert_eq!(wrong(convert(right.clone())), [""; 0], "{right:?}");
    for (index, (change, fields)) in cases.iter().enumerate() {
        let mut request = right.clone();
        change(&mut request);
        assert_eq!(wrong(convert(request.clone())), *fields, "case {index}: {request:?}");
    }
}

/// As [`check`], for a mutation: its envelope is checked too.
fn check_mutation<Message: Mutation + Subject + Clone + Debug + Default>(
    right: &Message,
    convert: fn(Message, &Caller) -> Result<Asking, Failure>,
    cases: &[Case<Message>],
) {
    check(right, |request| convert(request, &caller()), cases);

    let mut request = Request::new(right.clone());
    request.metadata_mut().insert("actor", "x".repeat(101).parse().unwrap());
    let (caller, message) = Caller::split(request);
    assert_eq!(wrong(convert(message, &caller)), ["actor"]);
}

fn seconds(seconds: i64, nanos: i32) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos })
}

fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() })
}

fn order_request() -> v1::CreateOrderRequest {
    placing::right_order()
}

#[test]
fn the_digest_is_of_the_content_alone_and_stays_the_same() {
    let digest_of = |change: fn(&mut v1::CreateOrderRequest)| {
        let mut request = order_request();
        change(&mut request);
        request.take_envelope();
        digest(&request)
    };
    let first = digest_of(|_| {});
    let same: [fn(&mut v1::CreateOrderRequest); 3] = [
        |request| request.request_id = "0192f0c1-2345-7000-8000-000000000001".to_owned(),
        |request| request.validate_only = true,
        |request| request.wait = seconds(10, 0),
    ];
    for change in same {
        assert_eq!(digest_of(change), first);
    }
    let other: [fn(&mut v1::CreateOrderRequest); 4] = [
        |request| request.parent = "shops/other".to_owned(),
        |request| request.order.as_mut().unwrap().discount_minor = 1,
        |request| request.order.as_mut().unwrap().lines[0].quantity += 1,
        |request| {
            request.order.as_mut().unwrap().metadata.insert("a".to_owned(), "b".to_owned());
        },
    ];
    for change in other {
        assert_ne!(digest_of(change), first);
    }
    // A repeat after an upgrade has to be recognised: this value is for ever.
    let hex = blake3::Hash::from_bytes(first).to_hex();
    assert_eq!(hex.as_str(), "c1613623c58dc59e7fcc2525e7f8428217186bc415dbe43015f7eb7cebb9e3a0");
}

#[test]
fn the_digest_tells_methods_apart() {
    let name = "shops/a/orders/7".to_owned();
    let withdraw = v1::WithdrawStatusChangeRequest { name: name.clone(), ..Default::default() };
    let change = v1::ChangeOrderStatusRequest { name, ..Default::default() };
    assert_ne!(digest(&withdraw), digest(&change));
}

#[test]
fn the_etag_is_part_of_the_content() {
    let with = |etag: &str| {
        digest(&v1::WithdrawStatusChangeRequest { etag: etag.to_owned(), ..Default::default() })
    };
    assert_ne!(with("\"7\""), with("\"8\""));
}

#[test]
fn names_are_read_in_one_form_only() {
    let order = |name: &str| {
        let mut fields = Fields::default();
        let order = fields.order("name", name);
        fields.finish().ok().map(|()| (order.shop, order.number))
    };
    assert_eq!(order("shops/a-1/orders/1001"), Some(("a-1".to_owned(), 1001)));
    for name in [
        "",
        "shops/a",
        "shops/a/orders/",
        "shops/a/orders/0",
        "shops/a/orders/07",
        "shops/a/orders/+7",
        "shops/a/orders/-7",
        "shops/a/orders/7/",
        "shops/a/orders/7/x",
        "shops/a/orders/9223372036854775808",
        "shops/A/orders/7",
        "shops/1a/orders/7",
        "shops//orders/7",
        "shop/a/orders/7",
        "/shops/a/orders/7",
        "shops/a/order/7",
        "shops/a/orders/seven",
    ] {
        assert_eq!(order(name), None, "{name:?}");
    }
}

#[test]
fn a_sku_survives_its_name() {
    for sku in ["A-1", "a b", "50%", "a/b", "æøå", "..", "?#&=+", "名"] {
        let name = names::stock_item_name("a", sku);
        let mut fields = Fields::default();
        let item = fields.stock_item("name", &name);
        assert!(fields.finish().is_ok(), "{name}");
        assert_eq!((item.shop.as_str(), item.part.as_str()), ("a", sku));
    }
    for name in ["%", "%4", "%zz", "%FF", "%00", "a/b", "", "%0A"] {
        let mut fields = Fields::default();
        fields.stock_item("name", &format!("shops/a/stockItems/{name}"));
        assert!(fields.finish().is_err(), "{name:?}");
    }
}

#[test]
fn an_id_is_made_when_none_is_given_and_kept_when_one_is() {
    let id_of = |id: &str| {
        let request = v1::WithdrawStatusChangeRequest {
            name: "shops/a/orders/7".to_owned(),
            request_id: id.to_owned(),
            ..Default::default()
        };
        let asking = super::orders::withdraw_status_change(request, &caller());
        asking.unwrap().assignment.caller.request_id
    };
    assert_ne!(id_of(""), id_of(""));
    let id = "0192f0c1-2345-7000-8000-0123456789ab";
    assert_eq!(id_of(id).to_string(), id);
}

#[test]
fn the_actor_is_who_the_caller_states() {
    let actor_of = |value: Option<&str>| {
        let mut request = Request::new(());
        if let Some(value) = value {
            request.metadata_mut().insert("actor", value.parse().unwrap());
        }
        let mut fields = Fields::default();
        let actor = Caller::split(request).0.actor(&mut fields);
        fields.finish().ok().map(|()| actor)
    };
    assert_eq!(actor_of(None).as_deref(), Some("anonymous"));
    assert_eq!(actor_of(Some("kari@warehouse")).as_deref(), Some("kari@warehouse"));
    for wrong in ["", " ", "a\tb"] {
        assert_eq!(actor_of(Some(wrong)), None, "{wrong:?}");
    }
}
