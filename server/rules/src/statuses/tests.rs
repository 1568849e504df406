//! §1, rule by rule.

use super::{
    InUse, Status, Statuses, Tag, TagMove, check_delete, check_tag_change, starting_statuses,
};
use crate::fixtures::{
    CANCELLED, COLLECTED, DEFAULT, PACKING, PROCESSING, REGRETTED, RETURNED, SENT, statuses,
};
use crate::order::StatusId;
use crate::refusals::{Code, Refusal};

const NOBODY: StatusId = StatusId(99);

/// The five of a new shop.
fn few() -> Statuses {
    let starting = (1..).zip(starting_statuses());
    let made = starting.map(|(id, status)| Status {
        id: StatusId(id),
        tag: status.tag,
        position: status.position,
        replaced_by: None,
    });
    Statuses::new(made.collect())
}

fn code<T>(answer: Result<T, Refusal>) -> Result<T, Code> {
    answer.map_err(|refusal| refusal.code)
}

#[test]
fn a_shop_starts_with_five_statuses() {
    let table: Vec<(&str, Option<Tag>, &str, &str)> = starting_statuses()
        .iter()
        .map(|status| (status.slug, status.tag, status.admin_names[0].1, status.admin_names[1].1))
        .collect();
    let expected = [
        ("not-processed", Some(Tag::Default), "Ikke behandlet", "Not processed"),
        ("processing", None, "Under behandling", "Processing"),
        ("sent", Some(Tag::Completed), "Sendt", "Sent"),
        ("cancelled", Some(Tag::Cancelled), "Kansellert", "Cancelled"),
        ("returned", None, "Returnert", "Returned"),
    ];
    assert_eq!(table, expected);
    for (position, status) in (1..).zip(starting_statuses()) {
        assert_eq!(status.position, position);
        assert_eq!(status.admin_names.map(|(language, _)| language), ["nb", "en"]);
        assert_eq!(status.customer_names, status.admin_names);
    }
}

#[test]
fn a_replaced_status_is_an_alias() {
    let statuses = statuses();
    assert_eq!(statuses.get(PACKING).unwrap().id, PROCESSING);
    assert_eq!(statuses.tag(PACKING), None);
    assert_eq!(statuses.get(NOBODY), None);
    assert_eq!(statuses.default().unwrap().id, DEFAULT);
    assert_eq!(statuses.current().count(), 7);
    let circle = Statuses::new(vec![
        Status { id: StatusId(1), tag: None, position: 1, replaced_by: Some(StatusId(2)) },
        Status { id: StatusId(2), tag: None, position: 2, replaced_by: Some(StatusId(1)) },
    ]);
    assert_eq!(circle.get(StatusId(1)), None);
}

#[test]
fn tags_move_only_where_no_order_acts_on_them() {
    let moved = |status, from, to| TagMove { status, from, to };
    let (default, completed) = (Some(Tag::Default), Some(Tag::Completed));
    let on = |orders| InUse { orders, ..InUse::default() };
    let cases = [
        // status, new tag, orders on it, answer
        (Some(SENT), completed, 5, Ok(vec![])),
        (Some(PROCESSING), completed, 0, Ok(vec![moved(PROCESSING, None, completed)])),
        (Some(PROCESSING), completed, 1, Err(Code::StatusTagFixed)),
        (Some(SENT), None, 1, Err(Code::StatusTagFixed)),
        (Some(SENT), None, 0, Err(Code::StatusTagRequired)),
        (Some(SENT), Some(Tag::Cancelled), 0, Err(Code::StatusTagRequired)),
        (Some(CANCELLED), None, 0, Err(Code::StatusTagRequired)),
        (Some(DEFAULT), None, 0, Err(Code::StatusTagRequired)),
        (
            Some(PROCESSING),
            default,
            7,
            Ok(vec![moved(PROCESSING, None, default), moved(DEFAULT, default, None)]),
        ),
        (Some(SENT), default, 0, Err(Code::StatusTagRequired)),
        (None, None, 0, Ok(vec![])),
        (None, completed, 0, Ok(vec![])),
        (None, default, 0, Ok(vec![moved(DEFAULT, default, None)])),
        (Some(NOBODY), None, 0, Err(Code::StatusNotFound)),
    ];
    for (id, tag, orders, expected) in cases {
        let actual = code(check_tag_change(&few(), id, tag, on(orders)));
        assert_eq!(actual, expected, "{id:?} {tag:?} {orders}");
    }
    let spare = check_tag_change(&statuses(), Some(COLLECTED), None, on(0));
    assert_eq!(spare, Ok(vec![moved(COLLECTED, completed, None)]));
    let alias = check_tag_change(&statuses(), Some(PACKING), None, on(0));
    assert_eq!(code(alias), Err(Code::StatusNotFound));
}

