//! Doubts, kills and lateness on the way to the books: whatever befalls a step, it is taken once.

use std::sync::Arc;

use futures_util::future::join_all;
use order_sdk::OrderName;
use order_sdk::proto::{TransferForm, TransferState};
use order_tests::fakes::{Effect, Trouble};

use super::{PARTS, Stage, TOTAL, last};
use crate::harness::standstill::Standstill;
use crate::harness::{Backend, depth, eventually, problems};

trials! {
    own: [
        every_doubt_is_ended_by_a_look,
        what_is_done_after_the_first_look_is_found,
        a_login_in_doubt_keeps_nobody_out,
        a_kill_at_any_step_loses_and_doubles_nothing,
        a_kill_between_answer_and_record_is_survived,
        what_is_in_doubt_for_days_is_found_all_the_same,
    ];
}

/// What is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paper {
    Invoice,
    /// An order that stays one.
    Order,
    /// Of a credit, with what was paid back.
    CreditNote,
    /// The credit as an order that stays one.
    CreditOrder,
}

/// A step of which nobody knows whether it was taken.
#[derive(Clone, Copy, Debug)]
struct Step {
    paper: Paper,
    operation: &'static str,
}

const STEPS: [Step; 9] = [
    Step { paper: Paper::Invoice, operation: "customer" },
    Step { paper: Paper::Invoice, operation: "order" },
    Step { paper: Paper::Invoice, operation: "invoice" },
    Step { paper: Paper::Invoice, operation: "payment" },
    Step { paper: Paper::Order, operation: "order" },
    Step { paper: Paper::CreditNote, operation: "order" },
    Step { paper: Paper::CreditNote, operation: "credit-note" },
    Step { paper: Paper::CreditNote, operation: "payment" },
    Step { paper: Paper::CreditOrder, operation: "order" },
];

/// Longer than any session lives, and than anybody keeps a key.
const DAYS_MICROS: i64 = 49 * 60 * 60 * 1_000_000;
/// Later than the first look, and earlier than anybody may think that it was not done.
const LATE_MILLIS: u64 = 8_000;

/// An order to hand over.
struct Case {
    stage: Arc<Stage>,
    step: Step,
    order: OrderName,
    email: String,
}

impl Case {
    async fn prepare(stage: &Arc<Stage>, step: Step, name: &str) -> Self {
        let stage = Arc::clone(stage);
        let email = format!("{name}@kunde.example");
        let sale = stage.sell_to(&email).await;
        let order = match step.paper {
            Paper::Invoice | Paper::Order => sale,
            Paper::CreditNote | Paper::CreditOrder => {
                stage.transfer(&sale, TransferForm::Invoice).await;
                stage.credit(&sale).await
            }
        };
        Self { stage, step, order, email }
    }

    /// What the book calls it that the step is about.
    fn about(&self) -> String {
        match self.step.operation {
            "customer" => self.email.clone(),
            _ => self.stage.number(&self.order),
        }
    }

    fn befall(&self, effect: Effect, is_done: bool) {
        let trouble = Trouble::of(self.step.operation, effect).about(&self.about());
        self.stage.fake.trouble(if is_done { trouble.once_done() } else { trouble });
    }

    async fn begin(&self) {
        let form = match self.step.paper {
            Paper::Invoice | Paper::CreditNote => TransferForm::Invoice,
            Paper::Order | Paper::CreditOrder => TransferForm::Order,
        };
        self.stage.world.client.transfer(&self.order, form).send().await.unwrap();
    }

    fn is_called(&self) -> bool {
        self.stage.fake.book().calls(self.step.operation, &self.about()) > 0
    }

    /// Everything of it stands in the books, once.
    async fn check(&self, told: &str) {
        let told = format!("{:?} {told}", self.step);
        let order = self.stage.booked(&self.order).await;
        let found = (last(&order).state(), problems(&order).len());
        assert_eq!(found, (TransferState::Succeeded, 0), "{told}: {order:?}");
        let sign = match self.step.paper {
            Paper::Invoice | Paper::Order => 1,
            Paper::CreditNote | Paper::CreditOrder => -1,
        };
        let (sums, parts) = (vec![sign * TOTAL], PARTS.map(|part| sign * part).to_vec());
        let (invoices, notes, payments) = match self.step.paper {
            Paper::Invoice => (sums.clone(), vec![], parts),
            Paper::CreditNote => (vec![], sums.clone(), parts),
            Paper::Order | Paper::CreditOrder => (vec![], vec![], vec![]),
        };
        assert_eq!(self.stage.fake.book().amounts("customer", &self.email), [0], "{told}");
        for (operation, wanted) in
            [("order", sums), ("invoice", invoices), ("credit-note", notes), ("payment", payments)]
        {
            assert_eq!(self.stage.done(operation, &self.order), wanted, "{told}: {operation}");
        }
    }
}

