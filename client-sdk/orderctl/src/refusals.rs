//! `orderctl explain` and `orderctl refusals`: the catalogue of refusals and problems.

use order_sdk::proto;

use crate::failure::Failure;
use crate::labels::label;
use crate::output::Output;
use crate::session::{Session, present};
use crate::tables::{facts, table};

pub(crate) async fn explain(session: &Session, code: &str) -> Result<(), Failure> {
    let code = code.trim().to_ascii_uppercase().replace('-', "_");
    let request = proto::GetRefusalRequest { name: format!("refusals/{code}") };
    let page = present(session.client.get_refusal(request).await?.refusal)?;
    session.output.either(&page, || {
        let text = session.text_of(&page).cloned().unwrap_or_default();
        let heading = session.output.heading(&format!("{}: {}", page.code, text.title.trim()));
        let again = if page.retryable { "the same call may succeed if made again" } else { "" };
        let facts = facts(&[
            ("Cause", text.cause.trim().to_owned()),
            ("Remedy", text.remedy.trim().to_owned()),
            ("Who acts", label::<proto::Actor>(page.actor).to_lowercase()),
            ("gRPC code", page.grpc_code.clone()),
            ("Retry", again.to_owned()),
        ]);
        format!("{heading}\n{facts}")
    })
}

pub(crate) async fn list(session: &Session) -> Result<(), Failure> {
    let answer = session.client.list_refusals(proto::ListRefusalsRequest {}).await?;
    if session.output.is_json() {
        return answer.refusals.iter().try_for_each(Output::json);
    }
    let row = |page: &proto::Refusal| {
        vec![
            page.code.clone(),
            if page.grpc_code.is_empty() { "problem".to_owned() } else { page.grpc_code.clone() },
            label::<proto::Actor>(page.actor).to_lowercase(),
            session.text_of(page).map(|text| text.title.trim().to_owned()).unwrap_or_default(),
        ]
    };
    let rows = answer.refusals.iter().map(row).collect();
    Output::text(&table(&["CODE", "KIND", "WHO ACTS", "TITLE"], rows))
}
