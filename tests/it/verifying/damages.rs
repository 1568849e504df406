//! Every invariant of the exactness audit is broken in the tables, and named by the audit.

use std::collections::BTreeSet;
use std::time::Duration;

use order_rules::audit::Invariant;
use order_sdk::proto::{LabelSettings, NoteAudience};
use order_sdk::{Error, OrderName};

use crate::harness::{Backend, WAIT, World, eventually};
use crate::labels::address;
use crate::notes::set_seller;

trials! {
    damaged: [every_damage_is_named];
    once: [every_invariant_has_its_damage];
}

/// What was done with an order before its rows are damaged.
#[derive(Clone, Copy)]
enum Deed {
    /// Nothing: the damage is the shop's.
    Shop,
    Placed,
    Completed,
    Cancelled,
    Credited,
    Labelled,
    /// The customer was written to.
    Mailed,
    /// Its money is asked for, and the provider is away.
    Waiting,
}

use Deed::{Cancelled, Completed, Credited, Labelled, Mailed, Placed, Shop, Waiting};

/// What is done to the tables, and how the audit names it. ORDER, PAYMENT and SHOP choose the rows of
/// each, INDEXED those of the order in the index of words; NUMBER is the order's, `TWO_TRANSFERS` the
/// record of an order that was handed over twice.
const DAMAGES: [(Deed, Invariant, &str); 52] = [
    (Shop, Invariant::EventChain, "UPDATE events SET created_at = 1 WHERE revision = 5 AND SHOP"),
    (
        Shop,
        Invariant::Events,
        "UPDATE events SET kind = 17 WHERE kind = 19 AND order_number IS NULL AND SHOP",
    ),
    (
        Shop,
        Invariant::OrderSeries,
        "UPDATE shop_heads SET next_order_number = next_order_number + 5 WHERE SHOP",
    ),
    (
        Shop,
        Invariant::CreditSeries,
        "UPDATE shop_heads SET next_credit_number = next_credit_number + 1 WHERE SHOP",
    ),
    (Shop, Invariant::IdSeries, "UPDATE shop_heads SET next_id = 5 WHERE SHOP"),
    (Shop, Invariant::StockBalance, "UPDATE stock_items SET on_hand = on_hand + 1 WHERE SHOP"),
    (
        Placed,
        Invariant::LineAmounts,
        "UPDATE order_lines SET unit_price_minor = unit_price_minor + 1 WHERE ORDER",
    ),
    (
        Placed,
        Invariant::LineParts,
        "UPDATE order_lines SET placed_gross_minor = placed_gross_minor + 2 WHERE ORDER",
    ),
    (Placed, Invariant::LineQuantities, "UPDATE order_lines SET captured = 3 WHERE ORDER"),
    (
        Placed,
        Invariant::LineStock,
        "UPDATE order_lines SET stock_taken = stock_taken + 1 WHERE ORDER",
    ),
    (
        Placed,
        Invariant::LineCredit,
        "UPDATE order_lines SET credited_gross_minor = 100000 WHERE ORDER",
    ),
    (
        Placed,
        Invariant::OrderTotal,
        "UPDATE orders SET gross_minor = gross_minor + 1, net_minor = net_minor + 1 WHERE ORDER",
    ),
    (
        Placed,
        Invariant::VatTable,
        "UPDATE order_lines SET vat_minor = vat_minor + 5, gross_minor = gross_minor + 5
         WHERE ORDER",
    ),
    (Placed, Invariant::Deliveries, "UPDATE order_lines SET delivered = 1 WHERE ORDER"),
    // To the order before.
    (
        Placed,
        Invariant::Events,
        "UPDATE events SET order_number = NUMBER - 1
         WHERE kind = 5 AND order_number = NUMBER AND SHOP",
    ),
    (
        Placed,
        Invariant::Events,
        "UPDATE events SET order_number = NULL WHERE kind = 1 AND order_number = NUMBER AND SHOP",
    ),
    (
        Placed,
        Invariant::Events,
        "UPDATE events SET kind = 8 WHERE kind = 5 AND order_number = NUMBER AND SHOP",
    ),
    (
        Placed,
        Invariant::Events,
        "UPDATE events SET kind = 10 WHERE kind = 9 AND order_number = NUMBER AND SHOP",
    ),
    (
        Completed,
        Invariant::Events,
        "UPDATE events SET kind = 2 WHERE kind = 3 AND order_number = NUMBER AND SHOP",
    ),
    (
        Completed,
        Invariant::Events,
        "UPDATE events SET kind = 23 WHERE kind = 11 AND order_number = NUMBER AND SHOP",
    ),
    (
        Completed,
        Invariant::Events,
        "UPDATE events SET kind = 33 WHERE kind = 7 AND order_number = NUMBER AND SHOP",
    ),
    (
        Mailed,
        Invariant::Events,
        "UPDATE events SET kind = 27 WHERE kind = 26 AND order_number = NUMBER AND SHOP",
    ),
    (Labelled, Invariant::Labels, "UPDATE labels SET resolved_at = NULL WHERE ORDER"),
    (
        Completed,
        Invariant::Transfers,
        "DROP INDEX accounting_transfers_invoiced;
         UPDATE orders SET handling = TWO_TRANSFERS WHERE ORDER;
         INSERT INTO accounting_transfers SELECT
         order_key, order_key, 'books', 1, 2, FALSE, FALSE, 1, revision, 20000, placed_at,
         placed_at, '', '', '', '', 0, NULL FROM orders WHERE ORDER;
         INSERT INTO accounting_transfers SELECT
         order_key + 700000, order_key, 'books', 1, 2, FALSE, FALSE, 1, revision, 20000, placed_at,
         placed_at, '', '', '', '', 0, NULL FROM orders WHERE ORDER",
    ),
    (Placed, Invariant::CreditKind, "UPDATE orders SET kind = 2 WHERE ORDER"),
    (
        Credited,
        Invariant::CreditOrders,
        "UPDATE order_lines SET credited_vat_minor = credited_vat_minor - 1 WHERE ORDER",
    ),
    (Placed, Invariant::StatusKnown, "UPDATE orders SET status_id = 99 WHERE ORDER"),
    (Placed, Invariant::CompletedIsCaptured, "UPDATE orders SET status_id = 3 WHERE ORDER"),
    (Cancelled, Invariant::CancelledLetsGo, "UPDATE order_payments SET is_live = TRUE WHERE ORDER"),
    (
        Cancelled,
        Invariant::CancelledKeepsNoMoney,
        "UPDATE payment_operations SET kind = 3 WHERE kind = 5 AND ORDER",
    ),
    (Placed, Invariant::CancelTime, "UPDATE orders SET cancelled_at = 1 WHERE ORDER"),
    (
        Placed,
        Invariant::PendingHasAWayOut,
        "UPDATE orders SET pending =
         (SELECT waiting.pending FROM orders waiting WHERE waiting.pending IS NOT NULL LIMIT 1)
         WHERE ORDER",
    ),
    (
        Completed,
        Invariant::CapturedWithinAuthorized,
        "UPDATE payments SET authorized_minor = 1 WHERE PAYMENT",
    ),
    (
        Completed,
        Invariant::RefundedWithinCaptured,
        "UPDATE payment_operations SET kind = 6 WHERE kind = 3 AND ORDER",
    ),
    (
        Completed,
        Invariant::OneOrderPerCapture,
        "INSERT INTO payment_operations SELECT
         operation_key + 500000, payment_key, order_key + 1, kind, state, amount_minor,
         requested_at, resolved_at, NULL, NULL, NULL
         FROM payment_operations WHERE kind = 3 AND ORDER",
    ),
    (
        Completed,
        Invariant::OneInFlight,
        "UPDATE payment_operations SET state = 2, resolved_at = NULL WHERE ORDER",
    ),
    (
        Cancelled,
        Invariant::VoidOrCapture,
        "UPDATE payments SET authorization_state = 2 WHERE PAYMENT",
    ),
    (
        Completed,
        Invariant::OperationTimes,
        "UPDATE payment_operations SET resolved_at = NULL WHERE ORDER",
    ),
    (Placed, Invariant::PaymentSums, "UPDATE payments SET captured_minor = 1 WHERE PAYMENT"),
    (
        Placed,
        Invariant::PaymentShares,
        "UPDATE order_payments SET amount_minor = amount_minor - 1 WHERE ORDER",
    ),
    (Waiting, Invariant::Effects, "DELETE FROM effects WHERE ORDER"),
    (
        Mailed,
        Invariant::Effects,
        "UPDATE mails SET state = 1, resolved_at = NULL WHERE ORDER;
         DELETE FROM effects WHERE ORDER",
    ),
    (Placed, Invariant::DerivedStates, "UPDATE orders SET payment_state = 9 WHERE ORDER"),
    (Placed, Invariant::OrderRow, "UPDATE orders SET credit_number = 77 WHERE ORDER"),
    (Placed, Invariant::OrderRow, "UPDATE orders SET customer_key = 'another' WHERE ORDER"),
    (
        Completed,
        Invariant::OrderRow,
        "UPDATE orders SET withdrawal_deadline = withdrawal_deadline + 1 WHERE ORDER",
    ),
    (Completed, Invariant::OrderRow, "UPDATE orders SET refund_due = 20000 WHERE ORDER"),
    (
        Placed,
        Invariant::Document,
        "UPDATE events SET document = NULL WHERE order_number = NUMBER AND SHOP",
    ),
    (Placed, Invariant::PersonalVersions, "UPDATE orders SET personal_version = 2 WHERE ORDER"),
    (Placed, Invariant::Expiries, "DELETE FROM order_expiries WHERE ORDER"),
    (Placed, Invariant::SearchWords, "DELETE FROM order_search WHERE INDEXED"),
    (Placed, Invariant::SearchWords, "UPDATE order_search SET words = 'others' WHERE INDEXED"),
];

