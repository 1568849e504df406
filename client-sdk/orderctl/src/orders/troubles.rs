//! What stands in an order's way, told alike by every command that meets it.

use order_sdk::{placeholders, proto};

use super::get::explanations;
use super::view::problem_view;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// The failure of a command that was taken and then declined: a headline, and the order's problems
/// that say why.
pub(crate) async fn declined(
    session: &Session,
    order: &proto::Order,
    headline: &str,
    is_about: impl Fn(&proto::Problem) -> bool,
) -> Failure {
    let problems = problems(session, order, is_about).await;
    Failure::Declined(format!("error: {headline}{problems}"))
}

/// The failure of a command that was taken and is not done when its wait is over: a headline, how to
/// look again, and what holds it up.
pub(super) async fn unfinished(session: &Session, order: &proto::Order, headline: &str) -> Failure {
    let number = order.number;
    let problems = problems(session, order, holds_up).await;
    Failure::Pending(format!(
        "{number}: {headline}; look again with: orderctl orders get {number}{problems}"
    ))
}

/// Tells on stderr what holds up a command that is under way, if anything does.
pub(super) async fn tell(
    session: &Session,
    order: &proto::Order,
    is_about: impl Fn(&proto::Problem) -> bool,
) {
    let problems = problems(session, order, is_about).await;
    if !problems.is_empty() {
        Output::tell(problems.trim_start());
    }
}

/// Whether the problem says that a payment was not confirmed by its provider.
pub(super) fn is_unconfirmed(problem: &proto::Problem) -> bool {
    ["AUTHORIZATION_DECLINED", "RESERVATION_GONE", "RESERVATION_EXPIRED"]
        .contains(&problem.code.as_str())
}

/// Whether the provider has not said yet that it holds the payment.
pub(super) fn awaits_confirmation(payment: &proto::Payment) -> bool {
    payment.authorization_state() == proto::AuthorizationState::Pending
}

/// Whether what was asked for waits until an integration is put right, and then goes on by itself.
pub(super) fn holds_up(problem: &proto::Problem) -> bool {
    problem.code.starts_with("INTEGRATION_") || problem.code.ends_with("_UNAVAILABLE")
}

/// Whether a payment that was confirmed leaves something to be done: less is held than the order needs,
/// or what was asked for waits.
pub(super) fn is_left_by_payment(problem: &proto::Problem) -> bool {
    problem.code == "PAYMENT_INSUFFICIENT" || holds_up(problem)
}

/// The problems that are meant, each on its own lines with its remedy; empty when there are none.
pub(crate) async fn problems(
    session: &Session,
    order: &proto::Order,
    is_about: impl Fn(&proto::Problem) -> bool,
) -> String {
    // What the problems are called must be told also when they cannot be explained.
    let pages = explanations(session, order).await.unwrap_or_default();
    let about = order.problems.iter().filter(|problem| is_about(problem));
    about
        .map(|problem| {
            let view = problem_view(session, &order.number.to_string(), problem, &pages);
            format!("\n{}", view.trim_end())
        })
        .collect()
}

/// The text of a page with the order and what its problem names in place of the words that stand for
/// them, so that its commands can be carried out as they stand.
pub(crate) fn made_out(text: &str, order: &str, problem: &proto::Problem) -> String {
    let [operation, number] = [problem.operation_id, problem.id].map(|number| number.to_string());
    placeholders::filled(text, |word| match word {
        "ORDER" => Some(order),
        "OPERATION" if problem.operation_id != 0 => Some(operation.as_str()),
        "PROBLEM" if problem.id != 0 => Some(number.as_str()),
        "INTEGRATION" => problem.details.get("provider").map(String::as_str),
        "MAIL" | "PRINTER" | "DELIVERY" => {
            problem.details.get(&word.to_lowercase()).map(String::as_str)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_a_page_are_about_the_order_at_hand() {
        let page = "`orderctl problems retry ORDER OPERATION`, `orderctl orders get ORDER`, \
                    `orderctl problems dismiss ORDER PROBLEM`, `orderctl orders resend ORDER MAIL`";
        let details = [("mail".to_owned(), "57".to_owned())].into();
        let problem = proto::Problem { id: 13, operation_id: 12, details, ..Default::default() };
        let wanted = "`orderctl problems retry 1007 12`, `orderctl orders get 1007`, \
                      `orderctl problems dismiss 1007 13`, `orderctl orders resend 1007 57`";
        assert_eq!(made_out(page, "1007", &problem), wanted);
        let unknown = proto::Problem::default();
        let told = made_out("`problems retry ORDER OPERATION`", "1007", &unknown);
        assert_eq!(told, "`problems retry 1007 OPERATION`");
    }
}