/// Silence, a line that breaks and a late error, each before it is done and after.
fn doubts() -> Vec<(Effect, bool)> {
    let effects = [Effect::Silence, Effect::HangUp, Effect::answer(500, "1000", "Oops")];
    effects.into_iter().flat_map(|effect| [(effect.clone(), false), (effect, true)]).collect()
}

/// Every step in every kind of doubt, all at once.
async fn every_doubt_is_ended_by_a_look(backend: Backend) {
    let company = Stage::set(backend).await;
    let mut running = Vec::new();
    for (place, step) in STEPS.into_iter().enumerate() {
        // A shop each: a system that is silent five times in a row is left alone for a while.
        let stage = Arc::new(company.beside(&format!("{place}-")).await);
        for (number, (effect, is_done)) in doubts().into_iter().enumerate() {
            let stage = Arc::clone(&stage);
            running.push(tokio::spawn(async move {
                let case = Case::prepare(&stage, step, &format!("tvil-{place}-{number}")).await;
                let told = format!("{effect:?}, done: {is_done}");
                case.befall(effect, is_done);
                case.begin().await;
                case.check(&told).await;
            }));
        }
    }
    for one in running {
        one.await.unwrap();
    }
    company.check().await;
}

/// Nobody else of the same buyer makes meanwhile what may still come.
async fn what_is_done_after_the_first_look_is_found(backend: Backend) {
    let company = Stage::set(backend).await;
    let mut running = Vec::new();
    for (place, step) in STEPS.into_iter().enumerate() {
        let stage = Arc::new(company.beside(&format!("{place}-")).await);
        running.push(tokio::spawn(async move {
            let name = format!("sen-{place}");
            let case = Case::prepare(&stage, step, &name).await;
            let other = Case::prepare(&stage, STEPS[0], &name).await;
            case.befall(Effect::Late { millis: LATE_MILLIS }, false);
            case.begin().await;
            eventually("it is under way", async || {
                stage.fake.is_working_on(&case.about()).then_some(())
            })
            .await;
            other.begin().await;
            case.check("late").await;
            other.check("beside it").await;
        }));
    }
    for one in running {
        one.await.unwrap();
    }
    company.check().await;
}

async fn a_login_in_doubt_keeps_nobody_out(backend: Backend) {
    let company = Stage::set(backend).await;
    let mut running = Vec::new();
    for (number, (effect, is_done)) in doubts().into_iter().enumerate() {
        let stage = Arc::new(company.beside(&format!("{number}-")).await);
        let case = Case::prepare(&stage, STEPS[0], &format!("inn-{number}")).await;
        // Each shop logs in for itself, and one of these befalls each.
        let trouble = Trouble::of("session", effect);
        stage.fake.trouble(if is_done { trouble.once_done() } else { trouble });
        running.push(case);
    }
    join_all(running.iter().map(Case::begin)).await;
    for case in &running {
        case.check("a login in doubt").await;
    }
    assert_eq!(company.fake.book().calls("session", ""), 2 * running.len(), "once more each");
    company.check().await;
}

/// Called and not done, done and not heard of; and durable, maybe called.
async fn a_kill_at_any_step_loses_and_doubles_nothing(backend: Backend) {
    let company = Stage::set(backend).await;
    // A hundredfold in all: deeper and oftener.
    let times = depth().isqrt();
    for round in 0..times {
        let mut cases = Vec::new();
        for copy in 0..times {
            for (place, step) in STEPS.into_iter().enumerate() {
                let stage = company.beside(&format!("{round}-{copy}-{place}-")).await;
                cases.extend(befallen(&Arc::new(stage), step).await);
            }
        }
        // And a login that nobody hears of.
        let stage = Arc::new(company.beside(&format!("{round}-inn-")).await);
        let login = Case::prepare(&stage, STEPS[0], &format!("inn-{round}")).await;
        join_all(cases.iter().map(|(case, _)| case.begin())).await;
        let called = async || {
            let mut troubled = cases.iter().filter(|(_, trouble)| trouble.is_some());
            troubled.all(|(case, _)| case.is_called()).then_some(())
        };
        eventually("each has come to its step", called).await;
        stage.fake.trouble(Trouble::of("session", Effect::Silence).once_done());
        let sessions = stage.fake.book().calls("session", "");
        login.begin().await;
        eventually("it logs in", async || {
            (stage.fake.book().calls("session", "") > sessions).then_some(())
        })
        .await;
        company.world.server.kill().await;
        company.world.server.start().await;
        for (case, trouble) in &cases {
            case.check(&format!("{trouble:?}")).await;
        }
        login.check("a login nobody hears of").await;
    }
    company.check().await;
}

