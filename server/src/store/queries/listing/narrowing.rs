//! The conditions of a filter, as the database is asked for them.

use diesel::dsl::{not, sql};
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{ExpressionMethods, QueryDsl};

use super::super::super::{HAS_WORDS, words_query};
use super::{HAS_SKU, Lane, Plan, Query, Range, of_shop};
use crate::store::pages::Narrowing;
use crate::store::rows::key;
use crate::store::schema::{order_lines, orders};

#[derive(Clone, Copy)]
enum Column {
    Kind,
    PaymentState,
    DeliveryState,
}

/// The conditions of a listing, but for the one that its lane stands for.
pub(super) fn narrowed(mut query: Query, plan: &Plan) -> Query {
    let (shop_id, filter) = (plan.listing.shop_id, &plan.listing.filter);
    let lane = plan.lane();
    macro_rules! one_of {
        ($column:ident, $values:expr) => {
            match $values.as_slice() {
                [value] => query.filter(orders::$column.eq(*value)),
                values => query.filter(orders::$column.eq_any(values.to_vec())),
            }
        };
    }
    macro_rules! stated {
        ($($bound:expr => $condition:expr;)+) => {
            $(if let Some(value) = $bound {
                query = query.filter($condition(value));
            })+
        };
    }
    if let Some(statuses) =
        filter.statuses.as_ref().filter(|_| !matches!(lane, Some(Lane::Status(_))))
    {
        query = one_of!(status_id, statuses);
    }
    for (column, values) in [
        (Column::Kind, &filter.kinds),
        (Column::PaymentState, &filter.payment_states),
        (Column::DeliveryState, &filter.delivery_states),
    ] {
        query = match column {
            _ if values.is_empty() => query,
            Column::PaymentState if matches!(lane, Some(Lane::PaymentState(_))) => query,
            Column::Kind => one_of!(kind, values),
            Column::PaymentState => one_of!(payment_state, values),
            Column::DeliveryState => one_of!(delivery_state, values),
        };
    }
    stated! {
        filter.created.0 => |time: i64| orders::placed_at.ge(time);
        filter.created.1 => |time: i64| orders::placed_at.lt(time);
        filter.updated.0 => |time: i64| orders::updated_at.ge(time);
        filter.updated.1 => |time: i64| orders::updated_at.lt(time);
        filter.gross.0 => |amount: i64| orders::gross_minor.ge(amount);
        filter.gross.1 => |amount: i64| orders::gross_minor.le(amount);
        filter.external_reference.clone() =>
            |reference: String| orders::external_reference.eq(reference);
        filter.currency.clone() => |currency: String| orders::currency.eq(currency);
        filter.original => |number: i64| orders::original_number.eq(number);
        filter.withdrawal_deadline.0 => |day: i32| orders::withdrawal_deadline.ge(day);
        filter.withdrawal_deadline.1 => |day: i32| orders::withdrawal_deadline.lt(day);
        filter.refund_due_before => |day: i32| orders::refund_due.lt(day);
    }
    if !filter.with_deleted {
        query = query.filter(orders::deleted_at.is_null());
    }
    flagged(found_elsewhere(query, shop_id, filter), filter)
}

/// The conditions that other tables answer.
fn found_elsewhere(mut query: Query, shop_id: i64, filter: &Narrowing) -> Query {
    if let Some(sku) = &filter.sku {
        let with_sku = order_lines::table
            .filter(order_lines::sku.eq(sku.clone()))
            .filter(order_lines::quantity.gt(0))
            .filter(sql::<Bool>(HAS_SKU))
            .filter(order_lines::order_key.ge(key(shop_id, 0)))
            .filter(order_lines::order_key.lt(key(shop_id.saturating_add(1), 0)))
            .select(order_lines::order_key);
        query = query.filter(orders::order_key.eq_any(with_sku));
    }
    if let Some(sought) = &filter.sought {
        let Range { from, to } = of_shop(shop_id);
        let [words, first, last] = HAS_WORDS;
        query = query.filter(
            sql::<Bool>(words)
                .bind::<Text, _>(words_query(shop_id, sought))
                .sql(first)
                .bind::<BigInt, _>(from)
                .sql(last)
                .bind::<BigInt, _>(to)
                .sql(")"),
        );
    }
    query
}

/// The conditions that are written out, so that the planner sees those of the partial indexes.
fn flagged(mut query: Query, filter: &Narrowing) -> Query {
    query = match filter.has_problem {
        Some(true) => query.filter(orders::has_problem),
        Some(false) => query.filter(not(orders::has_problem)),
        None => query,
    };
    query = match filter.is_possible_duplicate {
        Some(true) => query.filter(orders::is_possible_duplicate),
        Some(false) => query.filter(not(orders::is_possible_duplicate)),
        None => query,
    };
    match filter.is_pending {
        Some(true) => query.filter(orders::pending.is_not_null()),
        Some(false) => query.filter(orders::pending.is_null()),
        None => query,
    }
}
