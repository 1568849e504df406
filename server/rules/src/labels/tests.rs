//! Which goods get a label, when, and what becomes of it.

use super::{
    Asked, Consignment, LabelFacts, LabelOutcome, LabelRules, LabelState, Parcel, PrintLabel,
    PrintState, awaits, print, record, withdraw_unsent,
};
use crate::audit::check_case;
use crate::changing::{ChangeStatus, automatic_labels};
use crate::decision::{Case, Change, Decision, Ids};
use crate::fixtures::world::World;
use crate::fixtures::{CANCELLED, RETURNED, SENT, order, payment, statuses};
use crate::order::{Delivery, Micros, Order, OrderKind, OrderNumber, Tracking};
use crate::refusals::{Code, Refusal};

const NOW: Micros = Micros(7);

fn rules() -> LabelRules {
    LabelRules {
        integration: "cargonizer".to_owned(),
        parcel: Parcel {
            transport_agreement: "1357".to_owned(),
            product: "mypack".to_owned(),
            weight_grams: 1_000,
        },
        is_automatic: false,
        printer: None,
    }
}

fn delivery(id: i32) -> Delivery {
    Delivery {
        id,
        lines: Vec::new(),
        shipped_at: Micros(2),
        recorded_at: Micros(2),
        arrived_on: None,
        cancelled_at: None,
        tracking: Tracking::default(),
    }
}

/// Completed, in so many deliveries.
fn completed(deliveries: i32) -> Case {
    let order = Order {
        status: SENT,
        completed_at: Some(Micros(3)),
        deliveries: (1..=deliveries).map(delivery).collect(),
        ..order(1001, 0)
    };
    Case { order, payments: Vec::new() }
}

fn ask(case: &Case, command: &PrintLabel) -> Result<Asked, Refusal> {
    let next = case.order.labels.iter().flat_map(|label| {
        label.prints.iter().map(|print| print.id).chain([label.id]).collect::<Vec<_>>()
    });
    let mut ids = Ids(next.max().unwrap_or(49) + 1);
    let rules = rules();
    print(case, LabelFacts { rules: Some(&rules), missing: &[] }, command, &mut ids, NOW)
}

fn to_printer(name: &str) -> PrintLabel {
    PrintLabel { printer: Some(name.to_owned()), ..PrintLabel::default() }
}

fn made(case: &Case, id: i64) -> Decision {
    let tracking = Tracking {
        carrier: "Bring".to_owned(),
        number: "4017".to_owned(),
        url: "https://sporing.bring.no/sporing/4017".to_owned(),
    };
    let consignment = Consignment { id: "79758".to_owned(), number: "401".to_owned(), tracking };
    record(case, id, &LabelOutcome::Made(consignment), &mut Ids(900), NOW)
}

fn declined() -> LabelOutcome {
    LabelOutcome::Declined { code: Code::RejectedByProvider, reason: "no".to_owned() }
}

fn held(code: Code) -> LabelOutcome {
    LabelOutcome::Held { code, reason: "why".to_owned() }
}

fn lost() -> LabelOutcome {
    LabelOutcome::Unknown { reason: "500 Oops".to_owned() }
}

fn open_codes(case: &Case) -> Vec<Code> {
    let open = case.order.problems.iter().filter(|problem| problem.closed_at.is_none());
    open.map(|problem| problem.code).collect()
}

fn print_states(case: &Case) -> Vec<PrintState> {
    let prints = case.order.labels.iter().flat_map(|label| &label.prints);
    prints.map(|print| print.state).collect()
}

