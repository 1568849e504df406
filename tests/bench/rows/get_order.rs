//! `GetOrder` beside an answer of the same bytes and the same rows read bare.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use order_proto::v1::GetOrderRequest;
use prost::Message;

use super::{READING, median_window};
use crate::Result;
use crate::ceilings::answering;
use crate::ceilings::bare_sqlite::Bare;
use crate::load::{self, Measured};
use crate::report::{Goal, Line, Report};
use crate::server::Orders;
use crate::stage::{Backend, Stage};

/// Orders in the bare file that is read.
const BARE_ORDERS: i64 = 20_000;
/// Steps through the orders in an order that is none; prime.
const STRIDE: usize = 7_919;

/// Measures the row and both parts of its ceiling by turns.
///
/// # Errors
/// A call or a ceiling fails.
pub(super) async fn measure(stage: &mut Stage, shop: &str, report: &mut Report) -> Result<()> {
    let names = Arc::new(stage.order_names(shop).await?);
    let name = names.first().cloned().unwrap_or_default();
    let answer = stage
        .client(0)?
        .get_order(GetOrderRequest { name, as_of_revision: 0, show_deleted: false })
        .await?;
    let answering = answering::start(&stage.folder, &answer.into_inner().encode_to_vec()).await?;
    let echo_clients = answering.clients(stage.arguments.connections).await?;
    let mut bare = None;
    if stage.backend == Backend::Sqlite {
        let mut made = Bare::create(&stage.folder, "bare-read.db", false)?;
        made.fill(BARE_ORDERS)?;
        bare = Some(made);
    }
    let (mut windows, mut echoes, mut bare_rates) = (Vec::new(), Vec::new(), Vec::new());
    let (clients, window) = (stage.arguments.in_flight, stage.pressure().window);
    for _ in stage.runs() {
        windows.push(read(stage, &stage.clients, &names).await?);
        echoes.push(read(stage, &echo_clients, &names).await?.per_second);
        bare_rates.push(match (&bare, &mut stage.postgres) {
            (Some(bare), _) => bare.read_for(window)?,
            (None, Some(postgres)) => postgres.read(clients, window)?,
            (None, None) => return Err("no database to read bare".into()),
        });
    }
    let (echo, bare) = (load::median(echoes), load::median(bare_rates));
    let window = median_window(windows)?;
    let what = format!("of echo {echo}/s and bare reads {bare}/s");
    let ceiling = (in_turn(echo, bare), what);
    report.add(Line::rate(stage.backend, READING, &window, ceiling, Some(Goal::AtLeast(600))));
    Ok(())
}

/// The rate of doing one thing and then the other on the same cores: 1 / (1/a + 1/b).
fn in_turn(a: u64, b: u64) -> u64 {
    let (a, b) = (u128::from(a), u128::from(b));
    (a * b).checked_div(a + b).and_then(|rate| u64::try_from(rate).ok()).unwrap_or_default()
}

/// One window of reading orders here and there.
async fn read(stage: &Stage, clients: &[Orders], names: &Arc<Vec<String>>) -> Result<Measured> {
    let (clients, names) = (clients.to_vec(), Arc::clone(names));
    let next = AtomicUsize::new(0);
    load::press(stage.pressure(), move |lane| {
        let place = next.fetch_add(STRIDE, Ordering::Relaxed) % names.len();
        let name = names.get(place)?.clone();
        let mut client = clients.get(lane % clients.len())?.clone();
        let request = GetOrderRequest { name, as_of_revision: 0, show_deleted: false };
        Some(async move { client.get_order(request).await.map(drop) })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::in_turn;

    #[test]
    fn two_things_in_turn_are_slower_than_each() {
        for (a, b, both) in [(100, 100, 50), (30_000, 60_000, 20_000), (0, 9, 0), (0, 0, 0)] {
            assert_eq!(in_turn(a, b), both);
        }
    }
}
