//! `RefusalService`: the catalogue of refusals and problems.

use order_proto::v1;
use order_rules::refusals::{Code, Refusal};
use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::fields::Fields;
use super::stubs::refusal_service_server::RefusalService;
use crate::catalogue::{self, Actor};
use crate::commands::Failure;

/// Serves the catalogue.
#[derive(Clone, Copy)]
pub(super) struct Refusals;

#[tonic::async_trait]
impl RefusalService for Refusals {
    async fn list_refusals(
        &self,
        _request: Request<v1::ListRefusalsRequest>,
    ) -> Result<Response<v1::ListRefusalsResponse>, Status> {
        let refusals = Code::ALL.iter().copied().map(page).collect();
        Ok(Response::new(v1::ListRefusalsResponse { refusals }))
    }

    async fn get_refusal(
        &self,
        request: Request<v1::GetRefusalRequest>,
    ) -> Result<Response<v1::GetRefusalResponse>, Status> {
        let (caller, request) = Caller::split(request);
        caller.reply(get(&request))
    }
}

fn get(request: &v1::GetRefusalRequest) -> Result<v1::GetRefusalResponse, Failure> {
    let v1::GetRefusalRequest { name } = request;
    let Some(code) = name.strip_prefix("refusals/").filter(|code| is_code(code)) else {
        let mut fields = Fields::default();
        fields.refuse("name", "must be refusals/{code}");
        return Err(fields.refusal());
    };
    let Some(code) = Code::from_name(code) else {
        return Err(Refusal::new(Code::RefusalNotFound).with("refusal", name).into());
    };
    Ok(v1::GetRefusalResponse { refusal: Some(page(code)) })
}

fn is_code(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

fn page(code: Code) -> v1::Refusal {
    let page = catalogue::page(code);
    let actor = match page.actor {
        Actor::Caller => v1::Actor::Caller,
        Actor::Staff => v1::Actor::Staff,
        Actor::Operator => v1::Actor::Operator,
    };
    let texts = page.texts.iter().map(|text| {
        let parts = v1::RefusalText {
            title: text.title.to_owned(),
            cause: text.cause.to_owned(),
            remedy: text.remedy.to_owned(),
        };
        (text.language.to_owned(), parts)
    });
    v1::Refusal {
        name: format!("refusals/{}", code.name()),
        code: code.name().to_owned(),
        grpc_code: page.grpc.map(grpc_name).unwrap_or_default(),
        retryable: page.retryable,
        actor: actor.into(),
        texts: texts.collect(),
    }
}

/// The name of a gRPC code as its documentation writes it.
fn grpc_name(code: tonic::Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_catalogue_holds_every_code_with_both_languages() {
        let request = Request::new(v1::ListRefusalsRequest {});
        let refusals = Refusals.list_refusals(request).await.unwrap().into_inner().refusals;
        let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code.as_str()).collect();
        let all: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(codes, all);
        for refusal in &refusals {
            assert_eq!(refusal.texts.keys().collect::<Vec<_>>(), ["en", "nb"], "{}", refusal.code);
            assert_ne!(refusal.actor(), v1::Actor::Unspecified);
        }
    }

    #[test]
    fn a_code_is_explained_by_its_name() {
        let get = |name: &str| get(&v1::GetRefusalRequest { name: name.to_owned() });
        let explained = get("refusals/ALREADY_CAPTURED").unwrap().refusal.unwrap();
        assert_eq!(explained.name, "refusals/ALREADY_CAPTURED");
        assert_eq!(explained.grpc_code, "FAILED_PRECONDITION");
        for (name, code) in [
            ("refusals/NO_SUCH_CODE", Code::RefusalNotFound),
            ("ALREADY_CAPTURED", Code::InvalidRequest),
            ("refusals/", Code::InvalidRequest),
            ("refusals/already_captured", Code::InvalidRequest),
        ] {
            let Err(Failure::Refused(refusal)) = get(name) else { panic!("{name}") };
            assert_eq!(refusal.code, code, "{name}");
        }
    }
}
