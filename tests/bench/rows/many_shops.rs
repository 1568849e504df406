//! One shop beside a hundred: a shop is a serial log, and must not be slow for it.

use super::create_order::place;
use super::{ONE_SHOP, median_window};
use crate::Result;
use crate::load::{self, Measured};
use crate::report::{Goal, Line, Report};
use crate::stage::Stage;

const SHOPS: usize = 100;

/// Measures both by turns, in fresh shops.
///
/// # Errors
/// A call fails.
pub(super) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let one = [stage.open_shop("alone").await?];
    let mut many = Vec::with_capacity(SHOPS);
    for number in 0..SHOPS {
        many.push(stage.open_shop(&format!("among-{number}")).await?);
    }
    let (mut alone, mut among): (Vec<Measured>, Vec<Measured>) = (Vec::new(), Vec::new());
    for _ in stage.runs() {
        alone.push(place(stage, &one, "manual", alone.last()).await?);
        among.push(place(stage, &many, "manual", among.last()).await?);
    }
    let rates = among.iter().map(|window| window.per_second).collect();
    let ceiling = (load::median(rates), "100 shops".to_owned());
    let goal = Some(Goal::AtLeast(700));
    report.add(Line::rate(stage.backend, ONE_SHOP, &median_window(alone)?, ceiling, goal));
    Ok(())
}