/// The step in every way that a kill may find it, each in a sale of its own.
async fn befallen(stage: &Arc<Stage>, step: Step) -> Vec<(Case, Option<(Effect, bool)>)> {
    let troubles = [
        None,
        Some((Effect::Silence, false)),
        Some((Effect::Silence, true)),
        Some((Effect::HangUp, false)),
        Some((Effect::HangUp, true)),
    ];
    let prepare = |(number, trouble): (usize, Option<(Effect, bool)>)| async move {
        let name = format!("{}{number}", stage.prefix);
        let case = Case::prepare(stage, step, &name).await;
        if let Some((effect, is_done)) = &trouble {
            case.befall(effect.clone(), *is_done);
        }
        (case, trouble)
    };
    join_all(troubles.into_iter().enumerate().map(prepare)).await
}

/// Each step is done and answered, and nobody could write that down: it is found and not done again.
async fn a_kill_between_answer_and_record_is_survived(backend: Backend) {
    let company = Stage::set(backend).await;
    let mut cases = Vec::new();
    for (place, step) in STEPS.into_iter().enumerate() {
        let stage = Arc::new(company.beside(&format!("{place}-")).await);
        let case = Case::prepare(&stage, step, &format!("hørt-{place}")).await;
        case.befall(Effect::Waiting, false);
        cases.push(case);
    }
    join_all(cases.iter().map(Case::begin)).await;
    let (fake, server) = (&company.fake, &company.world.server);
    let steps: Vec<String> = cases.iter().map(Case::about).collect();
    let standstill = Standstill::once_answered(&server.store, fake, &steps).await;
    let calls = |case: &Case| fake.book().calls(case.step.operation, &case.about());
    let before: Vec<usize> = cases.iter().map(calls).collect();
    server.kill().await;
    standstill.end();
    server.start().await;
    for (case, before) in cases.iter().zip(before) {
        case.check("done, heard and not recorded").await;
        // Of payments there may be another one to come.
        if case.step.operation != "payment" {
            assert_eq!(calls(case), before, "{:?}: it is found and not made again", case.step);
        }
    }
    company.check().await;
}

/// For two days nobody has looked, and no session has lived so long. The books' own clock stays where
/// it is: whoever logs in names a day that is still to come there.
async fn what_is_in_doubt_for_days_is_found_all_the_same(backend: Backend) {
    let company = Stage::set(backend).await;
    let mut cases = Vec::new();
    for (place, step) in STEPS.into_iter().enumerate() {
        let stage = Arc::new(company.beside(&format!("{place}-")).await);
        for is_done in [false, true] {
            let case = Case::prepare(&stage, step, &format!("gammel-{place}-{is_done}")).await;
            case.befall(Effect::Silence, is_done);
            cases.push((case, is_done));
        }
    }
    join_all(cases.iter().map(|(case, _)| case.begin())).await;
    eventually("each has come to its step", async || {
        cases.iter().all(|(case, _)| case.is_called()).then_some(())
    })
    .await;
    let server = &company.world.server;
    server.kill().await;
    let calls = |case: &Case| company.fake.book().calls(case.step.operation, &case.about());
    let before: Vec<usize> = cases.iter().map(|(case, _)| calls(case)).collect();
    let sessions = company.fake.book().calls("session", "");
    company.fake.with(|tripletex, _| tripletex.forget_sessions());
    let earlier = format!(
        "UPDATE effects SET first_sent_at = first_sent_at - {DAYS_MICROS}, \
         last_sent_at = last_sent_at - {DAYS_MICROS}, due_at = 0 \
         WHERE payment_key IS NULL AND state IN (1, 2, 3)"
    );
    server.store.damage(&earlier).await;
    server.start().await;
    for ((case, is_done), before) in cases.iter().zip(before) {
        case.check(&format!("in doubt for days, done: {is_done}")).await;
        // Of payments there is another one to come.
        if *is_done && case.step.operation != "payment" {
            assert_eq!(calls(case), before, "{:?}: it is found and not made again", case.step);
        }
    }
    assert!(company.fake.book().calls("session", "") > sessions, "all log in anew");
    company.check().await;
}
