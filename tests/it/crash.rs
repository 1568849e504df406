//! kill -9 at every point between an effect and its outcome: no money lost, none doubled.

use std::sync::Arc;
use std::time::Duration;

use order_sdk::OrderName;
use order_sdk::proto::{self, OperationKind as Kind};
use tokio::sync::watch;

use crate::harness::audit::audit;
use crate::harness::{Backend, Server, World, depth, eventually, in_depth, problems, status_id};

trials! {
    own: [
        a_kill_between_effect_and_outcome_loses_and_doubles_nothing,
        a_kill_at_any_moment_loses_and_doubles_nothing,
    ];
}

/// Where the server is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// It stands in the order; whether anybody was called is chance.
    Planned(Kind),
    /// The provider was called and has done nothing yet.
    Called(&'static str),
    /// The provider has done it, or said no; nobody has heard.
    Decided(&'static str),
    /// The provider has promised, and the server has heard that.
    Promised,
}

/// An order on its way, and how it must end.
struct Point {
    /// Orders to the sandbox, per payment.
    payments: &'static [&'static str],
    /// `sent`, `cancelled`, `repaid` (cancelled when one of two payments was taken and the other was
    /// not to be had), `edited` to a lower total, or empty: the reservation itself is what is under way.
    to: &'static str,
    moment: Moment,
    /// The status in the end, and what was captured and paid back in all.
    wanted: (&'static str, i64, i64),
}

impl Point {
    fn is_planned(&self) -> bool {
        matches!(self.moment, Moment::Planned(_))
    }
}

const TOTAL: i64 = 900;
/// What an edit takes off.
const LESS: i64 = 100;

const fn point(
    payments: &'static [&'static str],
    to: &'static str,
    moment: Moment,
    wanted: (&'static str, i64, i64),
) -> Point {
    Point { payments, to, moment, wanted }
}

/// Every kind of effect at every moment of its life. The silences are longer than the kill takes.
const POINTS: &[Point] = &[
    point(&[""], "sent", Moment::Planned(Kind::Capture), ("sent", 900, 0)),
    point(&["capture=unavailable:20s"], "sent", Moment::Called("capture"), ("sent", 900, 0)),
    point(&["capture=timeout-before"], "sent", Moment::Called("capture"), ("sent", 900, 0)),
    point(&["capture=timeout-after"], "sent", Moment::Decided("capture"), ("sent", 900, 0)),
    point(&["capture=slow:20s"], "sent", Moment::Decided("capture"), ("sent", 900, 0)),
    point(
        &["capture=slow-decline:20s"],
        "sent",
        Moment::Decided("capture"),
        ("not-processed", 0, 0),
    ),
    point(&["capture=later:8s"], "sent", Moment::Decided("capture"), ("sent", 900, 0)),
    point(&["capture=later:8s"], "sent", Moment::Promised, ("sent", 900, 0)),
    point(&["capture=later-decline:8s"], "sent", Moment::Promised, ("not-processed", 0, 0)),
    point(&["capture=slow:20s,read=lag:5s"], "sent", Moment::Decided("capture"), ("sent", 900, 0)),
    point(&["capture=slow:20s", ""], "sent", Moment::Decided("capture"), ("sent", 900, 0)),
    point(&["", "capture=slow:20s"], "sent", Moment::Decided("capture"), ("sent", 900, 0)),
    point(&[""], "cancelled", Moment::Planned(Kind::Void), ("cancelled", 0, 0)),
    point(&["void=timeout-before"], "cancelled", Moment::Called("void"), ("cancelled", 0, 0)),
    point(&["void=slow:20s"], "cancelled", Moment::Decided("void"), ("cancelled", 0, 0)),
    point(&["void=later:8s"], "cancelled", Moment::Promised, ("cancelled", 0, 0)),
    point(&[""], "", Moment::Planned(Kind::Authorize), ("not-processed", 0, 0)),
    point(&["authorize=timeout-before"], "", Moment::Called("authorize"), ("not-processed", 0, 0)),
    point(&["authorize=slow:20s"], "", Moment::Decided("authorize"), ("not-processed", 0, 0)),
    point(&["authorize=later:8s"], "", Moment::Promised, ("not-processed", 0, 0)),
    point(&["authorize=slow:20s"], "sent", Moment::Decided("authorize"), ("sent", 900, 0)),
    point(&[""], "edited", Moment::Planned(Kind::UpdateAmount), ("not-processed", 0, 0)),
    point(&["update=unavailable:20s"], "edited", Moment::Called("update"), ("not-processed", 0, 0)),
    point(&["update=timeout-before"], "edited", Moment::Called("update"), ("not-processed", 0, 0)),
    point(&["update=timeout-after"], "edited", Moment::Decided("update"), ("not-processed", 0, 0)),
    point(&["update=slow:20s"], "edited", Moment::Decided("update"), ("not-processed", 0, 0)),
    point(&["update=later:8s"], "edited", Moment::Promised, ("not-processed", 0, 0)),
    point(&[""], "sent", Moment::Planned(Kind::Release), ("sent", 900, 0)),
    point(&["release=timeout-before"], "sent", Moment::Called("release"), ("sent", 900, 0)),
    point(&["release=slow:20s"], "sent", Moment::Decided("release"), ("sent", 900, 0)),
    point(&["release=later:8s"], "sent", Moment::Promised, ("sent", 900, 0)),
    point(&[REFUSED, ""], "repaid", Moment::Planned(Kind::Refund), REPAID),
    point(&[REFUSED, "refund=slow:20s"], "repaid", Moment::Decided("refund"), REPAID),
    point(&[REFUSED, "refund=timeout-before"], "repaid", Moment::Called("refund"), REPAID),
    point(&[REFUSED, "refund=timeout-after"], "repaid", Moment::Decided("refund"), REPAID),
    point(&[REFUSED, "refund=later:8s"], "repaid", Moment::Promised, REPAID),
];
/// Of klarna: a card is asked first.
const REFUSED: &str = "capture=decline";
const REPAID: (&str, i64, i64) = ("cancelled", TOTAL / 2, TOTAL / 2);

/// An order at its point.
struct Driven {
    point: &'static Point,
    name: OrderName,
    references: Vec<String>,
}

async fn a_kill_between_effect_and_outcome_loses_and_doubles_nothing(backend: Backend) {
    // A hundredfold in all: deeper and oftener.
    let times = depth().isqrt();
    let server = Server::fresh(backend, &[]).await;
    let mut shops = Vec::new();
    for _ in 0..times {
        // One each: so many silences of one shop's provider would be waited for one after the other.
        shops.push(World::new(Arc::clone(&server)).await);
    }
    for _ in 0..times {
        let (gather, others_are_there) = watch::channel(false);
        let (mut planned, mut others) = (Vec::new(), Vec::new());
        for world in &shops {
            for point in POINTS {
                let (world, there) = (world.clone(), others_are_there.clone());
                let all = if point.is_planned() { &mut planned } else { &mut others };
                all.push(tokio::spawn(async move { (drive(&world, point, there).await, world) }));
            }
        }
        let mut at_their_points = Vec::new();
        for one in others {
            at_their_points.push(one.await.unwrap());
        }
        gather.send_replace(true);
        for one in planned {
            at_their_points.push(one.await.unwrap());
        }
        server.kill().await;
        server.start().await;
        for (one, world) in &at_their_points {
            check(world, one).await;
        }
    }
    for world in &shops {
        audit(world).await;
    }
}

/// Before the last step of what is only planned, so that the kill may come before anybody is called.
async fn wait_for_the_others(point: &Point, others_are_there: &mut watch::Receiver<bool>) {
    if point.is_planned() {
        drop(others_are_there.wait_for(|are_there| *are_there).await.unwrap());
    }
}

/// Places the order, sets its status, and waits for the moment.
async fn drive(
    world: &World,
    point: &'static Point,
    mut others_are_there: watch::Receiver<bool>,
) -> Driven {
    // A release needs something to give back.
    let is_about_release =
        point.payments[0].starts_with("release") || point.moment == Moment::Planned(Kind::Release);
    let extra = if is_about_release { 100 } else { 0 };
    let shares = i64::try_from(point.payments.len()).unwrap();
    let references: Vec<String> =
        point.payments.iter().map(|orders| world.reference(orders)).collect();
    let mut draft = world.draft(TOTAL);
    for (provider, reference) in ["klarna", "card"].into_iter().zip(&references) {
        draft = draft.payment(provider, reference, TOTAL / shares + extra);
    }
    let is_about_reservation = point.to.is_empty() || references[0].contains("~authorize");
    let order = if is_about_reservation {
        wait_for_the_others(point, &mut others_are_there).await;
        draft.send().await.unwrap().order.unwrap()
    } else {
        world.place(draft).await
    };
    let name: OrderName = order.name.parse().unwrap();
    if point.to == "edited" {
        wait_for_the_others(point, &mut others_are_there).await;
        world.client.edit(&name).unit_price(1, TOTAL - LESS).send().await.unwrap();
    } else if point.to == "repaid" {
        let order = world.complete(&name).await.unwrap().order.unwrap();
        assert_eq!(problems(&order), ["CAPTURE_DECLINED"]);
        wait_for_the_others(point, &mut others_are_there).await;
        world.change(&name, "cancelled").restock(false).send().await.unwrap();
    } else if !point.to.is_empty() {
        let mut change = world.change(&name, point.to);
        if point.to == "cancelled" {
            change = change.restock(false);
        }
        wait_for_the_others(point, &mut others_are_there).await;
        change.send().await.unwrap();
    }
    let one = Driven { point, name, references };
    eventually(&format!("{:?} of {:?}", point.moment, point.payments), async || {
        is_at(world, &one).await.then_some(())
    })
    .await;
    one
}

async fn is_at(world: &World, driven: &Driven) -> bool {
    let book = world.book();
    let troubled = |kind: &str| {
        let with_trouble = driven.references.iter().find(|one| one.contains(&format!("~{kind}")));
        with_trouble.unwrap_or(&driven.references[0]).clone()
    };
    match driven.point.moment {
        Moment::Planned(kind) => {
            operations(world, driven).await.iter().any(|operation| operation.kind() == kind)
        }
        Moment::Called(kind) => book.calls(&troubled(kind), kind) > 0,
        Moment::Decided(kind) => {
            book.entries(&troubled(kind)).iter().any(|entry| entry.kind == kind)
        }
        Moment::Promised => {
            let accepted = proto::OperationState::Accepted;
            operations(world, driven).await.iter().any(|operation| operation.state() == accepted)
        }
    }
}

async fn operations(world: &World, driven: &Driven) -> Vec<proto::Operation> {
    let order = world.get(&driven.name).await;
    order.payments.into_iter().flat_map(|payment| payment.operations).collect()
}

async fn check(world: &World, driven: &Driven) {
    let Driven { point, name, references } = driven;
    let told = format!("{:?} to {:?} at {:?}", point.payments, point.to, point.moment);
    let order = world.settled(name).await;
    let book = world.book();
    let sum =
        |kind| -> i64 { references.iter().flat_map(|reference| book.done(reference, kind)).sum() };
    let ended = (status_id(&order), sum("capture"), sum("refund"));
    assert_eq!(ended, point.wanted, "{told}: {order:?}");
    for reference in references {
        assert!(book.done(reference, "capture").len() <= 1, "{told}");
        assert!(book.done(reference, "void").len() <= 1, "{told}");
        let held = book.reservation(reference).unwrap();
        if point.to == "cancelled" {
            assert!(held.is_voided, "{told}");
        }
        if point.to == "repaid" {
            assert!(book.done(reference, "refund").len() <= 1, "{told}");
            assert_eq!(held.captured_minor, held.refunded_minor, "{told}");
            assert_eq!(held.captured_minor + held.released_minor, held.authorized_minor, "{told}");
        }
        if point.to == "edited" {
            assert_eq!(book.done(reference, "update"), [TOTAL - LESS], "{told}");
            assert_eq!(held.authorized_minor, TOTAL - LESS, "{told}");
        }
        if point.wanted.0 == "sent" {
            assert_eq!(held.captured_minor + held.released_minor, held.authorized_minor, "{told}");
        }
    }
    let is_declined = point.to == "sent" && point.wanted.0 != "sent";
    let expected: &[&str] = if is_declined { &["CAPTURE_DECLINED"] } else { &[] };
    assert_eq!(problems(&order), expected, "{told}");
}

/// No point is chosen: commands come all the time, and the kill comes whenever it comes.
async fn a_kill_at_any_moment_loses_and_doubles_nothing(backend: Backend) {
    in_depth(|_, times| kills_at_any_moment(backend, 5 * times)).await;
}

async fn kills_at_any_moment(backend: Backend, kills: u32) {
    let world = World::own(backend, &[]).await;
    world.stock("CUP", 10_000).await;
    let mut last = 0;
    for _ in 0..kills {
        let mut running = Vec::new();
        for worker in 0..6 {
            let world = world.through(&world.server);
            running.push(tokio::spawn(async move {
                for number in 0.. {
                    let reference = world.reference("");
                    let draft = world
                        .draft(TOTAL)
                        .goods("CUP", "Kopp", 1, 0, 0)
                        .payment("klarna", &reference, TOTAL);
                    let Ok(answer) = draft.send().await else { return };
                    let name: OrderName = answer.order.unwrap().name.parse().unwrap();
                    let outcome = if (number + worker) % 3 == 0 {
                        world.change(&name, "cancelled").restock(true).send().await
                    } else {
                        world.change(&name, "sent").send().await
                    };
                    if outcome.is_err() {
                        return;
                    }
                }
            }));
        }
        eventually("orders come in", async || {
            let page = world.client.orders(&world.shop).page_size(1).page().await.unwrap();
            page.items.first().map(|order| order.number).filter(|number| *number > last)
        })
        .await;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..600))).await;
        world.server.kill().await;
        for one in running {
            one.abort();
        }
        world.server.start().await;
        let filter =
            |filter: &mut proto::OrderFilter| filter.has_pending_status_change = Some(true);
        eventually("every change settles", async || {
            let page = world.client.orders(&world.shop).filter(filter).page().await.unwrap();
            page.items.is_empty().then_some(())
        })
        .await;
        let newest = world.client.orders(&world.shop).page_size(1).page().await.unwrap();
        last = newest.items[0].number;
    }
    for number in 1001..=last {
        world.settled(&world.shop.order(number).unwrap()).await;
    }
    let orders = audit(&world).await;
    let out: i64 =
        orders.iter().flat_map(|order| &order.lines).map(|line| line.stock_held_quantity).sum();
    let delivered_or_held =
        i64::try_from(orders.iter().filter(|order| status_id(order) != "cancelled").count());
    assert_eq!(world.on_hand("CUP").await, 10_000 - delivered_or_held.unwrap());
    assert!(out >= 0);
}
