//! `orderctl verify`: the exactness audit of a shop, with its progress and what it finds.

use std::io::{self, IsTerminal};

use futures_util::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use order_sdk::proto;
use order_sdk::proto::verify_shop_response::Message;

use crate::failure::Failure;
use crate::session::{Session, last_part};

pub(crate) async fn run(session: &Session) -> Result<(), Failure> {
    let request = proto::VerifyShopRequest { parent: (&session.shop).into() };
    let mut messages = Box::pin(session.client.verify_shop(request).await?);
    let bar = progress_bar();
    let mut summary = None;
    while let Some(answer) = messages.try_next().await? {
        match &answer.message {
            Some(Message::Progress(progress)) => show(&bar, progress),
            Some(Message::Breach(breach)) => {
                bar.suspend(|| session.output.either(&answer, || line(breach)))?;
            }
            Some(Message::Summary(told)) => {
                bar.finish_and_clear();
                session.output.either(&answer, || in_words(told))?;
                summary = Some(*told);
            }
            None => {}
        }
    }
    match summary {
        Some(summary) if summary.breaches == 0 => Ok(()),
        Some(summary) => Err(Failure::Broken { breaches: summary.breaches }),
        None => Err(Failure::Other("the audit broke off before its end: run it again".to_owned())),
    }
}

fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {msg}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, progress: &proto::VerifyProgress) {
    let units = |count: i64| u64::try_from(count).unwrap_or_default();
    bar.set_length(units(progress.orders_total.saturating_add(progress.events_total)));
    bar.set_position(units(progress.orders.saturating_add(progress.events)));
    bar.set_message(format!("{} events, {} orders", progress.events, progress.orders));
}

fn line(breach: &proto::Breach) -> String {
    let place = match last_part(&breach.order) {
        "" => "shop".to_owned(),
        number => format!("order {number}"),
    };
    format!("{place}: {}: {}", breach.invariant, breach.description)
}

fn in_words(summary: &proto::VerifySummary) -> String {
    let found = match summary.breaches {
        0 => "everything is as it must be".to_owned(),
        1 => "1 breach".to_owned(),
        breaches => format!("{breaches} breaches"),
    };
    format!(
        "{found}: {} orders, {} events, {} payments, {} stock items, up to revision {}",
        summary.orders, summary.events, summary.payments, summary.stock_items, summary.revision
    )
}
