//! `CreateOrder` beside the same rows written bare.

use std::sync::Arc;

use super::{CREATING, KLARNA, median_window};
use crate::Result;
use crate::ceilings::bare_sqlite::Bare;
use crate::ceilings::pgbench::Sending;
use crate::load::{self, Measured};
use crate::purchases::Purchases;
use crate::report::{Goal, Line, Report};
use crate::stage::{Backend, Stage};

/// Requests made for the first window; later ones know the rate.
const FIRST_GUESS: u64 = 12_000;

/// Measures the row and its ceilings by turns; the rate that the server reached.
///
/// # Errors
/// A call or a ceiling fails.
pub(super) async fn measure(stage: &mut Stage, shop: &str, report: &mut Report) -> Result<u64> {
    let shops = [shop.to_owned()];
    match stage.backend {
        Backend::Sqlite => beside_bare_sqlite(stage, &shops, report).await,
        Backend::Postgres => beside_pgbench(stage, &shops, report).await,
    }
}

async fn beside_bare_sqlite(stage: &Stage, shops: &[String], report: &mut Report) -> Result<u64> {
    let mut bare = Bare::create(&stage.folder, "bare-insert.db", false)?;
    let mut indexed = Bare::create(&stage.folder, "bare-indexed.db", true)?;
    let (mut windows, mut plain_rates, mut indexed_rates) = (Vec::new(), Vec::new(), Vec::new());
    let window = stage.pressure().window;
    for _ in stage.runs() {
        windows.push(place(stage, shops, "manual", windows.last()).await?);
        plain_rates.push(bare.insert_for(window)?);
        indexed_rates.push(indexed.insert_for(window)?);
    }
    let window = median_window(windows)?;
    let plain = (load::median(plain_rates), "bare SQLite, batches of 64".to_owned());
    let goal = Some(Goal::AtLeast(400));
    report.add(Line::rate(stage.backend, CREATING, &window, plain, goal));
    let indexed = (load::median(indexed_rates), "bare SQLite with the same indexes".to_owned());
    report.add(Line::rate(stage.backend, CREATING, &window, indexed, None));
    Ok(window.per_second)
}

async fn beside_pgbench(stage: &mut Stage, shops: &[String], report: &mut Report) -> Result<u64> {
    let (clients, window) = (stage.arguments.in_flight, stage.pressure().window);
    let runs = stage.runs();
    let (mut windows, mut plain_rates, mut pipelined_rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in stage.runs() {
        windows.push(place(stage, shops, "manual", windows.last()).await?);
        let postgres = stage.postgres.as_mut().ok_or("no PostgreSQL")?;
        plain_rates.push(postgres.insert(clients, window, Sending::OneByOne)?);
        pipelined_rates.push(postgres.insert(clients, window, Sending::Pipelined)?);
    }
    let mut indexed_rates = Vec::new();
    let postgres = stage.postgres.as_mut().ok_or("no PostgreSQL")?;
    postgres.make_tables(true)?;
    for _ in runs {
        indexed_rates.push(postgres.insert(clients, window, Sending::OneByOne)?);
    }
    let window = median_window(windows)?;
    let plain = (load::median(plain_rates), format!("pgbench, {clients} clients"));
    let goal = Some(Goal::AtLeast(1000));
    report.add(Line::rate(stage.backend, CREATING, &window, plain, goal));
    let pipelined = (load::median(pipelined_rates), "pgbench, pipelined".to_owned());
    report.add(Line::rate(stage.backend, CREATING, &window, pipelined, None));
    let indexed = (load::median(indexed_rates), "pgbench with the same indexes".to_owned());
    report.add(Line::rate(stage.backend, CREATING, &window, indexed, None));
    Ok(window.per_second)
}

/// Measures orders whose reservation is confirmed by the sandbox afterwards.
///
/// # Errors
/// A call fails.
pub(super) async fn measure_klarna(
    stage: &Stage,
    manual_rate: Option<u64>,
    report: &mut Report,
) -> Result<()> {
    let shops = [stage.open_shop("klarna").await?];
    let mut windows: Vec<Measured> = Vec::new();
    for _ in stage.runs() {
        windows.push(place(stage, &shops, "klarna", windows.last()).await?);
    }
    let ceiling = (manual_rate.unwrap_or_default(), "CreateOrder, manual".to_owned());
    report.add(Line::rate(stage.backend, KLARNA, &median_window(windows)?, ceiling, None));
    Ok(())
}

/// One window of placing orders in these shops by turns.
///
/// # Errors
/// A call fails.
pub(super) async fn place(
    stage: &Stage,
    shops: &[String],
    provider: &str,
    before: Option<&Measured>,
) -> Result<Measured> {
    let pressure = stage.pressure();
    let seconds = (pressure.warm_up + pressure.window).as_secs();
    let rate = before.map_or(FIRST_GUESS, |window| window.per_second * 3 / 2);
    let purchases = Purchases::new(usize::try_from(rate * seconds)?, shops, provider);
    let purchases = Arc::new(purchases);
    let clients = stage.clients.clone();
    load::press(pressure, move |lane| {
        let request = purchases.next()?;
        let mut client = clients.get(lane % clients.len())?.clone();
        Some(async move { client.create_order(request).await.map(drop) })
    })
    .await
}
