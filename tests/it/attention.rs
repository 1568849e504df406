//! What needs a person: problems are listed and dismissed, operations retried and settled
//! (rules 2.5, 4.6, 11.2, 11.5).

use futures_util::TryStreamExt;
use order_rules::refusals::Code;
use order_sdk::proto::{
    self, EventKind, NoteAudience, OperationKind, OperationState, PaymentState, Verdict,
};
use order_sdk::{Error, OrderName};

use crate::harness::audit::audit;
use crate::harness::{
    Backend, Bought, WAIT, World, depth, eventually, problems, refused, status_id, wrong_fields,
};

trials! {
    shared: [
        what_happened_is_said_and_the_pending_change_completes,
        what_did_not_happen_drops_the_change_and_is_captured_once_more,
        what_the_provider_says_afterwards_is_only_evidence,
        rule_4_6_what_waits_is_sent_now_with_the_same_key,
        rule_4_6_what_the_provider_has_is_looked_up_now,
        rule_4_6_a_declined_refund_is_a_new_operation,
        rule_4_6_a_refund_paid_by_hand_is_settled,
        rule_2_5_problems_are_listed_oldest_first_and_dismissed_with_a_reason,
        what_cannot_be_dismissed_retried_or_settled_is_refused,
    ];
    own: [
        a_provider_that_hangs_for_ever_holds_nobody,
        a_verdict_outlives_a_kill,
        rule_11_2_what_stays_unknown_is_told_looked_up_and_settled,
        only_one_of_two_verdicts_counts,
    ];
}

const REASON: &str = "Hemmelig: Ola så i portalen";

impl World {
    /// As soon as a person may say so: not while the provider's answer is awaited.
    pub(crate) async fn settle(
        &self,
        order: &OrderName,
        operation_id: i64,
        verdict: Verdict,
    ) -> Result<proto::Order, Error> {
        eventually("nobody waits for the answer", async || {
            let outcome = self.settle_at_once(order, operation_id, verdict).await;
            let code = outcome.as_ref().err().and_then(Error::code);
            (code != Some(Code::EffectPending.name())).then_some(outcome)
        })
        .await
    }

    async fn settle_at_once(
        &self,
        order: &OrderName,
        operation_id: i64,
        verdict: Verdict,
    ) -> Result<proto::Order, Error> {
        let request = proto::SettlePaymentOperationRequest {
            name: order.into(),
            operation_id,
            verdict: verdict.into(),
            reason: REASON.to_owned(),
            ..proto::SettlePaymentOperationRequest::default()
        };
        Ok(self.client.settle_payment_operation(request).await?.order.unwrap())
    }

    pub(crate) async fn retry(
        &self,
        order: &OrderName,
        operation_id: i64,
    ) -> Result<proto::RetryEffectResponse, Error> {
        let request = proto::RetryEffectRequest {
            name: order.into(),
            operation_id,
            wait: prost_types::Duration::try_from(WAIT).ok(),
            ..proto::RetryEffectRequest::default()
        };
        self.client.retry_effect(request).await
    }

    pub(crate) async fn dismiss(
        &self,
        order: &OrderName,
        problem_id: i64,
    ) -> Result<proto::Order, Error> {
        let request = proto::DismissProblemRequest {
            name: order.into(),
            problem_id,
            reason: REASON.to_owned(),
            ..proto::DismissProblemRequest::default()
        };
        Ok(self.client.dismiss_problem(request).await?.order.unwrap())
    }

    /// An order whose capture is at the provider, with the capture's number.
    async fn capturing(&self, orders: &str) -> (Bought, i64) {
        let bought = self.buy(900, orders).await;
        self.change(&bought.name, "sent").send().await.unwrap();
        eventually("the capture is at the provider", async || {
            (self.book().calls(&bought.reference, "capture") > 0).then_some(())
        })
        .await;
        let order = self.get(&bought.name).await;
        let capture = order.payments[0].operations.last().unwrap();
        assert_eq!(capture.kind(), OperationKind::Capture);
        (bought, capture.id)
    }

