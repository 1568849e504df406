//! Whether the connection to an integration works, for people who set one up.

use std::time::Duration;

use order_proto::v1;
use tokio::time::timeout;

use crate::accounting::{AccountingSystem, Books, is_accounting};
use crate::links::{Links, Setup, Unusable};
use crate::providers::{PaymentProvider, Providers, Tested};
use crate::shops::{Integration, Shop};
use crate::vault::Vault;

/// Tests connections; and what integrations may be set up with.
#[derive(Clone, Debug)]
pub(crate) struct Connecting {
    providers: Providers,
    books: Books,
    links: Links,
}

/// How long a system has to show that it works.
const TEST_TIMEOUT: Duration = Duration::from_secs(10);
const DETAIL_CHARACTERS_MAX: usize = 500;

impl Connecting {
    pub(crate) fn new(providers: Providers, books: Books, links: Links) -> Self {
        Self { providers, books, links }
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
            Err(problem @ Unusable::CredentialsUnreadable) => {
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
        Ok(self.providers.behind(setup)?.test().await)
    }
}

fn silent() -> Tested {
    Tested::Unreachable(format!("no answer within {} seconds", TEST_TIMEOUT.as_secs()))
}
