//! The rows of the table, in the order they are measured.

mod bulk_status;
mod change_status;
mod create_order;
mod get_order;
mod list_orders;
mod many_shops;

use std::time::Duration;

use crate::load::{self, Measured};
use crate::report::{Goal, Line, Number, Report, progress};
use crate::stage::{Backend, Stage};
use crate::{Arguments, Result};

const STARTING: &str = "start to serving, empty";
const CREATING: &str = "CreateOrder, 3 lines, manual";
const READING: &str = "GetOrder";
const CHANGING: &str = "ChangeOrderStatus, no effects";
const BULK: &str = "BatchChangeOrderStatus, no effects";
const ONE_SHOP: &str = "CreateOrder, one shop vs 100";
const LISTING: &str = "ListOrders";
const KLARNA: &str = "CreateOrder, 3 lines, klarna sandbox";

/// Measures every row that is asked for. A row that fails is noted, and the next is measured.
///
/// # Errors
/// The server cannot be started or set up.
pub(crate) async fn measure(
    arguments: &Arguments,
    backend: Backend,
    report: &mut Report,
) -> Result<()> {
    let mut stage = Stage::build(arguments, backend).await?;
    progress(&format!("{}: measuring in {}", backend.name(), stage.folder.display()));
    if arguments.wants(STARTING) {
        report.add(start(&stage));
    }
    let shop = stage.open_shop("bench").await?;
    // Pages to read and orders to change, whichever rows are asked for.
    stage.fill(&shop, 10_000).await?;
    if let Some(postgres) = &stage.postgres {
        postgres.look_at_tables()?;
    }

    let mut create_rate = None;
    if arguments.wants(CREATING) || arguments.wants(CHANGING) {
        match create_order::measure(&mut stage, &shop, report).await {
            Ok(rate) => create_rate = Some(rate),
            Err(error) => report.failed(backend, CREATING, &error.to_string()),
        }
    }
    if arguments.wants(READING) {
        let measured = get_order::measure(&mut stage, &shop, report).await;
        note(report, backend, READING, measured);
    }
    if let Some(rate) = create_rate.filter(|_| arguments.wants(CHANGING)) {
        let measured = change_status::measure(&stage, &shop, rate, report).await;
        note(report, backend, CHANGING, measured);
    }
    if arguments.wants(BULK) {
        let measured = bulk_status::measure(&stage, &shop, report).await;
        note(report, backend, BULK, measured);
    }
    if arguments.wants(ONE_SHOP) {
        let measured = many_shops::measure(&stage, report).await;
        note(report, backend, ONE_SHOP, measured);
    }
    if arguments.wants(LISTING) {
        let measured = list_orders::measure(&stage, report).await;
        note(report, backend, LISTING, measured);
    }
    // Last, because the sandbox confirms its payments long after.
    if arguments.wants(KLARNA) {
        let measured = create_order::measure_klarna(&stage, create_rate, report).await;
        note(report, backend, KLARNA, measured);
    }
    Ok(())
}

fn note(report: &mut Report, backend: Backend, row: &str, measured: Result<()>) {
    if let Err(error) = measured {
        report.failed(backend, row, &error.to_string());
    }
}

fn start(stage: &Stage) -> Line {
    Line {
        backend: stage.backend,
        what: STARTING.to_owned(),
        reached: Number::Micros(load::micros(stage.start_took)),
        ceiling: None,
        ratio: None,
        goal: Some(Goal::Within(load::micros(Duration::from_millis(300)))),
        latencies: None,
    }
}

/// The window with the median rate.
fn median_window(windows: Vec<Measured>) -> Result<Measured> {
    load::median_window(windows).ok_or_else(|| "nothing was measured".into())
}