#[test]
fn only_goods_of_a_completed_sale_with_an_address_get_a_label() {
    let change = |change: fn(&mut Order)| {
        let mut case = completed(1);
        change(&mut case.order);
        case
    };
    let of = |delivery| PrintLabel { delivery, ..PrintLabel::default() };
    for (case, command, code) in [
        (change(|order| order.completed_at = None), of(None), Code::NotCompleted),
        (change(|order| order.kind = OrderKind::Credit), of(None), Code::CreditOrderFinal),
        (change(|order| order.cancelled_at = Some(NOW)), of(None), Code::OrderCancelled),
        (completed(1), of(Some(2)), Code::DeliveryNotFound),
        (
            change(|order| order.deliveries[0].cancelled_at = Some(NOW)),
            of(Some(1)),
            Code::DeliveryNotFound,
        ),
        (completed(2), of(None), Code::InvalidRequest),
    ] {
        assert_eq!(ask(&case, &command).unwrap_err().code, code);
    }
    let (rules, case) = (rules(), completed(1));
    let missing = LabelFacts { rules: Some(&rules), missing: &["city", "postal_code"] };
    let refused = print(&case, missing, &of(None), &mut Ids(50), NOW).unwrap_err();
    assert_eq!(refused.code, Code::ShippingAddressIncomplete);
    assert_eq!(refused.details, [("missing", "city,postal_code".to_owned())]);
    let unset = LabelFacts { rules: None, missing: &[] };
    let refused = print(&case, unset, &of(None), &mut Ids(50), NOW).unwrap_err();
    assert_eq!(refused.code, Code::LabelsNotSetUp);
    // Deliveries, which is asked for, and which goods get it.
    for (deliveries, asked, goods) in
        [(0, None, None), (1, None, Some(1)), (1, Some(1), Some(1)), (2, Some(2), Some(2))]
    {
        let decision = ask(&completed(deliveries), &of(asked)).unwrap().decision;
        let label = &decision.case.order.labels[0];
        assert_eq!((label.delivery, label.state), (goods, LabelState::Pending));
        assert_eq!(decision.labels, [label.id]);
        assert_eq!(label.parcel, rules.parcel);
    }
}

#[test]
fn what_is_stated_goes_before_the_settings() {
    let command = PrintLabel {
        transport_agreement: Some("1".to_owned()),
        weight_grams: Some(250),
        ..PrintLabel::default()
    };
    let decision = ask(&completed(1), &command).unwrap().decision;
    let wanted = Parcel {
        transport_agreement: "1".to_owned(),
        product: "mypack".to_owned(),
        weight_grams: 250,
    };
    assert_eq!(decision.case.order.labels[0].parcel, wanted);
}

#[test]
fn a_label_is_made_once_and_printed_as_often_as_asked() {
    let first = ask(&completed(1), &to_printer("7")).unwrap();
    assert_eq!((first.decision.labels.len(), first.hastened), (1, None));
    let case = first.decision.case;
    let id = case.order.labels[0].id;
    // While it is under way nothing more is asked for, and a print waits once.
    let again = ask(&case, &to_printer("7")).unwrap();
    assert_eq!((again.decision.labels.len(), again.hastened), (0, Some(id)));
    assert!(again.decision.is_noop() && awaits(&again.decision.case.order));
    let other = ask(&case, &to_printer("8")).unwrap().decision;
    assert_eq!(other.labels, [0; 0], "it waits for the label");
    let done = made(&other.case, id);
    assert_eq!(done.labels.len(), 2, "and then both go out: {:?}", done.labels);
    let mut case = done.case;
    assert_eq!(case.order.deliveries[0].tracking.number, "4017");
    for id in done.labels {
        case = record(&case, id, &LabelOutcome::Printed, &mut Ids(950), NOW).case;
    }
    assert!(!awaits(&case.order));
    // From now on each is a print of its own, and no second consignment.
    let reprint = ask(&case, &to_printer("7")).unwrap().decision;
    assert_eq!((reprint.labels.len(), reprint.case.order.labels.len()), (1, 1));
    assert!(ask(&case, &PrintLabel::default()).unwrap().decision.is_noop());
    let anew = PrintLabel { is_anew: true, ..PrintLabel::default() };
    let second = ask(&case, &anew).unwrap().decision;
    assert_eq!(second.case.order.labels.len(), 2);
    assert_eq!(ask(&second.case, &anew).unwrap_err().code, Code::EffectPending);
    assert_eq!(check_case(&second.case, &statuses()), []);
}