async fn every_invariant_has_its_damage() {
    let damaged: BTreeSet<Invariant> = DAMAGES.iter().map(|(_, invariant, _)| *invariant).collect();
    let all: BTreeSet<Invariant> = Invariant::ALL.iter().copied().collect();
    assert_eq!(damaged, all);
}

impl World {
    /// An order with which this was done; nothing for the shop's own.
    async fn after(&self, deed: Deed) -> Result<Option<OrderName>, Error> {
        let trouble = match deed {
            Shop => return Ok(None),
            Waiting => "capture=unavailable",
            _ => "",
        };
        let draft = self.draft(0).with(|order| {
            order.lines.clear();
            order.shipping_address = Some(address());
        });
        let draft = draft.goods("CUP", "Kopp", 2, 500, 2_500);
        let order = self.place(draft.payment("klarna", self.reference(trouble), 1_000)).await;
        let name: OrderName = order.name.parse().unwrap();
        match deed {
            Shop | Placed | Mailed => {}
            Waiting => {
                self.change(&name, "sent").wait(Duration::ZERO).send().await?;
            }
            Cancelled => {
                self.cancel(&name, true).await?;
            }
            Completed | Credited | Labelled => {
                self.complete(&name).await?;
            }
        }
        match deed {
            Credited => {
                self.client.credit(&name).units(1, 1).refund(true).wait(WAIT).send().await?;
            }
            Labelled => {
                self.client.label(&name).wait(WAIT).send().await?;
            }
            Mailed => {
                let note = self.client.new_note(&name, NoteAudience::Customer, "Hei");
                note.send_email(true).send().await?;
            }
            _ => {}
        }
        Ok(Some(name))
    }

