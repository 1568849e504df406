//! Who gets into a turn when more wait than it holds.

use std::sync::Arc;

use order_rules::accounting::TransferOutcome;
use order_rules::changing::Outcome;
use order_rules::labels::LabelOutcome;
use order_rules::mail::MailOutcome;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Job, LANE_COMMANDS, Lane, QUEUE_MAX, Queue, TURN_BYTES_MAX, TURN_COMMANDS_MAX};
use crate::commands::{
    Assignment, Caller, Command, Failure, RecordLabel, RecordMail, RecordOutcome, RecordTransfer,
    WithdrawStatusChange,
};

const SHOP: i64 = 1;
const OTHER: i64 = 2;

/// Adds so many commands; the number of each order says the lane.
fn add(queue: &Queue, shop: i64, lane: Lane, count: usize) -> Result<(), Failure> {
    for _ in 0..count {
        let number = if lane == Lane::Bulk { 2 } else { 1 };
        let command = WithdrawStatusChange { number, etag: None };
        queue.add(shop, lane, job(Command::WithdrawStatusChange(command)))?;
    }
    Ok(())
}

fn job(command: Command) -> Job {
    sized(command, 0)
}

fn sized(command: Command, bytes: usize) -> Job {
    let caller = Caller { actor: "test".to_owned(), request_id: Uuid::nil(), content: [0; 32] };
    let assignment = Assignment { shop: "default".to_owned(), caller, command, bytes };
    Job { assignment: Arc::new(assignment), reply: oneshot::channel().0, deadline: None }
}

/// How many of each lane the next turn takes: ordinary, bulk.
async fn turn(queue: &Queue, shops_max: usize) -> (usize, usize) {
    let taken = queue.take(shops_max).await.unwrap();
    let shops = taken.shops();
    let numbers: Vec<i64> = taken
        .jobs
        .values()
        .flatten()
        .filter_map(|job| job.assignment.command.order_number())
        .collect();
    queue.done(&shops);
    let bulk = numbers.iter().filter(|number| **number == 2).count();
    (numbers.len() - bulk, bulk)
}

#[tokio::test]
async fn bulk_has_a_turn_for_itself_while_nobody_else_waits() {
    let queue = Queue::default();
    add(&queue, SHOP, Lane::Bulk, 300).unwrap();
    assert_eq!(turn(&queue, 1).await, (0, TURN_COMMANDS_MAX));
    assert_eq!(turn(&queue, 1).await, (0, 300 - TURN_COMMANDS_MAX));
}

#[tokio::test]
async fn bulk_gets_at_most_half_of_a_turn_while_others_wait() {
    let queue = Queue::default();
    add(&queue, SHOP, Lane::Bulk, 500).unwrap();
    add(&queue, SHOP, Lane::Ordinary, 10).unwrap();
    assert_eq!(turn(&queue, 1).await, (10, LANE_COMMANDS));
    add(&queue, SHOP, Lane::Ordinary, 400).unwrap();
    let half = TURN_COMMANDS_MAX - LANE_COMMANDS;
    assert_eq!(turn(&queue, 1).await, (half, LANE_COMMANDS), "neither starves");
    assert_eq!(turn(&queue, 1).await, (half, LANE_COMMANDS));
}

#[tokio::test]
async fn the_half_is_of_the_turn_and_not_of_each_shop() {
    let queue = Queue::default();
    for shop in [SHOP, OTHER] {
        add(&queue, shop, Lane::Bulk, 200).unwrap();
    }
    add(&queue, OTHER, Lane::Ordinary, 5).unwrap();
    assert_eq!(turn(&queue, 2).await, (5, LANE_COMMANDS));
}

/// The sizes of the commands of the next turn, by shop.
async fn sizes(queue: &Queue, shops_max: usize) -> Vec<(i64, Vec<usize>)> {
    let taken = queue.take(shops_max).await.unwrap();
    queue.done(&taken.shops());
    let sizes = |jobs: &[Job]| jobs.iter().map(|job| job.assignment.bytes).collect();
    taken.jobs.iter().map(|(shop, jobs)| (*shop, sizes(jobs))).collect()
}

#[tokio::test]
async fn a_turn_holds_no_more_than_its_bytes_unless_one_command_alone_is_larger() {
    const HALF: usize = TURN_BYTES_MAX / 2;
    const LARGE: usize = TURN_BYTES_MAX * 3;
    const THIRD: i64 = 3;
    let queue = Queue::default();
    let add = |shop, lane, bytes| {
        let command = WithdrawStatusChange { number: 1, etag: None };
        queue.add(shop, lane, sized(Command::WithdrawStatusChange(command), bytes)).unwrap();
    };
    for bytes in [HALF, HALF - 1, 1, 1, LARGE, 7] {
        add(SHOP, Lane::Ordinary, bytes);
    }
    assert_eq!(sizes(&queue, 1).await, [(SHOP, vec![HALF, HALF - 1, 1])]);
    assert_eq!(sizes(&queue, 1).await, [(SHOP, vec![1])]);
    assert_eq!(sizes(&queue, 1).await, [(SHOP, vec![LARGE])]);
    assert_eq!(sizes(&queue, 1).await, [(SHOP, vec![7])]);

    // Who is passed over for want of room keeps its place; smaller ones behind it do not wait.
    add(SHOP, Lane::Ordinary, HALF + 1);
    add(OTHER, Lane::Ordinary, HALF);
    add(OTHER, Lane::Bulk, HALF);
    add(THIRD, Lane::Ordinary, 5);
    add(THIRD, Lane::Bulk, HALF);
    assert_eq!(sizes(&queue, 3).await, [(SHOP, vec![HALF + 1]), (THIRD, vec![5])]);
    assert_eq!(sizes(&queue, 3).await, [(OTHER, vec![HALF, HALF])]);
    assert_eq!(sizes(&queue, 3).await, [(THIRD, vec![HALF])]);
}

#[tokio::test]
async fn what_happened_outside_is_taken_in_when_nothing_else_is() {
    let queue = Queue::default();
    add(&queue, SHOP, Lane::Ordinary, QUEUE_MAX).unwrap();
    let outcomes = [
        Command::RecordOutcome(RecordOutcome {
            number: 1,
            operation: 2,
            attempt: 1,
            outcome: Outcome::Unknown { reason: String::new() },
        }),
        Command::RecordMail(RecordMail {
            number: 1,
            mail: 2,
            attempt: 1,
            outcome: MailOutcome::Sent,
        }),
        Command::RecordTransfer(RecordTransfer {
            number: 1,
            transfer: 2,
            attempt: 1,
            outcome: TransferOutcome::Unknown { reason: String::new() },
        }),
        Command::RecordLabel(RecordLabel {
            number: 1,
            about: 2,
            attempt: 1,
            outcome: LabelOutcome::Printed,
        }),
    ];
    for outcome in outcomes {
        queue.add(SHOP, Lane::Ordinary, job(outcome)).unwrap();
    }
    let full = add(&queue, SHOP, Lane::Ordinary, 1).unwrap_err();
    assert!(matches!(full, Failure::QueueFull { .. }), "{full:?}");
}

#[tokio::test]
async fn a_full_lane_does_not_fill_the_other() {
    let queue = Queue::default();
    add(&queue, SHOP, Lane::Bulk, QUEUE_MAX).unwrap();
    let full = add(&queue, SHOP, Lane::Bulk, 1).unwrap_err();
    assert!(matches!(full, Failure::QueueFull { .. }), "{full:?}");
    add(&queue, SHOP, Lane::Ordinary, 1).unwrap();
}
