//! What turns leave in the file, and what they make of a file that was damaged.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Binary, SmallInt};
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection};
use order_rules::changing::Outcome;

use super::*;
use crate::commands::RecordOutcome;

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = SmallInt)]
    kind: i16,
    #[diesel(sql_type = Binary)]
    bytes: Vec<u8>,
}

impl House {
    fn file(&self) -> SqliteConnection {
        let path = self.folder.path().join("orders.db");
        SqliteConnection::establish(path.to_str().unwrap()).unwrap()
    }

    fn damage(&self, statement: &str) {
        let unbound = format!(
            "PRAGMA busy_timeout = 10000; PRAGMA ignore_check_constraints = ON; {statement}"
        );
        self.file().batch_execute(&unbound).unwrap();
    }

    /// Kind of events, and this column of theirs.
    fn events(&self, column: &str, rest: &str) -> Vec<Told> {
        let query = format!("SELECT kind, {column} AS bytes FROM events {rest}");
        diesel::sql_query(query).load(&mut self.file()).unwrap()
    }
}

fn elsewhere(assignment: Assignment) -> Assignment {
    Assignment { shop: "other".to_owned(), ..assignment }
}

/// On one thread all are queued before the worker takes one: they are one turn.
#[tokio::test]
async fn an_order_that_cannot_be_read_fails_alone() {
    let house = house().await;
    house.turns.create_shop(new_shop("other"), false).await.unwrap();
    let submit = |assignment| house.turns.submit(assignment, None);
    submit(placing("manual", "")).await.unwrap();
    submit(elsewhere(placing("manual", ""))).await.unwrap();
    house.damage("UPDATE orders SET currency = 'damaged' WHERE shop_id = 1");
    let (damaged, other, same) = tokio::join!(
        submit(change(1_001, "processing", None)),
        submit(elsewhere(change(1_001, "processing", None))),
        submit(placing("manual", "")),
    );
    assert!(matches!(damaged, Err(Failure::Internal { .. })), "{damaged:?}");
    assert_eq!(order(&other.unwrap()).status, "shops/other/orderStatuses/processing");
    assert_eq!(order(&same.unwrap()).number, 1_002, "of the same shop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_of_a_content_is_keyed_by_its_shop() {
    let house = house().await;
    let founding = new_shop("other");
    house.turns.create_shop(founding.clone(), false).await.unwrap();
    let first = placing("manual", "");
    let second = elsewhere(first.clone());
    for asked in [&first, &second] {
        house.turns.submit(asked.clone(), None).await.unwrap();
    }
    // Every command here has the same content.
    let events = house.events("content", "WHERE content IS NOT NULL");
    assert_eq!(events.len(), 4);
    let mut kept: Vec<Vec<u8>> = events.into_iter().map(|event| event.bytes).collect();
    assert!(!kept.contains(&first.caller.content.to_vec()));
    kept.sort_unstable();
    kept.dedup();
    assert_eq!(kept.len(), 2, "each shop has its own");

    for asked in [first, second] {
        assert!(house.turns.submit(asked, None).await.unwrap().replayed);
    }
    assert!(house.turns.create_shop(founding.clone(), false).await.unwrap().replayed);
    let mut other = founding;
    other.caller.content = [8; 32];
    let refused = house.turns.create_shop(other, false).await.unwrap_err();
    let Failure::Refused(refusal) = refused else { panic!("not refused: {refused:?}") };
    assert_eq!(refusal.code, Code::RequestIdReused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_under_an_old_attempt_is_kept_and_not_applied() {
    let house = house().await;
    let placed = order(&house.turns.submit(placing("klarna", "kl-1"), None).await.unwrap());
    let operation = placed.payments[0].operations[0].id;
    house.damage("UPDATE effects SET attempt = 2");
    let record = |attempt| {
        let outcome = Outcome::Succeeded {
            amount_minor: 20_000,
            provider_reference: Some("psp-1".to_owned()),
            expires_at: None,
        };
        let command = RecordOutcome { number: 1_001, operation, attempt, outcome };
        house.turns.submit(assignment(Command::RecordOutcome(command)), None)
    };
    let late = order(&record(1).await.unwrap());
    assert_eq!(late.payment_state(), v1::PaymentState::Pending);
    assert_eq!((late.revision, late.update_time), (placed.revision, placed.update_time));
    let last = house.events("change", "ORDER BY revision DESC LIMIT 1").remove(0);
    assert_eq!(i32::from(last.kind), i32::from(v1::EventKind::Noop));
    let told = v1::EventChange::decode(last.bytes.as_slice()).unwrap();
    assert_eq!(told.payment_id, placed.payments[0].id);
    let told = told.operation.unwrap();
    assert_eq!((told.id, told.kind()), (operation, v1::OperationKind::Authorize));
    assert_eq!((told.state(), told.amount_minor), (v1::OperationState::Succeeded, 20_000));
    assert_eq!(told.provider_reference, "psp-1");

    record(2).await.unwrap();
    let last = house.events("change", "ORDER BY revision DESC LIMIT 1").remove(0);
    assert_ne!(i32::from(last.kind), i32::from(v1::EventKind::Noop));
}