#[test]
fn a_label_of_the_whole_order_is_that_of_its_deliveries() {
    let mut case = ask(&completed(0), &PrintLabel::default()).unwrap().decision.case;
    case.order.deliveries = vec![delivery(1), delivery(2)];
    let one = PrintLabel { delivery: Some(2), ..PrintLabel::default() };
    assert!(ask(&case, &one).unwrap().decision.is_noop());
    // Tracking that somebody stated stays.
    let mut case = ask(&completed(1), &one_delivery()).unwrap().decision.case;
    case.order.deliveries[0].tracking.number = "mine".to_owned();
    let id = case.order.labels[0].id;
    assert_eq!(made(&case, id).case.order.deliveries[0].tracking.number, "mine");
}

#[test]
fn a_later_consignment_is_what_a_delivery_is_followed_by() {
    let consignment = |number: &str| {
        let tracking = Tracking { number: number.to_owned(), ..Tracking::default() };
        let [id, number] = [String::new(), String::new()];
        LabelOutcome::Made(Consignment { id, number, tracking })
    };
    let anew = PrintLabel { is_anew: true, ..PrintLabel::default() };
    for (stated, late, wanted) in [
        (None, false, "two"),
        // What a person said stays.
        (Some("mine"), false, "mine"),
        // And so does what the later one says.
        (None, true, "two"),
    ] {
        let first = ask(&completed(1), &PrintLabel::default()).unwrap().decision.case;
        let earlier = first.order.labels[0].id;
        let mut case = first;
        if late {
            case.order.labels[0].state = LabelState::Withdrawn;
        } else {
            case = record(&case, earlier, &consignment("one"), &mut Ids(900), NOW).case;
            assert_eq!(case.order.deliveries[0].tracking.number, "one");
        }
        if let Some(stated) = stated {
            case.order.deliveries[0].tracking.number = stated.to_owned();
        }
        let mut case = ask(&case, &anew).unwrap().decision.case;
        let later = case.order.labels[1].id;
        case = record(&case, later, &consignment("two"), &mut Ids(950), NOW).case;
        if late {
            case = record(&case, earlier, &consignment("one"), &mut Ids(960), NOW).case;
        }
        assert_eq!(case.order.deliveries[0].tracking.number, wanted);
    }
}

fn one_delivery() -> PrintLabel {
    PrintLabel { delivery: Some(1), ..PrintLabel::default() }
}

#[test]
fn every_outcome_of_a_label_is_told_and_its_problem_ends_with_its_cause() {
    let case = ask(&completed(1), &to_printer("7")).unwrap().decision.case;
    let id = case.order.labels[0].id;
    let after = |case: &Case, outcome: &LabelOutcome| record(case, id, outcome, &mut Ids(900), NOW);
    for (outcome, state, code, print) in [
        (declined(), LabelState::Declined, Code::LabelDeclined, PrintState::Withdrawn),
        (lost(), LabelState::Unknown, Code::LabelUnknown, PrintState::Pending),
        (
            held(Code::IntegrationDisabled),
            LabelState::Pending,
            Code::IntegrationDisabled,
            PrintState::Pending,
        ),
    ] {
        let told = after(&case, &outcome);
        assert_eq!(open_codes(&told.case), [code]);
        assert_eq!(told.case.order.labels[0].state, state);
        assert_eq!(print_states(&told.case), [print]);
        let details = &told.case.order.problems[0].details;
        assert!(details.iter().any(|(key, _)| key == "provider_reason"), "{code:?}");
        assert!(after(&told.case, &outcome).is_noop(), "told once");
        assert_eq!(check_case(&told.case, &statuses()), []);
        let end = if state == LabelState::Declined {
            ask(&told.case, &PrintLabel::default()).unwrap().decision
        } else {
            made(&told.case, id)
        };
        assert_eq!(open_codes(&end.case), [], "{code:?}");
    }
    // Another cause takes the place of the first.
    let disabled = after(&case, &held(Code::IntegrationDisabled)).case;
    let unauthorized = after(&disabled, &held(Code::IntegrationUnauthorized)).case;
    assert_eq!(open_codes(&unauthorized), [Code::IntegrationUnauthorized]);
    // What it was held for is over when it waits without it.
    let unknown = after(&case, &lost()).case;
    let held_then = after(&unknown, &held(Code::IntegrationUnauthorized)).case;
    let again = after(&held_then, &lost()).case;
    assert_eq!(open_codes(&again), [Code::LabelUnknown]);
    // What is made or refused is not unlearnt.
    for known in [made(&case, id).case, after(&case, &declined()).case] {
        for outcome in [declined(), lost(), held(Code::IntegrationDisabled)] {
            assert!(after(&known, &outcome).is_noop());
        }
    }
}