    /// An order of two payments whose cancellation failed: what was captured could not be paid back.
    async fn with_declined_refund(&self, refund: &str) -> (OrderName, String, i64) {
        // Which of the two is captured first is the provider's rank: try both ways round.
        for (first, second) in [("card", "klarna"), ("klarna", "card")] {
            let taken = self.reference(refund);
            let declined = self.reference("capture=decline");
            let draft = self.draft(1_000).payment(first, &taken, 400);
            let order = self.place(draft.payment(second, &declined, 600)).await;
            let name: OrderName = order.name.parse().unwrap();
            self.complete(&name).await.unwrap();
            if self.book().done(&taken, "capture").is_empty() {
                continue;
            }
            let order = self.cancel(&name, false).await.unwrap().order.unwrap();
            assert_eq!(status_id(&order), "not-processed");
            let problem = order.problems.iter().find(|one| one.code == "REFUND_DECLINED").unwrap();
            return (name, taken, problem.operation_id);
        }
        panic!("neither way round was the other payment captured first");
    }

    async fn open_problems(&self, codes: &[&str]) -> proto::ListProblemsResponse {
        let request = proto::ListProblemsRequest {
            parent: (&self.shop).into(),
            codes: codes.iter().map(|code| (*code).to_owned()).collect(),
            ..proto::ListProblemsRequest::default()
        };
        self.client.list_problems(request).await.unwrap()
    }
}

fn operation(order: &proto::Order, id: i64) -> proto::Operation {
    let mut all = order.payments.iter().flat_map(|payment| &payment.operations);
    all.find(|operation| operation.id == id).unwrap().clone()
}

async fn what_happened_is_said_and_the_pending_change_completes(world: World) {
    let (bought, capture) = world.capturing("capture=timeout-after,read=unavailable").await;
    let confirmed = world.get(&bought.name).await.payments[0].confirm_time;
    let order = world.settle(&bought.name, capture, Verdict::Happened).await.unwrap();
    assert_eq!((status_id(&order), order.payment_state()), ("sent", PaymentState::Captured));
    assert!(order.pending_status_change.is_none() && problems(&order).is_empty());
    let settled = operation(&order, capture);
    assert_eq!(settled.state(), OperationState::Succeeded);
    assert_eq!(settled.provider_reference, "by hand");
    assert_eq!(order.payments[0].confirm_time, confirmed, "it was not the provider who spoke");
    let note = order.notes.last().unwrap();
    assert_eq!((note.text.as_str(), note.audience()), (REASON, NoteAudience::Internal));

    let history = world.history(&bought.name).await;
    let said = history.iter().position(|event| event.kind() == EventKind::OperationSettled);
    let said = said.unwrap();
    let change = history[said].change.as_ref().unwrap();
    assert!(change.has_reason && change.operation.as_ref().unwrap().id == capture);
    assert_eq!(history[said + 1].kind(), EventKind::OperationResolved);
    assert!(history.iter().all(|event| !format!("{event:?}").contains("Hemmelig")));
    refused(world.settle(&bought.name, capture, Verdict::DidNotHappen).await, Code::OperationFinal);
    assert_eq!(world.book().done(&bought.reference, "capture"), [900]);
    audit(&world).await;
}

async fn what_did_not_happen_drops_the_change_and_is_captured_once_more(world: World) {
    let (bought, capture) = world.capturing("capture=timeout-before,read=unavailable:1s").await;
    let order = world.settle(&bought.name, capture, Verdict::DidNotHappen).await.unwrap();
    assert_eq!(status_id(&order), "not-processed");
    assert!(order.pending_status_change.is_none());
    assert_eq!(problems(&order), ["CAPTURE_DECLINED"]);
    assert_eq!(operation(&order, capture).provider_reason, "by hand");
    let order = world.complete(&bought.name).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0));
    assert_eq!(world.book().done(&bought.reference, "capture"), [900]);
    audit(&world).await;
}

