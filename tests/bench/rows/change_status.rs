//! `ChangeOrderStatus` without effects beside `CreateOrder`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use order_proto::v1::ChangeOrderStatusRequest;

use super::{CHANGING, median_window};
use crate::Result;
use crate::load;
use crate::report::{Goal, Line, Report};
use crate::stage::{Labels, Stage};

/// The orders of the lanes: each lane changes its own, one after the other, to and fro.
struct Rounds {
    names: Vec<String>,
    labels: Labels,
    /// Changes that each lane has made.
    made: Vec<AtomicUsize>,
}

impl Rounds {
    /// The next change of a lane. Every order begins with the DEFAULT status.
    fn next(&self, lane: usize) -> Option<ChangeOrderStatusRequest> {
        let made = self.made.get(lane)?.fetch_add(1, Ordering::Relaxed);
        let per_lane = self.names.len() / self.made.len();
        let round = made.checked_div(per_lane)?;
        let label =
            if round.is_multiple_of(2) { &self.labels.untagged } else { &self.labels.default };
        Some(ChangeOrderStatusRequest {
            name: self.names.get(lane * per_lane + made % per_lane)?.clone(),
            status: label.clone(),
            ..ChangeOrderStatusRequest::default()
        })
    }
}

/// Measures the row; the rate of `CreateOrder` is its measure.
///
/// # Errors
/// A call fails.
pub(super) async fn measure(
    stage: &Stage,
    shop: &str,
    create_rate: u64,
    report: &mut Report,
) -> Result<()> {
    let rounds = Arc::new(Rounds {
        names: stage.order_names(shop).await?,
        labels: stage.labels(shop).await?,
        made: (0..stage.arguments.in_flight).map(|_| AtomicUsize::new(0)).collect(),
    });
    let mut windows = Vec::new();
    for _ in stage.runs() {
        let (rounds, clients) = (Arc::clone(&rounds), stage.clients.clone());
        let window = load::press(stage.pressure(), move |lane| {
            let request = rounds.next(lane)?;
            let mut client = clients.get(lane % clients.len())?.clone();
            Some(async move { client.change_order_status(request).await.map(drop) })
        });
        windows.push(window.await?);
    }
    let ceiling = (create_rate, "CreateOrder".to_owned());
    let window = median_window(windows)?;
    report.add(Line::rate(stage.backend, CHANGING, &window, ceiling, Some(Goal::AtLeast(1500))));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_change_sets_the_status_that_the_order_has() {
        let labels = Labels { default: "default".to_owned(), untagged: "other".to_owned() };
        let names = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        let made = vec![AtomicUsize::new(0), AtomicUsize::new(0)];
        let rounds = Rounds { names, labels, made };
        let asked: Vec<(String, String)> = [0, 0, 1, 0, 0, 0, 1]
            .into_iter()
            .filter_map(|lane| rounds.next(lane))
            .map(|request| (request.name, request.status))
            .collect();
        let expected = [
            ("a", "other"),
            ("b", "other"),
            ("c", "other"),
            ("a", "default"),
            ("b", "default"),
            ("a", "other"),
            ("d", "other"),
        ];
        assert_eq!(asked, expected.map(|(name, label)| (name.to_owned(), label.to_owned())));
    }
}