    /// The rows that a damage names, of this order.
    fn damage_of(&self, statement: &str, number: i64) -> String {
        let shop = format!("(SELECT shop_id FROM shops WHERE slug = '{}')", self.shop.id());
        let orders = format!(
            "order_key IN (SELECT o.order_key FROM orders o WHERE o.number = {number} AND o.shop_id = {shop})"
        );
        // One delivery, two transfers.
        let (two_transfers, indexed) = match self.server.backend {
            Backend::Sqlite => ("X'20013002'", orders.replacen("order_key", "rowid", 1)),
            Backend::Postgres => (r"'\x20013002'::bytea", orders.clone()),
        };
        statement
            .replace("TWO_TRANSFERS", two_transfers)
            .replace("INDEXED", &indexed)
            .replace(
                "PAYMENT",
                &format!("payment_key IN (SELECT payment_key FROM order_payments WHERE {orders})"),
            )
            .replace("ORDER", &orders)
            .replace("NUMBER", &number.to_string())
            .replace("SHOP", &format!("shop_id = {shop}"))
    }
}

/// The words of every order are in the index: those that lag behind are not looked at, and what was
/// damaged of them would be mended.
async fn indexed(world: &World) {
    let places = format!(
        "FROM search_places JOIN shop_heads USING (shop_id) JOIN shops USING (shop_id) \
         WHERE slug = '{}'",
        world.shop.id()
    );
    eventually("all words are in the index", async || {
        let columns = ["search_places.revision", "shop_heads.revision", "0", "0"];
        let rows = world.server.store.numbers(columns, &places).await;
        rows.first().is_some_and(|[place, head, ..]| place == head).then_some(())
    })
    .await;
}

async fn every_damage_is_named(backend: Backend) {
    let world = World::own(backend, &[]).await;
    world.stock("CUP", 200).await;
    let labels = LabelSettings {
        integration: "card".to_owned(),
        transport_agreement: "1".to_owned(),
        product: "parcel".to_owned(),
        parcel_weight_grams: 1_000,
        ..LabelSettings::default()
    };
    world.set("settings.labels", |settings| settings.labels = Some(labels)).await;
    set_seller(&world).await;
    let mut planned = Vec::new();
    for (deed, invariant, statement) in DAMAGES {
        let order = world.after(deed).await.unwrap();
        planned.push((order.map_or(0, |order| order.number()), invariant, statement));
    }
    indexed(&world).await;
    assert_eq!(world.breaches().await.0, BTreeSet::new());

    assert_eq!(world.server.stop().await, 0);
    world.server.store.lift_constraints().await;
    let mut wanted = BTreeSet::new();
    for (number, invariant, statement) in planned {
        world.server.store.damage(&world.damage_of(statement, number)).await;
        wanted.insert((invariant.name().to_owned(), number));
    }
    world.server.start().await;
    indexed(&world).await;
    let (breaches, summary) = world.breaches().await;
    let missed: Vec<_> = wanted.difference(&breaches).collect();
    assert!(missed.is_empty(), "not seen: {missed:?} in {breaches:?}");
    assert!(summary.breaches >= i64::try_from(wanted.len()).unwrap());
    // Damage shows where it was done.
    let damaged: BTreeSet<i64> = wanted.iter().map(|(_, number)| *number).collect();
    let elsewhere = breaches.iter().filter(|(_, number)| !damaged.contains(number));
    assert_eq!(elsewhere.collect::<Vec<_>>(), Vec::<&(String, i64)>::new());
}
