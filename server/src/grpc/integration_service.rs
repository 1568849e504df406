//! `IntegrationService`: the systems outside that a shop works with.

use order_proto::v1;
use tonic::{Request, Response, Status};

use super::Edge;
use super::caller::Caller;
use super::fields::envelope::Asking;
use super::fields::integrations::{self, Ground};
use super::stubs::integration_service_server::IntegrationService;
use crate::commands::{Command, Failure};

/// Serves integrations.
#[derive(Clone)]
pub(super) struct Integrations {
    edge: Edge,
}

impl Integrations {
    pub(super) fn new(edge: &Edge) -> Self {
        Self { edge: edge.clone() }
    }

    /// What a stated integration is checked on, with the keys of this moment.
    async fn ground(&self) -> Ground<'_> {
        let connecting = &self.edge.connecting;
        connecting.vault().refreshed().await;
        Ground {
            vault: connecting.vault(),
            stand_ins: connecting.allows_stand_ins(),
            webhooks: connecting.takes_webhooks(),
        }
    }

    /// The integration as the command would make it.
    async fn foreseen(&self, asking: &Asking) -> Result<v1::Integration, Failure> {
        let shop = &asking.assignment.shop;
        match &asking.assignment.command {
            Command::CreateIntegration(command) => Ok(integrations::created(shop, command)),
            Command::UpdateIntegration(command) => {
                let (_, known) = self.edge.reading.integration(shop, &command.slug).await?;
                let message = self.edge.reading.integration_message(shop, &command.slug).await?;
                let disabled = match command.paths.iter().any(|path| path == "disabled") {
                    true => command.stated.disabled,
                    false => message.disabled,
                };
                Ok(v1::Integration { disabled, system: Some(command.applied(&known)?), ..message })
            }
            _ => Ok(v1::Integration::default()),
        }
    }

    /// Has a command carried out, and answers the integration as it is then, or would be.
    async fn changed(
        &self,
        asking: Asking,
        caller: &Caller,
    ) -> Result<(v1::Integration, v1::Receipt), Failure> {
        let slug = match &asking.assignment.command {
            Command::CreateIntegration(command) => command.slug.clone(),
            Command::UpdateIntegration(command) => command.slug.clone(),
            _ => String::new(),
        };
        if asking.validate_only {
            let integration = self.foreseen(&asking).await?;
            let done = self.edge.carry_out(asking, caller).await?;
            return Ok((integration, done.receipt));
        }
        let shop = asking.assignment.shop.clone();
        let done = self.edge.carry_out(asking, caller).await?;
        Ok((self.edge.reading.integration_message(&shop, &slug).await?, done.receipt))
    }
}

#[tonic::async_trait]
impl IntegrationService for Integrations {
    async fn list_integrations(
        &self,
        request: Request<v1::ListIntegrationsRequest>,
    ) -> Result<Response<v1::ListIntegrationsResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let shop = integrations::list_integrations(request)?;
            let integrations = self.edge.reading.integrations(&shop).await?;
            Ok(v1::ListIntegrationsResponse { integrations })
        };
        caller.reply(outcome.await)
    }

    async fn get_integration(
        &self,
        request: Request<v1::GetIntegrationRequest>,
    ) -> Result<Response<v1::GetIntegrationResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let name = integrations::one_integration(&request.name)?;
            let integration = self.edge.reading.integration_message(&name.shop, &name.part).await?;
            Ok(v1::GetIntegrationResponse { integration: Some(integration) })
        };
        caller.reply(outcome.await)
    }

    async fn create_integration(
        &self,
        request: Request<v1::CreateIntegrationRequest>,
    ) -> Result<Response<v1::CreateIntegrationResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let asking = integrations::create_integration(request, &caller, self.ground().await)?;
            let (integration, receipt) = self.changed(asking, &caller).await?;
            let integration = Some(integration);
            Ok(v1::CreateIntegrationResponse { integration, receipt: Some(receipt) })
        };
        caller.reply(outcome.await)
    }

    async fn update_integration(
        &self,
        request: Request<v1::UpdateIntegrationRequest>,
    ) -> Result<Response<v1::UpdateIntegrationResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let asking = integrations::update_integration(request, &caller, self.ground().await)?;
            let (integration, receipt) = self.changed(asking, &caller).await?;
            let integration = Some(integration);
            Ok(v1::UpdateIntegrationResponse { integration, receipt: Some(receipt) })
        };
        caller.reply(outcome.await)
    }

    async fn test_integration(
        &self,
        request: Request<v1::TestIntegrationRequest>,
    ) -> Result<Response<v1::TestIntegrationResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let name = integrations::one_integration(&request.name)?;
            let (shop, integration) = self.edge.reading.integration(&name.shop, &name.part).await?;
            Ok(self.edge.connecting.test(&shop, &integration).await)
        };
        caller.reply(outcome.await)
    }

    async fn list_label_options(
        &self,
        request: Request<v1::ListLabelOptionsRequest>,
    ) -> Result<Response<v1::ListLabelOptionsResponse>, Status> {
        let (caller, request) = Caller::split(request);
        let outcome = async {
            let name = integrations::one_integration(&request.name)?;
            let (shop, integration) = self.edge.reading.integration(&name.shop, &name.part).await?;
            self.edge.connecting.label_options(&shop, &integration).await
        };
        caller.reply(outcome.await)
    }
}
