//! Credits through the service: what may be credited, and what becomes of money and goods (rules §4).

pub(crate) mod asking;
pub(crate) mod documents;

use order_rules::refusals::Code;
use order_sdk::proto::{self, CreditOrderResponse, LineKind, MovementReason, PaymentState};
use order_sdk::{Credit, OrderName};

use crate::harness::audit::audit;
use crate::harness::{
    Bought, WAIT, World, depth, gross, refused, request_id, seed, status_id, wrong_fields,
};

trials! {
    shared: [
        rule_4_1_only_what_is_captured_is_credited,
        rule_4_1_a_price_reduction_leaves_less_for_the_units,
        rule_4_2_whether_the_money_goes_back_is_a_choice,
        rule_4_3_fees_reduce_a_credit,
        rule_4_7_goods_go_back_by_choice,
        rule_4_7_a_duplicate_is_resolved_before_it_is_credited,
        rule_2_3_what_is_credited_is_cancelled_by_its_label_alone,
        rule_10_5_any_series_of_credits_adds_up_to_the_sale,
    ];
}

impl World {
    /// Two cups at 15 % of 250.00, a discounted tent at 25 %, and shipping; on one payment, sent.
    pub(crate) async fn sell(&self, orders: &str) -> Bought {
        let reference = self.reference(orders);
        let draft = self.draft(0).with(|order| order.lines.clear());
        let draft =
            draft.goods("CUP", "Kopp", 2, 25_000, 1_500).goods("TENT", "Telt", 3, 9_999, 2_500);
        let draft = draft.with(|order| {
            order.discount_minor = 997;
            let mut shipping = proto::NewLine {
                title: "Frakt".to_owned(),
                quantity: 1,
                unit_price_minor: 9_900,
                vat_rate_bp: 2_500,
                ..proto::NewLine::default()
            };
            shipping.set_kind(LineKind::Shipping);
            order.lines.push(shipping);
        });
        let total = 50_000 + 29_997 + 9_900 - 997;
        let order = self.place(draft.payment("klarna", &reference, total)).await;
        let name: OrderName = order.name.parse().unwrap();
        let order = self.complete(&name).await.unwrap().order.unwrap();
        assert_eq!((gross(&order), status_id(&order)), (total, "sent"));
        Bought { name, reference, order }
    }

    /// A credit that waits for its refunds.
    pub(crate) fn crediting(&self, sale: &OrderName) -> Credit {
        self.client.credit(sale).wait(WAIT)
    }

    /// Everything that is left, with the money.
    pub(crate) async fn credit_all(&self, sale: &OrderName) -> CreditOrderResponse {
        let order = self.get(sale).await;
        self.crediting(sale).all_of(&order, false).refund(true).send().await.unwrap()
    }
}

/// The sale, the receipt and the credit order.
pub(crate) fn parts(answer: CreditOrderResponse) -> (proto::Order, proto::Receipt, proto::Order) {
    (answer.order.unwrap(), answer.receipt.unwrap(), answer.credit_order.unwrap())
}

async fn rule_4_1_only_what_is_captured_is_credited(world: World) {
    let bought = world.buy(900, "").await;
    let whole = |name: &OrderName| world.crediting(name).units(1, 1).refund(true);
    let refusal = refused(whole(&bought.name).send().await, Code::CreditExceedsCaptured);
    assert_eq!(refusal.number("left_quantity"), Some(0));

    let sold = world.sell("").await;
    let before = world.revision().await;
    let much = world.crediting(&sold.name).units(2, 4).units(1, 2).amount(3, 9_901).refund(false);
    let refusal = refused(much.send().await, Code::CreditExceedsCaptured);
    assert_eq!((refusal.number("line"), refusal.number("left_quantity")), (Some(2), Some(3)));
    let fields: Vec<&str> = refusal.violations.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["lines[0].quantity", "lines[2].gross_minor"], "each is told");
    assert_eq!(world.revision().await, before);

    let (sale, _, _) = parts(whole(&sold.name).send().await.unwrap());
    assert_eq!((sale.lines[0].captured_quantity, sale.lines[0].credited_quantity), (2, 1));
    let more = world.crediting(&sold.name).units(1, 2).refund(true).send().await;
    assert_eq!(refused(more, Code::CreditExceedsCaptured).number("left_quantity"), Some(1));
    audit(&world).await;
}

