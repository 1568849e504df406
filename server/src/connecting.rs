//! Whether the connection to an integration works, for people who set one up.

use std::time::Duration;

use order_proto::v1;
use order_proto::v1::integration::System;
use order_rules::refusals::{Code, Refusal, Violation};
use tokio::time::timeout;

use crate::accounting::{AccountingSystem, Books, is_accounting};
use crate::commands::Failure;
use crate::labels::{self, LabelMaker, Maker, Options};
use crate::links::{Links, Setup, Unusable};
use crate::mail::MailServers;
use crate::providers::{PaymentProvider, Providers, Tested};
use crate::reading::FoundLabel;
use crate::shops::{Integration, Shop};
use crate::vault::Vault;

/// Tests connections; and what integrations may be set up with.
#[derive(Clone, Debug)]
pub(crate) struct Connecting {
    providers: Providers,
    books: Books,
    mail_servers: MailServers,
    links: Links,
}

/// How long a system has to show that it works: less than the ten seconds that callers mostly wait, so
/// that they are told.
const TEST_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a label may take to come.
const LABEL_TIMEOUT: Duration = Duration::from_secs(20);
const DETAIL_CHARACTERS_MAX: usize = 500;

impl Connecting {
    pub(crate) fn new(
        providers: Providers,
        books: Books,
        mail_servers: MailServers,
        links: Links,
    ) -> Self {
        Self { providers, books, mail_servers, links }
    }

    pub(crate) fn vault(&self) -> &Vault {
        self.links.vault()
    }

    pub(crate) fn allows_stand_ins(&self) -> bool {
        self.links.allows_stand_ins()
    }

    pub(crate) fn takes_webhooks(&self) -> bool {
        self.links.takes_webhooks()
    }

    /// Asks the system behind an integration whether it would take a call.
    pub(crate) async fn test(
        &self,
        shop: &Shop,
        integration: &Integration,
    ) -> v1::TestIntegrationResponse {
        let name = shop.integration_name(&integration.row.slug);
        let tested = timeout(TEST_TIMEOUT, self.ask(integration.setup(&name))).await;
        let (state, detail) = match tested.unwrap_or_else(|_| Ok(silent())) {
            Err(problem @ Unusable::CredentialsUnreadable(_)) => {
                (v1::ConnectionState::CredentialsUnreadable, problem.to_string())
            }
            Err(
                problem @ (Unusable::StandInForbidden
                | Unusable::OtherSystem
                | Unusable::WebhooksOff),
            ) => (v1::ConnectionState::Unreachable, problem.to_string()),
            Ok(Tested::Works) => (v1::ConnectionState::Works, String::new()),
            Ok(Tested::CredentialsRefused(word)) => (v1::ConnectionState::CredentialsRefused, word),
            Ok(Tested::Unreachable(word)) => (v1::ConnectionState::Unreachable, word),
            Ok(Tested::UnexpectedAnswer(word)) => (v1::ConnectionState::UnexpectedAnswer, word),
        };
        let detail = detail.chars().take(DETAIL_CHARACTERS_MAX).collect();
        v1::TestIntegrationResponse { state: state.into(), detail }
    }

    async fn ask(&self, setup: Setup<'_>) -> Result<Tested, Unusable> {
        if is_accounting(setup.system) {
            return Ok(self.books.behind(setup)?.test().await);
        }
        match setup.system {
            System::Cargonizer(_) => Ok(labels::behind(&self.links, setup)?.test().await),
            System::Smtp(_) => Ok(self.mail_servers.server(setup)?.test().await),
            _ => Ok(self.providers.behind(setup)?.test().await),
        }
    }

    /// Reads a label as the carrier's system gives it out.
    ///
    /// # Errors
    /// `CARRIER_UNAVAILABLE`.
    pub(crate) async fn label_pdf(&self, found: &FoundLabel) -> Result<Vec<u8>, Failure> {
        let FoundLabel { label, shop, integration } = found;
        let maker = self.label_maker(shop, integration).map_err(|problem| unavailable(&problem))?;
        match timeout(LABEL_TIMEOUT, maker.pdf(&label.consignment_id)).await {
            Ok(Ok(pdf)) => Ok(pdf),
            Ok(Err(decline)) => Err(unavailable(&decline.reason)),
            Err(_) => Err(unavailable(&late(LABEL_TIMEOUT))),
        }
    }

    /// Reads what an integration for labels offers.
    ///
    /// # Errors
    /// `INVALID_REQUEST` when it makes none, `CARRIER_UNAVAILABLE`.
    pub(crate) async fn label_options(
        &self,
        shop: &Shop,
        integration: &Integration,
    ) -> Result<v1::ListLabelOptionsResponse, Failure> {
        if !labels::are_made_by(&integration.system) {
            let description = "must be an integration that makes labels".to_owned();
            let violation = Violation { field: "name".to_owned(), description };
            return Err(Refusal::fields(vec![violation]).into());
        }
        let maker = self.label_maker(shop, integration).map_err(|problem| unavailable(&problem))?;
        match timeout(TEST_TIMEOUT, maker.options()).await {
            Ok(Ok(Options { products, printers })) => {
                Ok(v1::ListLabelOptionsResponse { products, printers })
            }
            Ok(Err(decline)) => Err(unavailable(&decline.reason)),
            Err(_) => Err(unavailable(&late(TEST_TIMEOUT))),
        }
    }

    fn label_maker(&self, shop: &Shop, integration: &Integration) -> Result<Maker, String> {
        let name = shop.integration_name(&integration.row.slug);
        labels::behind(&self.links, integration.setup(&name)).map_err(|problem| problem.to_string())
    }
}

fn unavailable(reason: &str) -> Failure {
    Refusal::new(Code::CarrierUnavailable).with("provider_reason", reason).into()
}

fn late(time: Duration) -> String {
    format!("no answer within {} seconds", time.as_secs())
}

fn silent() -> Tested {
    Tested::Unreachable(late(TEST_TIMEOUT))
}