#[test]
fn a_print_that_came_to_nothing_is_asked_for_again() {
    let case = ask(&completed(1), &to_printer("7")).unwrap().decision.case;
    let id = case.order.labels[0].id;
    let case = made(&case, id).case;
    let print = case.order.labels[0].prints[0].id;
    for (outcome, code, withdrawn) in
        [(declined(), Code::PrintDeclined, 0), (lost(), Code::PrintUnknown, 1)]
    {
        let told = record(&case, print, &outcome, &mut Ids(900), NOW).case;
        assert_eq!(open_codes(&told), [code]);
        let details = &told.order.problems[0].details;
        let wanted = ("delivery".to_owned(), "1".to_owned());
        assert!(details.contains(&wanted), "what it is printed again by: {details:?}");
        assert_eq!(told.order.labels[0].state, LabelState::Made, "the label is made all the same");
        assert_eq!(check_case(&told, &statuses()), []);
        let again = ask(&told, &to_printer("7")).unwrap().decision;
        assert_eq!(open_codes(&again.case), []);
        assert_eq!((again.labels.len(), again.withdrawn.len()), (1, withdrawn));
    }
    let waits = record(&case, print, &held(Code::IntegrationUnusable), &mut Ids(900), NOW).case;
    assert_eq!(open_codes(&waits), [Code::IntegrationUnusable]);
    let printed = record(&waits, print, &LabelOutcome::Printed, &mut Ids(950), NOW).case;
    assert_eq!((open_codes(&printed), print_states(&printed)), (vec![], vec![PrintState::Printed]));
}

#[test]
fn what_nobody_has_begun_with_is_taken_back() {
    let pending = ask(&completed(1), &to_printer("7")).unwrap().decision.case;
    let id = pending.order.labels[0].id;
    let printing = made(&pending, id).case;
    let long = record(&pending, id, &lost(), &mut Ids(900), NOW).case;
    // Before, whether it was begun, and how label and print end.
    for (case, is_unsent, label, print) in [
        (&pending, true, LabelState::Withdrawn, PrintState::Withdrawn),
        (&pending, false, LabelState::Pending, PrintState::Withdrawn),
        (&long, true, LabelState::Withdrawn, PrintState::Withdrawn),
        (&long, false, LabelState::Unknown, PrintState::Withdrawn),
        (&printing, true, LabelState::Made, PrintState::Withdrawn),
        (&printing, false, LabelState::Made, PrintState::Pending),
    ] {
        let mut decision = Decision::unchanged(case.clone());
        withdraw_unsent(&mut decision, |_| is_unsent, NOW);
        let ended = &decision.case.order.labels[0];
        assert_eq!((ended.state, ended.prints[0].state), (label, print));
        assert_eq!(open_codes(&decision.case).is_empty(), label != LabelState::Unknown);
        assert_eq!(decision.withdrawn.len(), usize::from(is_unsent));
        assert_eq!(check_case(&decision.case, &statuses()), []);
    }
}

#[test]
fn what_waits_is_given_up_with_its_problem() {
    let case = ask(&completed(1), &to_printer("7")).unwrap().decision.case;
    let id = case.order.labels[0].id;
    let printing = made(&case, id).case;
    let print = printing.order.labels[0].prints[0].id;
    let world = World::new();
    for (case, about, outcome) in [
        (&case, id, held(Code::IntegrationDisabled)),
        (&case, id, lost()),
        (&printing, print, held(Code::IntegrationUnauthorized)),
    ] {
        let told = record(case, about, &outcome, &mut Ids(900), NOW).case;
        let problem = told.order.problems[0].id;
        let facts = world.facts(&told);
        let decision = crate::attention::dismiss(&facts, problem, &mut Ids(950), NOW).unwrap();
        assert_eq!(decision.withdrawn, [about]);
        assert_eq!(print_states(&decision.case), [PrintState::Withdrawn]);
        assert!(!awaits(&decision.case.order) && open_codes(&decision.case).is_empty());
        assert_eq!(check_case(&decision.case, &statuses()), []);
        // What was made all the same is told.
        if about == id {
            assert_eq!(made(&decision.case, id).case.order.labels[0].state, LabelState::Made);
        }
    }
}

