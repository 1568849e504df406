//! Whatever an account says, and whenever it is read, what must be true stays so.

use proptest::prelude::*;

use crate::audit::check_case;
use crate::changing::{ChangeStatus, Outcome};
use crate::decision::Change;
use crate::fixtures::world::World;
use crate::fixtures::{CANCELLED, SENT, nok, tried};
use crate::order::{LineKind, Micros, OrderNumber, PriceBasis};
use crate::payments::ProviderName;
use crate::placing::{NewLine, NewPayment, Placement};
use crate::reconciling::{Account, Conclusion, DAY, Standing, Statement};
use crate::refusals::Code;

/// A step of a history in which the provider may say anything.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// 0: another order on the payment, 1: completed, 2: cancelled.
    Act {
        order: u8,
        what: u8,
    },
    Answer {
        is_yes: bool,
    },
    Read {
        standing: u8,
        amounts: [i64; 4],
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let amount = prop_oneof![Just(0_i64), Just(40), Just(60), Just(100), Just(140)];
    let amounts = [amount.clone(), amount.clone(), amount.clone(), amount];
    let step = prop_oneof![
        2 => (any::<u8>(), 0_u8..3).prop_map(|(order, what)| Step::Act { order, what }),
        3 => any::<bool>().prop_map(|is_yes| Step::Answer { is_yes }),
        4 => (0_u8..5, amounts).prop_map(|(standing, amounts)| Step::Read { standing, amounts }),
    ];
    proptest::collection::vec(step, 1..24)
}

fn place(world: &mut World) {
    let line = NewLine {
        kind: LineKind::Goods,
        sku: "mug".to_owned(),
        title: "mug".to_owned(),
        quantity: 2,
        unit_price_minor: 50,
        discount_minor: 0,
        vat_rate_bp: 2_500,
    };
    let placement = Placement {
        currency: nok(),
        price_basis: PriceBasis::Gross,
        lines: vec![line],
        order_discount_minor: 0,
        stated: None,
        payments: vec![NewPayment {
            provider: ProviderName("klarna".to_owned()),
            reference: "k1".to_owned(),
            amount_minor: 100,
        }],
        customer_key: String::new(),
    };
    drop(world.place(&placement));
}

fn statement(standing: u8, amounts: [i64; 4]) -> Statement {
    let all =
        [Standing::Held, Standing::Held, Standing::Expired, Standing::Gone, Standing::Rejected];
    let [authorized_minor, captured_minor, refunded_minor, released_minor] = amounts;
    Statement {
        currency: Some(nok()),
        standing: all[usize::from(standing)],
        authorized_minor,
        captured_minor,
        refunded_minor,
        released_minor,
        expires_at: None,
        is_shared: false,
    }
}

fn take(world: &mut World, step: Step) {
    match step {
        Step::Act { what: 0, .. } => place(world),
        Step::Act { order, what } => {
            let numbers: Vec<OrderNumber> = world.orders.keys().copied().collect();
            let number = numbers[usize::from(order) % numbers.len()];
            let to = if what == 1 { SENT } else { CANCELLED };
            let restock = (what == 2).then_some(false);
            let command = ChangeStatus { to, restock, has_note: false, send_email: false };
            drop(world.change(number, command));
        }
        Step::Answer { is_yes } => {
            let mut operations = world.payments.values().flat_map(|known| &known.operations);
            let Some(open) = operations.find(|one| one.state.is_claimed()) else { return };
            let (id, amount_minor) = (open.id, open.amount_minor);
            let outcome = match is_yes {
                true => {
                    Outcome::Succeeded { amount_minor, provider_reference: None, expires_at: None }
                }
                false => Outcome::Declined {
                    code: Code::Internal,
                    provider_reason: "because".to_owned(),
                },
            };
            world.record(id, &outcome);
        }
        Step::Read { standing, amounts } => read_twice(world, statement(standing, amounts)),
    }
}

/// Whatever an account says, the same account has nothing to add.
fn read_twice(world: &mut World, statement: Statement) {
    let Some(id) = world.payments.keys().next().copied() else { return };
    let account = Account::Stated(statement);
    // Long after whatever was done.
    world.now = Micros(world.now.0 + DAY);
    world.reconcile(id, account).unwrap();
    let done = world.reconcile(id, account).unwrap();
    for change in done.iter().flat_map(|(_, changes)| changes) {
        if let Change::Reconciled { conclusion, .. } = change {
            assert_ne!(*conclusion, Conclusion::Adopted, "{statement:?}: {done:?}");
        }
    }
}

proptest! {
    #![proptest_config(tried(256))]

    #[test]
    fn no_account_breaks_what_must_be_true(steps in steps()) {
        let mut world = World::new();
        place(&mut world);
        for step in steps {
            take(&mut world, step);
            for number in world.orders.keys() {
                let breaches = check_case(&world.case(*number), &world.statuses);
                prop_assert!(breaches.is_empty(), "{step:?}: {breaches:?}");
            }
        }
    }
}