async fn rule_4_1_a_price_reduction_leaves_less_for_the_units(world: World) {
    let bought = world.buy(10_000, "").await;
    world.complete(&bought.name).await.unwrap();
    let reduce = |minor| world.crediting(&bought.name).amount(1, minor).refund(true).send();
    let (sale, _, credit) = parts(reduce(2_500).await.unwrap());
    let line = &credit.lines[0];
    assert_eq!((line.quantity, line.unit_price_minor, line.vat_minor), (1, -2_500, -500));
    assert_eq!((line.original_line_id, gross(&credit)), (1, -2_500));
    assert_eq!((sale.lines[0].credited_gross_minor, sale.lines[0].credited_quantity), (2_500, 0));
    let refusal = refused(reduce(7_501).await, Code::CreditExceedsCaptured);
    assert_eq!(refusal.number("left_minor"), Some(7_500));
    let (sale, _, credit) = parts(world.credit_all(&bought.name).await);
    let line = &credit.lines[0];
    assert_eq!(
        (line.unit_price_minor, line.gross_minor, line.vat_minor),
        (-10_000, -7_500, -1_500)
    );
    assert_eq!(line.unit_price_minor * line.quantity - line.discount_minor, -7_500);
    assert_eq!(sale.payment_state(), PaymentState::Refunded);
    assert_eq!(world.book().done(&bought.reference, "refund"), [2_500, 7_500]);
    audit(&world).await;
}

async fn rule_4_2_whether_the_money_goes_back_is_a_choice(world: World) {
    let bought = world.buy(900, "").await;
    world.complete(&bought.name).await.unwrap();
    let open = world.crediting(&bought.name).units(1, 1).send().await;
    assert_eq!(wrong_fields(open), ["refund"]);
    let shared = world.crediting(&bought.name).units(1, 1).refund(false).share(1, 900).send().await;
    assert_eq!(wrong_fields(shared), ["shares"]);
    let none = world.crediting(&bought.name).units(1, 1).refund(false).send().await.unwrap();
    let (sale, receipt, credit) = parts(none);
    assert_eq!((gross(&credit), receipt.plan.len(), receipt.settled), (-900, 0, true));
    assert_eq!(sale.payment_state(), PaymentState::Captured, "only the document was made");
    assert_eq!(world.book().calls(&bought.reference, "refund"), 0);

    let bought = world.buy(900, "").await;
    world.complete(&bought.name).await.unwrap();
    let (sale, receipt, _) = parts(world.credit_all(&bought.name).await);
    let [effect] = receipt.plan.as_slice() else { panic!("{receipt:?}") };
    assert_eq!((effect.kind(), effect.amount_minor), (proto::OperationKind::Refund, 900));
    assert!(receipt.settled);
    assert_eq!(sale.payment_state(), PaymentState::Refunded);
    assert_eq!(world.book().done(&bought.reference, "refund"), [900]);
    audit(&world).await;
}

async fn rule_4_3_fees_reduce_a_credit(world: World) {
    let sold = world.sell("").await;
    let with_fee = |fee| {
        let credit = world.crediting(&sold.name).units(1, 1).refund(true);
        credit.fee("Returfrakt", fee, 2_500).fee("Gebyr", 100, 0)
    };
    assert_eq!(wrong_fields(with_fee(24_901).send().await), ["fees"], "never negative");
    let (sale, _, credit) = parts(with_fee(9_900).send().await.unwrap());
    let [goods, freight, fee] = credit.lines.as_slice() else { panic!("{credit:?}") };
    assert_eq!(
        (goods.kind(), freight.kind(), fee.kind()),
        (LineKind::Goods, LineKind::Fee, LineKind::Fee)
    );
    assert_eq!(
        (freight.gross_minor, freight.vat_minor, freight.original_line_id),
        (9_900, 1_980, 0)
    );
    assert_eq!((fee.gross_minor, fee.vat_minor), (100, 0));
    let back = -gross(&credit);
    assert_eq!(back, -goods.gross_minor - 10_000);
    assert_eq!(world.book().done(&sold.reference, "refund"), [back]);
    assert_eq!(
        sale.lines[0].credited_gross_minor, -goods.gross_minor,
        "the sale is credited whole"
    );
    assert_eq!(sale.payment_state(), PaymentState::PartiallyRefunded);
    // As much kept as credited: a document, and nothing to pay back.
    let whole = world.crediting(&sold.name).amount(1, 500).fee("Gebyr", 500, 0).refund(true);
    let (_, receipt, credit) = parts(whole.send().await.unwrap());
    assert_eq!((gross(&credit), receipt.plan.len()), (0, 0));
    audit(&world).await;
}