async fn a_provider_that_hangs_for_ever_holds_nobody(backend: Backend) {
    let world = World::own(backend, &["--call-timeout", "2s"]).await;
    let (bought, capture) = world.capturing("capture=hang").await;
    refused(world.cancel(&bought.name, true).await, Code::StatusChangePending);
    let early = world.settle_at_once(&bought.name, capture, Verdict::DidNotHappen).await;
    assert_eq!(refused(early, Code::EffectPending).number("operation"), Some(capture));
    world.settle(&bought.name, capture, Verdict::DidNotHappen).await.unwrap();
    let order = world.cancel(&bought.name, false).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "cancelled", "{order:?}");
    assert!(world.book().reservation(&bought.reference).unwrap().is_voided);
    assert!(world.book().done(&bought.reference, "capture").is_empty());
    audit(&world).await;
}

async fn what_the_provider_says_afterwards_is_only_evidence(world: World) {
    // Its answer comes unless the call is given up first: nobody's it is any more.
    let order = eventually("an answer after the verdict", async || {
        let (bought, capture) = world.capturing("capture=slow:500ms").await;
        let request = proto::SettlePaymentOperationRequest {
            name: (&bought.name).into(),
            operation_id: capture,
            verdict: Verdict::Happened.into(),
            amount_minor: Some(400),
            reason: REASON.to_owned(),
            ..Default::default()
        };
        let told = world.client.settle_payment_operation(request).await.ok()?.order.unwrap();
        assert!(!told.payment_needs_attention);
        tokio::time::sleep(std::time::Duration::from_millis(900)).await;
        let order = world.get(&bought.name).await;
        let settled = operation(&order, capture);
        assert_eq!((settled.state(), settled.amount_minor), (OperationState::Succeeded, 400));
        assert_eq!(status_id(&order), "not-processed");
        assert_eq!(world.book().done(&bought.reference, "capture"), [900]);
        order.payment_needs_attention.then_some(order)
    })
    .await;
    assert_eq!(order.payments[0].captured_minor, 400);

    let (bought, capture) = world.capturing("capture=slow:500ms").await;
    let order = world.settle(&bought.name, capture, Verdict::Happened).await.unwrap();
    assert_eq!(status_id(&order), "sent");
    tokio::time::sleep(std::time::Duration::from_millis(900)).await;
    let after = world.get(&bought.name).await;
    assert!(!after.payment_needs_attention, "they agree");
    assert_eq!(after.revision, order.revision, "nothing was changed");
}

async fn rule_4_6_what_waits_is_sent_now_with_the_same_key(world: World) {
    let (bought, capture) = world.capturing("capture=busy:60m").await;
    let calls = || world.book().calls(&bought.reference, "capture");
    for wanted in 2..4 {
        let request = proto::RetryEffectRequest {
            name: (&bought.name).into(),
            operation_id: capture,
            ..proto::RetryEffectRequest::default()
        };
        world.client.retry_effect(request).await.unwrap();
        eventually("it is sent again", async || (calls() >= wanted).then_some(())).await;
    }
    let order = world.get(&bought.name).await;
    assert_eq!(order.payments[0].operations.len(), 2, "the same operation");
    assert_eq!(world.book().keys(&bought.reference, "capture"), 1);
    let history = world.history(&bought.name).await;
    let tried = history.iter().filter(|event| event.kind() == EventKind::OperationSettled);
    assert!(tried.clone().count() == 2 && tried.into_iter().all(|event| event.actor != "system"));
}

async fn rule_4_6_what_the_provider_has_is_looked_up_now(world: World) {
    let (bought, capture) = world.capturing("capture=later:60m").await;
    eventually("the provider has promised", async || {
        let order = world.get(&bought.name).await;
        (operation(&order, capture).state() == OperationState::Accepted).then_some(())
    })
    .await;
    let looks = world.book().looks(&bought.reference, "capture");
    let request = proto::RetryEffectRequest {
        name: (&bought.name).into(),
        operation_id: capture,
        ..proto::RetryEffectRequest::default()
    };
    let receipt = world.client.retry_effect(request).await.unwrap().receipt.unwrap();
    assert!(receipt.plan.is_empty(), "a look moves nothing");
    eventually("it is looked up", async || {
        (world.book().looks(&bought.reference, "capture") > looks).then_some(())
    })
    .await;
    assert_eq!(world.book().calls(&bought.reference, "capture"), 1);
}