#[test]
fn tags_move_only_where_no_change_waits_for_what_they_do() {
    let (default, completed, cancelled) =
        (Some(Tag::Default), Some(Tag::Completed), Some(Tag::Cancelled));
    let waits = InUse { pending: 2, ..InUse::default() };
    let named = InUse { settings: 1, ..InUse::default() };
    let fixed = Err(Code::StatusTagFixed);
    let cases = [
        // status, new tag, what names it, answer
        (COLLECTED, None, waits, fixed),
        (COLLECTED, default, waits, fixed),
        (COLLECTED, cancelled, waits, fixed),
        (COLLECTED, completed, waits, Ok(())),
        (REGRETTED, completed, waits, fixed),
        (PROCESSING, completed, waits, fixed),
        (PROCESSING, default, waits, Ok(())),
        (PROCESSING, cancelled, named, fixed),
        (PROCESSING, completed, named, Ok(())),
        (PROCESSING, default, named, Ok(())),
        (COLLECTED, None, named, Ok(())),
        (COLLECTED, cancelled, named, fixed),
        (REGRETTED, cancelled, named, Ok(())),
    ];
    for (id, tag, in_use, expected) in cases {
        let actual = code(check_tag_change(&statuses(), Some(id), tag, in_use)).map(drop);
        assert_eq!(actual, expected, "{id:?} {tag:?} {in_use:?}");
    }
    let in_use = InUse { orders: 3, pending: 2, settings: 1 };
    let refusal = check_tag_change(&statuses(), Some(PROCESSING), cancelled, in_use).unwrap_err();
    let counts = [("orders", 3), ("pending", 2), ("settings", 1)];
    assert_eq!(refusal.details, counts.map(|(key, count): (_, i32)| (key, count.to_string())));
}

#[test]
fn a_status_in_use_is_only_deleted_with_a_replacement_of_the_same_tag() {
    let free = InUse::default();
    let orders = InUse { orders: 3, ..free };
    let cases = [
        (PROCESSING, free, None, Ok(())),
        (PROCESSING, orders, None, Err(Code::StatusInUse)),
        (PROCESSING, InUse { pending: 1, ..free }, None, Err(Code::StatusInUse)),
        (PROCESSING, InUse { settings: 1, ..free }, None, Err(Code::StatusInUse)),
        (PROCESSING, orders, Some(RETURNED), Ok(())),
        (PROCESSING, orders, Some(SENT), Err(Code::StatusTagFixed)),
        (PROCESSING, orders, Some(PROCESSING), Err(Code::StatusNotFound)),
        (PROCESSING, orders, Some(PACKING), Err(Code::StatusNotFound)),
        (PROCESSING, orders, Some(NOBODY), Err(Code::StatusNotFound)),
        (SENT, orders, Some(COLLECTED), Ok(())),
        (SENT, orders, None, Err(Code::StatusInUse)),
        (REGRETTED, free, None, Ok(())),
        (DEFAULT, free, None, Err(Code::StatusTagRequired)),
        (PACKING, free, None, Err(Code::StatusNotFound)),
    ];
    for (id, in_use, replacement, expected) in cases {
        let actual = code(check_delete(&statuses(), id, in_use, replacement));
        assert_eq!(actual, expected, "{id:?} {in_use:?} {replacement:?}");
    }
    for last in [SENT, CANCELLED] {
        let answer = code(check_delete(&few(), last, free, None));
        assert_eq!(answer, Err(Code::StatusTagRequired));
    }
    let refusal = check_delete(&statuses(), PROCESSING, orders, None).unwrap_err();
    assert_eq!(refusal.details[0], ("orders", "3".to_owned()));
}
