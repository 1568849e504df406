//! What stands in an order's way, told alike by every command that meets it.

use order_sdk::proto;

use super::get::explanations;
use super::view::problem_view;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// The order that the catalogue's pages take for an example, its operation and its problem.
const EXAMPLE_ORDER: &str = "1042";
const EXAMPLE_OPERATION: &str = "1042 77";
const EXAMPLE_PROBLEM: &str = "1042 78";

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

/// Whether what was asked for waits until an integration is put right, and then goes on by itself.
pub(super) fn holds_up(problem: &proto::Problem) -> bool {
    problem.code.starts_with("INTEGRATION_") || problem.code.ends_with("_UNAVAILABLE")
}

async fn problems(
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

/// The text of a page with this order, its operation and its problem in place of the example's, so
/// that its commands can be carried out as they stand. `0`: of none.
pub(crate) fn made_out(text: &str, order: &str, operation: i64, problem: i64) -> String {
    let named = |number: i64, word: &str| match number {
        0 => word.to_owned(),
        number => number.to_string(),
    };
    text.replace(EXAMPLE_OPERATION, &format!("{order} {}", named(operation, "OPERATION")))
        .replace(EXAMPLE_PROBLEM, &format!("{order} {}", named(problem, "PROBLEM")))
        .replace(EXAMPLE_ORDER, order)
}

#[cfg(test)]
mod tests {
    use super::made_out;

    #[test]
    fn commands_of_a_page_are_about_the_order_at_hand() {
        let page = "`orderctl problems retry 1042 77`, `orderctl problems dismiss 1042 78`, \
                    `orderctl orders get 1042`";
        let wanted = "`orderctl problems retry 1007 12`, `orderctl problems dismiss 1007 13`, \
                      `orderctl orders get 1007`";
        assert_eq!(made_out(page, "1007", 12, 13), wanted);
        assert_eq!(made_out("retry 1042 77", "1007", 0, 13), "retry 1007 OPERATION");
    }
}
