//! `BatchChangeOrderStatus` of 10,000 orders without effects beside single calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use order_proto::v1::{BatchChangeOrderStatusRequest, ChangeOrderStatusRequest};

use super::{BULK, median_window};
use crate::Result;
use crate::load::{self, Pressure};
use crate::report::{Goal, Line, Number, Report};
use crate::stage::Stage;

/// Orders of a batch.
const ORDERS: usize = 10_000;

/// Measures the batch against one call in flight and against as many as the other rows have.
///
/// # Errors
/// A call fails, or the shop has too few orders.
pub(super) async fn measure(stage: &Stage, shop: &str, report: &mut Report) -> Result<()> {
    let names: Vec<String> = stage.order_names(shop).await?.into_iter().take(ORDERS).collect();
    let labels = stage.labels(shop).await?;
    let mut rates = Vec::new();
    for run in stage.runs() {
        let label = if run.is_multiple_of(2) { &labels.untagged } else { &labels.default };
        rates.push(batch(stage, shop, &names, label).await?);
    }
    let rate = load::median(rates);
    for (in_flight, goal) in [(1, 3_000), (stage.pressure().in_flight, 1_200)] {
        let single = singles(stage, &names, [&labels.default, &labels.untagged], in_flight).await?;
        report.add(Line {
            backend: stage.backend,
            what: format!("{BULK}, {} orders, vs {in_flight} in flight", names.len()),
            reached: Number::PerSecond(rate),
            ceiling: Some((Number::PerSecond(single), "single calls".to_owned())),
            ratio: rate.saturating_mul(1000).checked_div(single),
            goal: Some(Goal::AtLeast(goal)),
            latencies: None,
        });
    }
    Ok(())
}

/// Orders per second of one batch.
async fn batch(stage: &Stage, shop: &str, names: &[String], label: &str) -> Result<u64> {
    let request = BatchChangeOrderStatusRequest {
        parent: shop.to_owned(),
        names: names.to_vec(),
        status: label.to_owned(),
        ..BatchChangeOrderStatusRequest::default()
    };
    let sent = Instant::now();
    let mut outcomes = stage.client(0)?.batch_change_order_status(request).await?.into_inner();
    let mut done = 0;
    while let Some(message) = outcomes.message().await? {
        done = message.counts.map_or(0, |counts| counts.done);
    }
    if usize::try_from(done)? != names.len() {
        return Err("not every order was changed".into());
    }
    Ok(load::per_second(names.len(), load::micros(sent.elapsed())))
}

/// Single calls per second, each changing another order to and fro.
async fn singles(
    stage: &Stage,
    names: &[String],
    labels: [&String; 2],
    in_flight: usize,
) -> Result<u64> {
    let (names, labels) = (Arc::new(names.to_vec()), labels.map(String::clone));
    let mut windows = Vec::new();
    for _ in stage.runs() {
        let (names, labels, clients) = (Arc::clone(&names), labels.clone(), stage.clients.clone());
        let made = AtomicUsize::new(0);
        let pressure = Pressure { in_flight, ..stage.pressure() };
        let window = load::press(pressure, move |lane| {
            let place = made.fetch_add(1, Ordering::Relaxed);
            let round = place.checked_div(names.len())?;
            let request = ChangeOrderStatusRequest {
                name: names.get(place % names.len())?.clone(),
                status: labels.get(round % labels.len())?.clone(),
                ..ChangeOrderStatusRequest::default()
            };
            let mut client = clients.get(lane % clients.len())?.clone();
            Some(async move { client.change_order_status(request).await.map(drop) })
        });
        windows.push(window.await?);
    }
    Ok(median_window(windows)?.per_second)
}
