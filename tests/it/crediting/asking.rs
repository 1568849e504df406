//! How a credit is asked for: rehearsed, repeated, and told what is wrong with it.

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto;

use super::parts;
use crate::harness::audit::audit;
use crate::harness::{World, gross, problems, refused, request_id, status_id, wrong_fields};

trials! {
    shared: [
        a_credit_can_be_asked_for_before_it_is_made,
        a_repeat_answers_both_orders,
        every_wrong_field_of_a_credit_is_told,
    ];
}

async fn a_credit_can_be_asked_for_before_it_is_made(world: World) {
    world.stock("CUP", 5).await;
    let sold = world.sell("").await;
    let head = world.revision().await;
    let credit = || world.crediting(&sold.name).restocked_units(1, 1).refund(true);
    let (sale, receipt, document) = parts(credit().validate_only().send().await.unwrap());
    assert_eq!((document.name.as_str(), document.number, document.credit_number), ("", 0, 0));
    assert_eq!(
        (document.original_order.as_str(), gross(&document) < 0),
        (sale.name.as_str(), true)
    );
    assert_eq!((sale.credit_orders.len(), receipt.other_orders.len()), (0, 0));
    assert_eq!(sale.lines[0].credited_quantity, 1);
    let [effect] = receipt.plan.as_slice() else { panic!("{receipt:?}") };
    assert_eq!(
        (effect.amount_minor, effect.reference.as_str()),
        (-gross(&document), sold.reference.as_str())
    );
    assert_eq!((world.revision().await, world.on_hand("CUP").await), (head, 3));
    assert_eq!(world.get(&sold.name).await, sold.order);
    assert_eq!(world.book().calls(&sold.reference, "refund"), 0, "nobody was called");
    let (_, _, made) = parts(credit().send().await.unwrap());
    assert_eq!((made.number, made.credit_number), (sold.order.number + 1, 1));
    assert_eq!(made.totals, document.totals);
}

async fn a_repeat_answers_both_orders(world: World) {
    let sold = world.sell("").await;
    let id = request_id();
    let credit = || world.crediting(&sold.name).units(1, 2).refund(true).request_id(&id);
    let first = credit().send().await.unwrap();
    let (_, receipt, document) = parts(first);
    world.credit_all(&sold.name).await;
    let name: OrderName = document.name.parse().unwrap();
    world.complete(&name).await.unwrap();
    let (sale, again, now) = parts(credit().send().await.unwrap());
    assert!(again.replayed);
    assert_eq!((again.revision, &again.other_orders), (receipt.revision, &receipt.other_orders));
    assert_eq!(
        (now.name.as_str(), status_id(&now)),
        (document.name.as_str(), "sent"),
        "as it is now"
    );
    assert_eq!(sale.credit_orders.len(), 2);
    assert_eq!(world.book().done(&sold.reference, "refund").len(), 2);
    let other = world.crediting(&sold.name).units(1, 1).refund(true).request_id(&id).send().await;
    refused(other, Code::RequestIdReused);
    audit(&world).await;
}

async fn every_wrong_field_of_a_credit_is_told(world: World) {
    let sold = world.sell("").await;
    let head = world.revision().await;
    let mut request =
        world.crediting(&sold.name).units(0, 0).amount(2, 0).units(2, 1).into_request();
    request.lines.push(proto::CreditLine { line_id: 3, amount: None, restock: 9 });
    let mut reduced = world.crediting(&sold.name).amount(1, 5).into_request().lines.remove(0);
    reduced.set_restock(proto::Restock::Yes);
    request.lines.push(reduced);
    request.fees.push(proto::CreditFee { title: String::new(), gross_minor: 0, vat_rate_bp: -1 });
    request.refund = 7;
    request.shares = vec![proto::RefundShare { payment_id: 0, amount_minor: 0 }];
    request.reason = "\u{0}".to_owned();
    let wrong = wrong_fields(world.client.credit_order(request).await);
    for field in [
        "refund",
        "shares",
        "reason",
        "lines[0].line_id",
        "lines[0].quantity",
        "lines[1].gross_minor",
        "lines[2].line_id",
        "lines[3].restock",
        "lines[3].quantity",
        "lines[4].restock",
        "fees[0].title",
        "fees[0].gross_minor",
        "fees[0].vat_rate_bp",
        "shares[0].payment_id",
        "shares[0].amount_minor",
    ] {
        assert!(wrong.iter().any(|one| one == field), "{field} is not among {wrong:?}");
    }
    let empty = world.crediting(&sold.name).refund(true).send().await;
    assert_eq!(wrong_fields(empty), ["lines"]);
    let many = (1..=1_001).fold(world.crediting(&sold.name), |credit, line| credit.units(line, 1));
    assert_eq!(wrong_fields(many.refund(true).send().await), ["lines"]);
    // What only the order can tell.
    let strange = world.crediting(&sold.name).units(1, 1).units(9, 1).share(999, 1).refund(true);
    let wrong = wrong_fields(strange.send().await);
    assert_eq!(wrong, ["lines[1].line_id", "shares[0].payment_id"]);
    let payment = sold.order.payments[0].id;
    let little = world.crediting(&sold.name).amount(1, 500).share(payment, 499).refund(true);
    assert_eq!(wrong_fields(little.send().await), ["shares"]);
    let missing = world.shop.order(4_711).unwrap();
    let outcome = world.crediting(&missing).units(1, 1).refund(true).send().await;
    refused(outcome, Code::OrderNotFound);
    assert_eq!(world.revision().await, head);
    assert!(problems(&world.get(&sold.name).await).is_empty());
}