async fn rule_4_7_goods_go_back_by_choice(world: World) {
    world.stock("CUP", 10).await;
    let sold = world.sell("").await;
    assert_eq!(world.on_hand("CUP").await, 8);
    let id = request_id();
    let back = || {
        let credit = world.crediting(&sold.name).restocked_units(1, 1).restocked_units(2, 1);
        credit.refund(true).request_id(&id).send()
    };
    let (sale, _, credit) = parts(back().await.unwrap());
    assert_eq!(world.on_hand("CUP").await, 9);
    assert_eq!((sale.lines[0].stock_held_quantity, credit.lines[0].stock_held_quantity), (1, 0));
    assert!(back().await.unwrap().receipt.unwrap().replayed);
    assert_eq!(world.on_hand("CUP").await, 9, "never twice, whatever is retried");
    let request = proto::ListStockMovementsRequest {
        parent: world.shop.stock_item("CUP").unwrap().into(),
        ..proto::ListStockMovementsRequest::default()
    };
    let movements = world.client.list_stock_movements(request).await.unwrap().movements;
    assert_eq!(movements[0].reason(), MovementReason::Credited);
    assert_eq!((movements[0].quantity, movements[0].order.as_str()), (1, sale.name.as_str()));
    world.crediting(&sold.name).units(1, 1).refund(true).send().await.unwrap();
    assert_eq!(world.on_hand("CUP").await, 9, "left as it is");
    audit(&world).await;
}

async fn rule_4_7_a_duplicate_is_resolved_before_it_is_credited(world: World) {
    let first = world.buy(900, "").await;
    let twin = world.place(world.draft(900).payment("klarna", &first.reference, 900)).await;
    let twin: OrderName = twin.name.parse().unwrap();
    world.complete(&first.name).await.unwrap();
    let whole = |name: &OrderName| world.crediting(name).units(1, 1).refund(true).send();
    for (name, other) in [(&first.name, &twin), (&twin, &first.name)] {
        let refusal = refused(whole(name).await, Code::DuplicateUnresolved);
        assert_eq!(refusal.number("other"), Some(other.number()));
    }
    world.cancel(&twin, false).await.unwrap();
    let refusal = refused(whole(&twin).await, Code::DuplicateNotCreditable);
    assert_eq!(refusal.number("other"), Some(first.name.number()));
    let (sale, _, _) = parts(whole(&first.name).await.unwrap());
    assert_eq!(sale.payment_state(), PaymentState::Refunded);
    assert_eq!(world.get(&twin).await.payment_state(), PaymentState::None);
    audit(&world).await;
}

async fn rule_2_3_what_is_credited_is_cancelled_by_its_label_alone(world: World) {
    world.stock("CUP", 10).await;
    let sold = world.sell("").await;
    world.crediting(&sold.name).restocked_units(1, 2).refund(true).send().await.unwrap();
    refused(world.cancel(&sold.name, true).await, Code::AlreadyCaptured);
    world.credit_all(&sold.name).await;
    let calls = world.book().entries(&sold.reference).len();
    let order = world.cancel(&sold.name, true).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), world.on_hand("CUP").await), ("cancelled", 10));
    let order = world.change(&sold.name, "returned").send().await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), world.on_hand("CUP").await), ("returned", 10));
    let order = world.complete(&sold.name).await.unwrap().order.unwrap();
    assert_eq!(order.payment_state(), PaymentState::Refunded, "nothing is captured again");
    assert_eq!(world.book().entries(&sold.reference).len(), calls);
    audit(&world).await;
}

/// Units, amounts and whole lines in a random order, until nothing is left.
async fn rule_10_5_any_series_of_credits_adds_up_to_the_sale(world: World) {
    let mut random = fastrand::Rng::with_seed(seed());
    for _ in 0..4 * depth() {
        let sold = world.sell("").await;
        loop {
            let sale = world.get(&sold.name).await;
            let open: Vec<&proto::Line> = sale
                .lines
                .iter()
                .filter(|line| line.credited_gross_minor < line.gross_minor)
                .collect();
            let Some(line) = open.get(random.usize(0..open.len().max(1))) else { break };
            let units = line.captured_quantity - line.credited_quantity;
            let left = line.gross_minor - line.credited_gross_minor;
            let credit = match units {
                1.. if random.bool() => {
                    world.crediting(&sold.name).units(line.id, random.i64(1..=units))
                }
                _ if random.u8(0..3) == 0 => world.crediting(&sold.name).amount(line.id, left),
                _ => world.crediting(&sold.name).amount(line.id, random.i64(1..=left)),
            };
            credit.refund(true).send().await.unwrap();
        }
        let sale = world.get(&sold.name).await;
        let refunded: i64 = world.book().done(&sold.reference, "refund").iter().sum();
        assert_eq!((refunded, sale.payment_state()), (gross(&sale), PaymentState::Refunded));
    }
    audit(&world).await;
}