async fn rule_4_6_a_declined_refund_is_a_new_operation(world: World) {
    let (name, reference, declined) = world.with_declined_refund("refund=decline-once").await;
    let answer = world.retry(&name, declined).await.unwrap();
    let plan = &answer.receipt.as_ref().unwrap().plan;
    assert_eq!((plan[0].kind(), plan[0].amount_minor), (OperationKind::Refund, 400));
    let order = answer.order.unwrap();
    assert_eq!(problems(&order), ["CAPTURE_DECLINED"], "paid back: {order:?}");
    assert_eq!(operation(&order, declined).state(), OperationState::Declined);
    assert_eq!(world.book().done(&reference, "refund"), [400]);
    refused(world.retry(&name, declined).await, Code::EffectNotRetryable);
    let order = world.cancel(&name, false).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), problems(&order).len()), ("cancelled", 0));
    assert_eq!(world.book().done(&reference, "refund"), [400]);
    world.settled(&name).await;
    audit(&world).await;
}

async fn rule_4_6_a_refund_paid_by_hand_is_settled(world: World) {
    let (name, reference, declined) = world.with_declined_refund("refund=decline").await;
    let order = world.settle(&name, declined, Verdict::Happened).await.unwrap();
    assert_eq!(problems(&order), ["CAPTURE_DECLINED"]);
    let operations = order.payments.iter().flat_map(|payment| &payment.operations);
    let paid: Vec<_> = operations.filter(|one| one.provider_reference == "by hand").collect();
    assert_eq!(paid.len(), 1);
    assert_eq!((paid[0].kind(), paid[0].amount_minor), (OperationKind::Refund, 400));
    assert_eq!(paid[0].state(), OperationState::Succeeded);
    assert!(world.book().done(&reference, "refund").is_empty());
    refused(world.settle(&name, declined, Verdict::Happened).await, Code::OperationFinal);
    let order = world.cancel(&name, false).await.unwrap().order.unwrap();
    assert_eq!(status_id(&order), "cancelled");
}

async fn rule_2_5_problems_are_listed_oldest_first_and_dismissed_with_a_reason(world: World) {
    world.stock("CUP", 0).await;
    let mut names: Vec<OrderName> = Vec::new();
    for _ in 0..3 {
        let draft = world.draft(0).goods("CUP", "Kopp", 1, 0, 0);
        names.push(world.place(draft).await.name.parse().unwrap());
    }
    let declined = world.buy(900, "authorize=decline").await;
    let all = world.open_problems(&[]).await;
    let listed: Vec<&str> = all.problems.iter().map(|one| one.order.as_str()).collect();
    let mut wanted: Vec<String> = names.iter().map(String::from).collect();
    wanted.push((&declined.name).into());
    assert_eq!(listed, wanted);
    assert_eq!(all.counts["OVERSOLD"], 3);
    assert_eq!(all.counts["AUTHORIZATION_DECLINED"], 1);
    let some = world.open_problems(&["AUTHORIZATION_DECLINED", "VOID_DECLINED"]).await;
    assert_eq!((some.problems.len(), some.counts.len()), (1, 2));
    let request = proto::ListProblemsRequest {
        parent: (&world.shop).into(),
        page_size: 1,
        codes: vec!["OVERSOLD".to_owned()],
        ..proto::ListProblemsRequest::default()
    };
    let pages = world.client.problem_pages(request.clone());
    let paged: Vec<proto::OrderProblem> = pages.by_item().try_collect().await.unwrap();
    assert_eq!(paged, all.problems[..3]);
    let token = world.client.list_problems(request.clone()).await.unwrap().next_page_token;
    let other = proto::ListProblemsRequest { page_token: token, codes: Vec::new(), ..request };
    refused(world.client.list_problems(other).await, Code::PageTokenInvalid);

    let problem = all.problems[1].problem.clone().unwrap();
    let order = world.dismiss(&names[1], problem.id).await.unwrap();
    assert!(problems(&order).is_empty());
    assert_eq!(order.notes.last().unwrap().text, REASON);
    let history = world.history(&names[1]).await;
    let closed = history.iter().find(|event| event.kind() == EventKind::ProblemClosed).unwrap();
    let change = closed.change.as_ref().unwrap();
    assert!(change.has_reason && change.problem_id == problem.id);
    assert_eq!(change.problem_code, "OVERSOLD");
    refused(world.dismiss(&names[1], problem.id).await, Code::ProblemNotFound);
    let left = world.open_problems(&["OVERSOLD"]).await;
    assert_eq!((left.problems.len(), left.counts["OVERSOLD"]), (2, 2));
}

