//! Every way a log and its series can be damaged is seen.

use super::*;

fn link(revision: i64, command_revision: i64) -> LinkRow {
    LinkRow {
        revision,
        command_revision,
        kind: EventKind::StatusChanged as i16,
        order_number: Some(7),
        created_at: 100,
        request_id: vec![1],
        content: (revision == command_revision).then(Vec::new),
        change: Vec::new(),
        document: None,
    }
}

fn wrong(rows: &[LinkRow]) -> Vec<String> {
    let mut chain = Chain::default();
    rows.iter().flat_map(|row| chain.follow(row)).collect()
}

fn raised(revision: i64, path: &str) -> LinkRow {
    LinkRow {
        kind: EventKind::ShopChanged as i16,
        order_number: None,
        change: EventChange { fields: vec![path.to_owned()], ..EventChange::default() }
            .encode_to_vec(),
        ..link(revision, revision)
    }
}

#[test]
fn a_whole_log_has_nothing_wrong() {
    assert_eq!(wrong(&[link(1, 1), link(2, 1), link(3, 3)]), Vec::<String>::new());
}

#[test]
fn every_way_a_log_can_be_damaged_is_seen() {
    let other = |change: fn(&mut LinkRow)| {
        let mut row = link(2, 1);
        change(&mut row);
        wrong(&[link(1, 1), row]).len()
    };
    assert_eq!(wrong(&[link(1, 1), link(3, 3)]), ["3 follows 1"]);
    assert_eq!(wrong(&[link(1, 1), link(1, 1)]), ["1 follows 1"]);
    assert_eq!(other(|row| row.command_revision = 7), 1);
    assert_eq!(other(|row| row.content = Some(Vec::new())), 1);
    assert_eq!(other(|row| row.request_id = vec![2]), 1);
    assert_eq!(other(|row| row.created_at = 99), 1);
    assert_eq!(other(|row| row.kind = EventKind::OrderCredited as i16), 1);
}

#[test]
fn order_numbers_have_gaps_only_where_their_start_was_raised() {
    let placed = |revision: i64, number: i64| LinkRow {
        kind: EventKind::OrderCreated as i16,
        order_number: Some(number),
        ..link(revision, revision)
    };
    assert_eq!(wrong(&[placed(1, 1_001), placed(2, 1_002)]).len(), 0);
    assert_eq!(wrong(&[placed(1, 1_001), placed(2, 1_003)]).len(), 1);
    let raised = raised(2, "settings.next_order_number");
    assert_eq!(wrong(&[placed(1, 1_001), raised.clone(), placed(3, 2_000)]).len(), 0);
    assert_eq!(wrong(&[placed(1, 1_001), raised, placed(3, 900)]).len(), 1, "never lowered");
}

#[test]
fn no_id_is_given_twice() {
    let wrong = |next_id, last_id| {
        let head = Extent { next_order_number: 1, next_id, last_id, ..Extent::default() };
        let wrong = Chain::default().differences(&head).into_iter();
        wrong.map(|(invariant, _)| invariant).collect::<Vec<_>>()
    };
    assert_eq!(wrong(1, 0), []);
    assert_eq!(wrong(8, 7), []);
    assert_eq!(wrong(9, 7), [], "one may have been left out");
    assert_eq!(wrong(7, 7), [Invariant::IdSeries]);
    assert_eq!(wrong(5, 7), [Invariant::IdSeries]);
}

#[test]
fn words_come_from_no_event_that_is_not_there() {
    let wrong = |words_place| {
        let head = Extent { next_order_number: 1, next_id: 1, words_place, ..Extent::default() };
        let wrong = Chain::default().differences(&head).into_iter();
        wrong.map(|(invariant, _)| invariant).collect::<Vec<_>>()
    };
    assert_eq!(wrong(0), []);
    assert_eq!(wrong(1), [Invariant::SearchWords]);
}

#[test]
fn the_log_tells_when_days_were_last_counted_otherwise() {
    let mut chain = Chain::default();
    let paths = ["settings.labels", "settings.time_zone", "settings.transit_days", "display_name"];
    for ((path, revision), set_at) in paths.into_iter().zip(1..).zip([0, 2, 3, 3]) {
        assert_eq!(chain.follow(&raised(revision, path)), Vec::<String>::new());
        assert_eq!(chain.days_set_at(), set_at, "{path}");
    }
}

#[test]
fn the_log_tells_what_was_credited_and_where_the_series_was_raised() {
    let credited = LinkRow {
        kind: EventKind::OrderCredited as i16,
        change: EventChange {
            credit_order: "shops/a/orders/1003".to_owned(),
            ..EventChange::default()
        }
        .encode_to_vec(),
        ..link(1, 1)
    };
    let mut chain = Chain::default();
    assert_eq!(chain.follow(&credited), Vec::<String>::new());
    chain.follow(&raised(2, "settings.next_credit_number"));
    assert_eq!(chain.into_credited(), [Step::Credited(1_003), Step::Raised]);
}

#[test]
fn credits_have_gaps_only_where_their_start_was_raised() {
    use Step::{Credited, Raised};
    let wrong = |told: &[Step], stored: &[(i64, i64)], next| {
        credits(told, stored.iter().copied().collect(), next).len()
    };
    let told = [Credited(11), Credited(12), Raised, Credited(15), Raised, Credited(18)];
    let stored = [(11, 1), (12, 2), (15, 100), (18, 101)];
    assert_eq!(wrong(&told, &stored, 102), 0);
    assert_eq!(wrong(&[], &[], 1), 0);
    assert_eq!(wrong(&[Raised], &[], 500), 0);
    assert!(wrong(&told, &stored[1..], 102) > 0, "the first is lost");
    assert!(wrong(&told, &stored[..3], 102) > 0, "the last is lost");
    let without_one = [stored[0], stored[1], stored[3]];
    assert!(wrong(&told, &without_one, 102) > 0, "one after a raise is lost");
    assert!(wrong(&told, &[(11, 1), (12, 3), (15, 100), (18, 101)], 102) > 0, "a gap");
    assert!(wrong(&told, &[(11, 1), (12, 1), (15, 100), (18, 101)], 102) > 0, "given twice");
    assert!(wrong(&told, &[(11, 5), (12, 6), (15, 3), (18, 4)], 5) > 0, "lowered");
    assert!(wrong(&told[..2], &stored, 3) > 0, "more than the log tells");
    assert!(wrong(&told, &stored, 103) > 0, "the next number is too high");
    assert_eq!(wrong(&[told[0], told[1], Raised], &stored[..2], 50), 0);
    assert!(wrong(&[told[0], told[1], Raised], &stored[..2], 2) > 0, "the next is taken");
}
