//! The catalogue of refusals: every code, with its cause and remedy, in both languages.

use order_rules::refusals::Code;
use order_sdk::proto::{self, Actor};

use crate::harness::{World, refused, wrong_fields};

trials! {
    shared: [
        every_code_has_a_page_in_both_languages,
        a_refusal_says_what_its_page_says_in_the_callers_language,
        an_unknown_code_is_not_found,
    ];
}

impl World {
    async fn refusals(&self) -> Vec<proto::Refusal> {
        let answer = self.client.list_refusals(proto::ListRefusalsRequest {}).await;
        answer.unwrap().refusals
    }

    async fn page(&self, code: &str) -> Result<proto::GetRefusalResponse, order_sdk::Error> {
        let request = proto::GetRefusalRequest { name: format!("refusals/{code}") };
        self.client.get_refusal(request).await
    }
}

async fn every_code_has_a_page_in_both_languages(world: World) {
    let pages = world.refusals().await;
    let codes: Vec<&str> = pages.iter().map(|page| page.code.as_str()).collect();
    let known: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(codes, known, "in the order of the catalogue");
    for page in pages {
        assert_eq!(page.name, format!("refusals/{}", page.code));
        assert_ne!(page.actor(), Actor::Unspecified, "{}", page.code);
        for language in ["en", "nb"] {
            let text = &page.texts[language];
            for text in [&text.title, &text.cause, &text.remedy] {
                assert!(text.len() > 5, "{} in {language}", page.code);
            }
        }
        assert_ne!(page.texts["en"], page.texts["nb"], "{}", page.code);
        let read = world.page(&page.code).await.unwrap().refusal.unwrap();
        assert_eq!(read, page);
    }
}

async fn a_refusal_says_what_its_page_says_in_the_callers_language(world: World) {
    let page = world.page("ORDER_NOT_FOUND").await.unwrap().refusal.unwrap();
    assert_eq!((page.grpc_code.as_str(), page.retryable), ("NOT_FOUND", false));
    let request = proto::GetOrderRequest {
        name: world.shop.order(7).unwrap().into(),
        ..proto::GetOrderRequest::default()
    };
    for (asked, answered) in [("nb-NO", "nb"), ("en", "en"), ("de", "en")] {
        let client = world.client.with_language(asked).unwrap();
        let refusal = refused(client.get_order(request.clone()).await, Code::OrderNotFound);
        let text = &page.texts[answered];
        let told = format!("{} {}", refusal.cause.unwrap(), refusal.remedy.unwrap());
        assert!(told.contains(&text.cause), "{asked}: {told}");
        assert!(told.contains(&text.remedy), "{asked}: {told}");
        assert_eq!(refusal.grpc_code, order_sdk::Code::NotFound);
        assert_eq!(refusal.resource.as_deref(), Some(request.name.as_str()));
        assert!(refusal.help.iter().any(|link| link.url.contains("ORDER_NOT_FOUND")));
    }
}

async fn an_unknown_code_is_not_found(world: World) {
    refused(world.page("NO_SUCH_CODE").await, Code::RefusalNotFound);
    let malformed = proto::GetRefusalRequest { name: "ORDER_NOT_FOUND".to_owned() };
    let outcome = world.client.get_refusal(malformed).await;
    assert_eq!(wrong_fields(outcome), ["name"]);
}