async fn what_cannot_be_dismissed_retried_or_settled_is_refused(world: World) {
    let declined = world.buy(900, "authorize=decline").await;
    let other = world.buy(900, "").await;
    let order = world.get(&declined.name).await;
    let before = world.revision().await;
    let problem = order.problems[0].id;
    refused(world.dismiss(&declined.name, problem).await, Code::ProblemNotDismissible);
    refused(world.dismiss(&other.name, problem).await, Code::ProblemNotFound);
    let authorize = order.payments[0].operations[0].id;
    refused(world.retry(&declined.name, authorize).await, Code::EffectNotRetryable);
    refused(world.retry(&other.name, authorize).await, Code::OperationNotFound);
    let unheard = world.settle(&other.name, 999, Verdict::Happened).await;
    refused(unheard, Code::OperationNotFound);
    let confirmed = world.get(&other.name).await.payments[0].operations[0].id;
    refused(world.retry(&other.name, confirmed).await, Code::OperationFinal);
    let nothing = world.shop.order(4).unwrap();
    refused(world.dismiss(&nothing, 1).await, Code::OrderNotFound);
    refused(world.retry(&nothing, 1).await, Code::OrderNotFound);
    refused(world.settle(&nothing, 1, Verdict::Happened).await, Code::OrderNotFound);

    let request = proto::DismissProblemRequest { name: "x".to_owned(), ..Default::default() };
    let outcome = world.client.dismiss_problem(request).await;
    assert_eq!(wrong_fields(outcome), ["name", "problem_id", "reason"]);
    let request = proto::RetryEffectRequest { name: "x".to_owned(), ..Default::default() };
    assert_eq!(wrong_fields(world.client.retry_effect(request).await), ["name", "operation_id"]);
    let request = proto::SettlePaymentOperationRequest {
        amount_minor: Some(0),
        verdict: 0,
        ..Default::default()
    };
    assert_eq!(
        wrong_fields(world.client.settle_payment_operation(request).await),
        ["name", "operation_id", "amount_minor", "verdict", "reason"]
    );
    let request = proto::ListProblemsRequest {
        page_size: -1,
        codes: vec!["PAID".to_owned()],
        ..Default::default()
    };
    let outcome = world.client.list_problems(request).await;
    assert_eq!(wrong_fields(outcome), ["parent", "page_size", "codes[0]"]);
    assert_eq!(world.revision().await, before);

    let (bought, capture) = world.capturing("capture=busy:60m").await;
    let outcome = eventually("it waits to be sent again", async || {
        let outcome = world.settle(&bought.name, capture, Verdict::DidNotHappen).await;
        let code = outcome.as_ref().err().and_then(|error| error.code());
        (code == Some(Code::OperationNotSent.name())).then_some(outcome)
    })
    .await;
    refused(outcome, Code::OperationNotSent);
    let (bought, capture) = world.capturing("capture=hang").await;
    let request = proto::SettlePaymentOperationRequest {
        name: (&bought.name).into(),
        operation_id: capture,
        verdict: Verdict::Happened.into(),
        amount_minor: Some(901),
        reason: REASON.to_owned(),
        ..Default::default()
    };
    let outcome = world.client.settle_payment_operation(request).await;
    assert_eq!(wrong_fields(outcome), ["amount_minor"]);
}

