//! Reads what needs a person: the open problems of a shop, with counts.

use order_proto::v1;
use order_rules::order::Micros;
use prost::Message;

use super::tokens::Token;
use super::{Reading, limit, page};
use crate::commands::{Failure, timestamp};
use crate::grpc::fields::attention::ProblemsPage;
use crate::shops::Shop;
use crate::store::on_either;
use crate::store::rows::{ProblemRow, number};
use crate::turns::rebuild::DetailsRecord;

impl Reading {
    /// A page of the open problems of a shop, oldest first, and how many there are by code.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `PAGE_TOKEN_INVALID`.
    pub(crate) async fn problems(
        &self,
        query: ProblemsPage,
    ) -> Result<v1::ListProblemsResponse, Failure> {
        let shop = self.known_shop(&query.shop).await?;
        let parts: Vec<&str> =
            ["problems", shop.row.slug.as_str()].into_iter().chain(query.codes.clone()).collect();
        let token = Token::of(&parts);
        let [after] = token.read(&query.page.token)?.unwrap_or([0]);
        let (shop_id, limit, codes) = (shop.row.shop_id, limit(&query.page), query.codes);
        let (rows, counts) = on_either!(&self.store, database => database
            .problems_open(shop_id, after, limit, codes)
            .await)?;
        let next = |row: &ProblemRow| token.write(&[number(row.problem_key)]);
        let (problems, next) = page(rows, query.page.size, next, |row| problem(&shop, row));
        Ok(v1::ListProblemsResponse {
            problems,
            next_page_token: next.unwrap_or_default(),
            counts: counts.into_iter().collect(),
        })
    }
}

fn problem(shop: &Shop, row: ProblemRow) -> v1::OrderProblem {
    let details = DetailsRecord::decode(row.details.as_slice()).unwrap_or_default().details;
    v1::OrderProblem {
        order: shop.order_name(number(row.order_key)),
        problem: Some(v1::Problem {
            id: number(row.problem_key),
            code: row.code,
            details,
            payment_id: row.payment_id.unwrap_or_default(),
            operation_id: row.operation_id.unwrap_or_default(),
            open_time: Some(timestamp(Micros(row.opened_at))),
        }),
    }
}