/// A shop with an order on a payment, and how it makes labels.
fn shop(is_automatic: bool) -> (World, OrderNumber) {
    let mut world = World::new();
    let printer = Some("7".to_owned());
    world.rulebook.labels = Some(LabelRules { is_automatic, printer, ..rules() });
    let mut sale = order(1, 10_000);
    sale.payments = vec![crate::payments::PaymentId(90)];
    world.orders.insert(OrderNumber(1), sale);
    world.payments.insert(crate::payments::PaymentId(90), payment(90, 10_000, &[1]));
    world.ids = Ids(100);
    (world, OrderNumber(1))
}

fn to(status: crate::order::StatusId) -> ChangeStatus {
    ChangeStatus { to: status, restock: Some(false), has_note: false, send_email: false }
}

#[test]
fn the_turn_that_completes_an_order_makes_its_label_once() {
    for (is_automatic, labels) in [(true, 1), (false, 0)] {
        let (mut world, number) = shop(is_automatic);
        let case = world.case(number);
        assert_eq!(automatic_labels(&world.facts(&case), SENT), labels);
        world.change(number, to(SENT)).unwrap();
        assert_eq!(world.orders[&number].labels.len(), 0, "the money comes first");
        let capture = world.payments.values().next().unwrap().operations[0].id;
        let captured = crate::changing::Outcome::Succeeded {
            amount_minor: 10_000,
            provider_reference: None,
            expires_at: None,
        };
        let done = world.record(capture, &captured);
        let order = &world.orders[&number];
        assert_eq!(order.labels.len(), labels);
        let told = done[0].1.iter().filter(|one| matches!(one, Change::LabelRequested { .. }));
        assert_eq!(told.count(), 2 * labels, "the label and its print");
        if let Some(label) = order.labels.first() {
            assert_eq!((label.delivery, label.prints[0].printer.as_str()), (Some(1), "7"));
        }
        // Back and forth makes no other.
        world.change(number, to(RETURNED)).unwrap();
        let case = world.case(number);
        assert_eq!(automatic_labels(&world.facts(&case), SENT), 0);
        world.change(number, to(SENT)).unwrap();
        assert_eq!(world.orders[&number].labels.len(), labels);
    }
}

#[test]
fn goods_on_their_way_get_no_automatic_label() {
    let (mut world, number) = shop(true);
    let order = world.orders.get_mut(&number).unwrap();
    order.deliveries = vec![delivery(1)];
    order.lines[0].delivered = 1;
    order.deliveries[0].tracking.number = "370".to_owned();
    // The other unit is delivered by COMPLETED.
    let case = world.case(number);
    assert_eq!(automatic_labels(&world.facts(&case), SENT), 1);
    world.rulebook.completed_delivers = false;
    assert_eq!(automatic_labels(&world.facts(&case), SENT), 0);
    assert_eq!(automatic_labels(&world.facts(&case), CANCELLED), 0);
    let order = world.orders.get_mut(&number).unwrap();
    order.deliveries[0].tracking = Tracking::default();
    let case = world.case(number);
    assert_eq!(automatic_labels(&world.facts(&case), SENT), 1);
    // Nothing to send, nothing to carry.
    let order = world.orders.get_mut(&number).unwrap();
    order.lines[0].delivered = 0;
    order.deliveries.clear();
    let case = world.case(number);
    assert_eq!(automatic_labels(&world.facts(&case), SENT), 1, "of the whole order");
    let order = world.orders.get_mut(&number).unwrap();
    order.lines[0].kept_back = order.lines[0].quantity;
    let case = world.case(number);
    assert_eq!(automatic_labels(&world.facts(&case), SENT), 0, "all of it was credited");
    let order = world.orders.get_mut(&number).unwrap();
    (order.lines[0].kept_back, order.lines[0].kind) = (0, crate::order::LineKind::Fee);
    let case = world.case(number);
    assert_eq!(automatic_labels(&world.facts(&case), SENT), 0);
}