async fn a_verdict_outlives_a_kill(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let (bought, capture) = world.capturing("capture=timeout-after,read=unavailable").await;
    let (other, hanging) = world.capturing("capture=timeout-before,read=unavailable").await;
    world.settle(&bought.name, capture, Verdict::Happened).await.unwrap();
    world.settle(&other.name, hanging, Verdict::DidNotHappen).await.unwrap();
    world.server.kill().await;
    world.server.start().await;
    let order = world.get(&bought.name).await;
    assert_eq!(status_id(&order), "sent");
    assert_eq!(world.book().calls(&bought.reference, "capture"), 1, "nobody takes it up again");
    let order = world.get(&other.name).await;
    assert_eq!((status_id(&order), problems(&order)), ("not-processed", vec!["CAPTURE_DECLINED"]));
    audit(&world).await;
}

/// Time is turned back behind the server's back: nobody waits a quarter of an hour.
async fn rule_11_2_what_stays_unknown_is_told_looked_up_and_settled(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let (bought, capture) = world.capturing("capture=timeout-after:1s,read=unavailable").await;
    let hours = |count: i64| count * 3_600 * 1_000_000;
    let back = format!("UPDATE effects SET first_sent_at = first_sent_at - {}", hours(21));
    let order = eventually("a person is told", async || {
        world.server.store.damage(&back).await;
        let order = world.get(&bought.name).await;
        problems(&order).contains(&"OUTCOME_UNKNOWN").then_some(order)
    })
    .await;
    assert!(order.payment_needs_attention && order.pending_status_change.is_some());
    assert_eq!(operation(&order, capture).state(), OperationState::Unknown);
    let listed = world.open_problems(&["OUTCOME_UNKNOWN"]).await;
    let problem = listed.problems[0].problem.clone().unwrap();
    assert_eq!(problem.operation_id, capture);
    refused(world.dismiss(&bought.name, problem.id).await, Code::ProblemNotDismissible);

    // Put away for good, so that only a person brings it back.
    let put_away = format!("UPDATE effects SET due_at = {}, lease_until = NULL", i64::MAX);
    world.server.store.damage(&put_away).await;
    let looks = world.book().looks(&bought.reference, "capture");
    let request = proto::RetryEffectRequest {
        name: (&bought.name).into(),
        operation_id: capture,
        ..proto::RetryEffectRequest::default()
    };
    world.client.retry_effect(request).await.unwrap();
    eventually("it is looked up", async || {
        (world.book().looks(&bought.reference, "capture") > looks).then_some(())
    })
    .await;
    let order = world.settle(&bought.name, capture, Verdict::Happened).await.unwrap();
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0));
    assert!(!order.payment_needs_attention);
    assert!(world.open_problems(&[]).await.counts.is_empty());
    audit(&world).await;
}

async fn only_one_of_two_verdicts_counts(backend: Backend) {
    let first = World::own(backend, &[]).await;
    let second = first.beside().await;
    for _ in 0..3 * depth() {
        let (bought, capture) = first.capturing("capture=timeout-after,read=unavailable").await;
        let mut running = Vec::new();
        for number in 0..16 {
            let world = if number % 2 == 0 { first.clone() } else { second.clone() };
            let name = bought.name.clone();
            let verdict = Verdict::Happened;
            running.push(tokio::spawn(async move { world.settle(&name, capture, verdict).await }));
        }
        let mut counted = 0;
        for one in running {
            match one.await.unwrap() {
                Ok(order) => {
                    counted += 1;
                    assert_eq!(status_id(&order), "sent");
                }
                Err(error) => assert_eq!(error.code(), Some(Code::OperationFinal.name())),
            }
        }
        assert_eq!(counted, 1);
        assert_eq!(second.get(&bought.name).await.notes.len(), 1);
    }
    audit(&second).await;
}
