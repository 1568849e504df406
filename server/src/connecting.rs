//! Whether the connection to an integration works, for people who set one up.

use std::time::Duration;

use order_proto::v1;
use tokio::time::timeout;

use crate::links::{Links, Unusable};
use crate::providers::{PaymentProvider, Providers, Tested};
use crate::shops::{Integration, Shop};
use crate::vault::Vault;

/// Tests connections; and what integrations may be set up with.
#[derive(Clone, Debug)]
pub(crate) struct Connecting {
    providers: Providers,
    links: Links,
}

/// How long a system has to show that it works.
const TEST_TIMEOUT: Duration = Duration::from_secs(10);
const DETAIL_CHARACTERS_MAX: usize = 500;

impl Connecting {
    pub(crate) fn new(providers: Providers, links: Links) -> Self {
        Self { providers, links }
    }

    pub(crate) fn vault(&self) -> &Vault {
        self.links.vault()
    }

    pub(crate) fn allows_stand_ins(&self) -> bool {
        self.links.allows_stand_ins()
    }

    /// Asks the system behind an integration whether it would take a call.
    pub(crate) async fn test(
        &self,
        shop: &Shop,
        integration: &Integration,
    ) -> v1::TestIntegrationResponse {
        let name = shop.integration_name(&integration.row.slug);
        let (state, detail) = match self.providers.behind(integration.setup(&name)) {
            Err(problem @ Unusable::CredentialsUnreadable) => {
                (v1::ConnectionState::CredentialsUnreadable, problem.to_string())
            }
            Err(problem @ Unusable::StandInForbidden) => {
                (v1::ConnectionState::Unreachable, problem.to_string())
            }
            Ok(system) => match timeout(TEST_TIMEOUT, system.test())
                .await
                .unwrap_or_else(|_| silent())
            {
                Tested::Works => (v1::ConnectionState::Works, String::new()),
                Tested::CredentialsRefused(word) => (v1::ConnectionState::CredentialsRefused, word),
                Tested::Unreachable(word) => (v1::ConnectionState::Unreachable, word),
                Tested::UnexpectedAnswer(word) => (v1::ConnectionState::UnexpectedAnswer, word),
            },
        };
        let detail = detail.chars().take(DETAIL_CHARACTERS_MAX).collect();
        v1::TestIntegrationResponse { state: state.into(), detail }
    }
}

fn silent() -> Tested {
    Tested::Unreachable(format!("no answer within {} seconds", TEST_TIMEOUT.as_secs()))
}
