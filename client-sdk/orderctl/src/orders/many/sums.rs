//! What many orders' changes would do on the outside in all: effects by kind and currency.

use std::collections::BTreeMap;

use order_sdk::proto::{self, BatchOutcome, PlannedEffect};

use crate::amounts::money;
use crate::labels::{Label, label};

/// Planned effects, counted and added up.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// By what is done, and in which currency; without one where no money moves.
    totals: BTreeMap<(String, Option<String>), Total>,
}

#[derive(Debug, Default)]
struct Total {
    effects: usize,
    amount_minor: i128,
}

impl Sums {
    pub(super) fn take(&mut self, outcome: &BatchOutcome) {
        for effect in &outcome.plan {
            let (what, is_of_money) = in_words(effect);
            let currency_code = is_of_money.then(|| outcome.currency_code.clone());
            let total = self.totals.entry((what, currency_code)).or_default();
            total.effects += 1;
            total.amount_minor += i128::from(effect.amount_minor);
        }
    }

    /// `would capture 2698.50 NOK (effects: 3)`, for each kind and currency.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.totals.iter().map(|((what, currency_code), Total { effects, amount_minor })| {
            let sum = match (currency_code, i64::try_from(*amount_minor)) {
                (None, _) => String::new(),
                (Some(code), Ok(minor)) => format!(" {}", money(minor, code)),
                (Some(code), Err(_)) => format!(" {amount_minor} minor units of {code}"),
            };
            format!("would {what}{sum} (effects: {effects})")
        })
    }
}

/// What is done, and whether the amount is one of money.
fn in_words(effect: &PlannedEffect) -> (String, bool) {
    let words = |name: &str| name.to_lowercase().replace('_', " ");
    if effect.mail() != proto::MailKind::Unspecified {
        let kind = label::<proto::MailKind>(effect.mail);
        return (format!("mail the customer: {}", words(&kind)), false);
    }
    if effect.transfer() != proto::TransferForm::Unspecified {
        let form = label::<proto::TransferForm>(effect.transfer);
        return (format!("hand over to {} as {}", effect.provider, words(&form)), true);
    }
    match effect.label() {
        proto::LabelWork::Unspecified if effect.by_hand => {
            (format!("{} by hand", words(effect.kind().label())), true)
        }
        proto::LabelWork::Unspecified => (words(effect.kind().label()), true),
        proto::LabelWork::Make => ("make a label".to_owned(), false),
        proto::LabelWork::Print => ("print a label".to_owned(), false),
    }
}

#[cfg(test)]
mod tests {
    use proto::OperationKind::{Capture, Release};

    use super::*;

    #[test]
    fn effects_are_added_up_by_kind_and_currency() {
        let of_money = |kind: proto::OperationKind, amount_minor| PlannedEffect {
            kind: kind.into(),
            amount_minor,
            ..PlannedEffect::default()
        };
        let mail = PlannedEffect {
            mail: proto::MailKind::StatusChanged.into(),
            ..PlannedEffect::default()
        };
        let by_hand = PlannedEffect { by_hand: true, ..of_money(Capture, 300) };
        let orders = [
            ("NOK", vec![of_money(Capture, 900), of_money(Release, 100), mail.clone()]),
            ("EUR", vec![of_money(Capture, 250), by_hand]),
            ("NOK", vec![of_money(Capture, 1_850), mail]),
            ("NOK", vec![]),
        ];
        let mut sums = Sums::default();
        for (currency_code, plan) in orders {
            let currency_code = currency_code.to_owned();
            sums.take(&BatchOutcome { plan, currency_code, ..BatchOutcome::default() });
        }
        let wanted = [
            "would capture 2.50 EUR (effects: 1)",
            "would capture 27.50 NOK (effects: 2)",
            "would capture by hand 3.00 EUR (effects: 1)",
            "would mail the customer: status changed (effects: 2)",
            "would release 1.00 NOK (effects: 1)",
        ];
        assert_eq!(sums.lines().collect::<Vec<_>>(), wanted);
        for _ in 0..2 {
            let plan = vec![of_money(Capture, i64::MAX)];
            let currency_code = "NOK".to_owned();
            sums.take(&BatchOutcome { plan, currency_code, ..BatchOutcome::default() });
        }
        assert!(sums.lines().any(|line| line.contains("minor units of NOK (effects: 4)")));
    }
}
