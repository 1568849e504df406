//! Reads payments at their providers, for whoever asks and by itself, and has them compared with the
//! ledger.

pub(crate) mod rounds;

use std::time::Duration;

use order_rules::payments::Payment;
use order_rules::reconciling::{Account, Mark, Statement, mark};
use order_rules::refusals::{Code, Refusal};
use tokio::time::timeout;
use uuid::Uuid;

use crate::commands::Failure;
use crate::effects::operation_key;
use crate::links::Trail;
use crate::providers::{
    Decline, Extension, PaymentProvider, Provider, Providers, Reading as ProviderReading,
};
use crate::reading::Reading;
use crate::store::rows::key;
use crate::turns::Turns;

/// Asks providers about payments; clones share everything.
#[derive(Clone)]
pub(crate) struct Reconciling {
    turns: Turns,
    reading: Reading,
    providers: Providers,
}

/// A payment of an order, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PaymentOf {
    /// Last part of the shop's name.
    pub shop: String,
    pub order: i64,
    pub payment: i64,
}

/// Why there is no account.
#[derive(Clone, Debug)]
pub(crate) enum Unread {
    /// The provider does not answer: later. With its words, where it has said any.
    Silent { provider: String, reason: String },
    /// It tells nothing, and will not before something is done about it.
    Refused(Refusal),
    /// Nobody could be asked.
    Failed(Failure),
}

/// How long a provider has to answer a read.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
const EXTEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Keys of extensions are of this name space.
const KEYS: Uuid = Uuid::from_u128(0x3d60_b7f2_5e18_4c95_9a0e_6b1d_c824_f7a1);

impl Reconciling {
    pub(crate) fn new(turns: Turns, reading: Reading, providers: Providers) -> Self {
        Self { turns, reading, providers }
    }

    /// The provider's account of a payment, and how far the ledger had come before it was asked.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn read(&self, of: &PaymentOf) -> Result<(Account, Mark), Unread> {
        let payment = self.payment(of).await?;
        self.account(&of.shop, &payment).await.map(|account| (account, mark(&payment)))
    }

    /// The provider's account of this payment.
    async fn account(&self, shop: &str, payment: &Payment) -> Result<Account, Unread> {
        let (shop_id, provider) = self.provider(shop, payment).await?;
        let read = timeout(READ_TIMEOUT, provider.read(&payment.reference)).await;
        match read.unwrap_or(ProviderReading::NoAnswer { after: None }) {
            ProviderReading::Statement(statement) => {
                let is_shared = match statement.captured_minor > payment.sums().captured {
                    true => is_shared((shop, shop_id), payment, &provider).await?,
                    false => false,
                };
                Ok(Account::Stated(Statement { is_shared, ..statement }))
            }
            ProviderReading::Declined(no) if no.code == Code::NotFoundAtProvider => {
                Ok(Account::Unknown)
            }
            ProviderReading::Declined(Decline { code, reason }) => {
                Err(Unread::Refused(not_readable(payment, code, reason)))
            }
            ProviderReading::Held(hold) => {
                Err(Unread::Refused(not_readable(payment, hold.code, hold.reason)))
            }
            ProviderReading::NoAnswer { .. } => Err(silent(payment, &provider)),
            ProviderReading::Untold => Err(Unread::Refused(
                Refusal::new(Code::PaymentNotReadable).with("provider", &payment.provider.0),
            )),
        }
    }

    /// Whether nothing of ours is under way on the payment: before that no account says anything.
    pub(crate) async fn is_at_rest(&self, of: &PaymentOf) -> Result<bool, Failure> {
        let payment = self.payment(of).await?;
        Ok(!payment.operations.iter().any(|operation| operation.state.is_claimed()))
    }

    /// Asks the provider to hold the reservation longer, once per command.
    ///
    /// # Errors
    /// `EXTENSION_DECLINED`, `PAYMENT_NOT_READABLE`, `PROVIDER_UNAVAILABLE`.
    pub(crate) async fn extend(&self, of: &PaymentOf, command: Uuid) -> Result<(), Failure> {
        let payment = self.payment(of).await?;
        let (_, provider) = self.provider(&of.shop, &payment).await?;
        let name = format!("{}/{}/{command}", of.shop, payment.reference);
        let key = Uuid::new_v5(&KEYS, name.as_bytes());
        let declined = |reason: String| {
            Refusal::new(Code::ExtensionDeclined)
                .with("provider", &payment.provider.0)
                .with("provider_reason", reason)
        };
        let asked = timeout(EXTEND_TIMEOUT, provider.extend(&payment.reference, key)).await;
        match asked.unwrap_or(Extension::NoAnswer) {
            Extension::Extended => Ok(()),
            Extension::Declined(no) => Err(declined(no.reason).into()),
            Extension::Unsupported => {
                Err(declined("the provider extends no reservations".to_owned()).into())
            }
            Extension::Held(hold) => Err(not_readable(&payment, hold.code, hold.reason).into()),
            Extension::NoAnswer => Err(silent(&payment, &provider).into()),
        }
    }

    /// The payment as the ledger has it.
    async fn payment(&self, of: &PaymentOf) -> Result<Payment, Failure> {
        self.turns.payment(&of.shop, of.order, of.payment).await
    }

    /// With the id of the shop.
    async fn provider(&self, shop: &str, payment: &Payment) -> Result<(i64, Provider), Unread> {
        let (shop, integration) = self.reading.integration(shop, &payment.provider.0).await?;
        if integration.row.is_disabled {
            let refusal = not_readable(payment, Code::IntegrationDisabled, String::new());
            return Err(Unread::Refused(refusal));
        }
        let name = shop.integration_name(&integration.row.slug);
        let provider = self.providers.behind(integration.setup(&name)).map_err(|problem| {
            Unread::Refused(not_readable(payment, Code::IntegrationUnusable, problem.to_string()))
        })?;
        Ok((shop.row.shop_id, provider))
    }
}

/// Whether another service like this one, or another shop or integration of this one, has captured under
/// a key of its own.
async fn is_shared(
    (shop, shop_id): (&str, i64),
    payment: &Payment,
    provider: &Provider,
) -> Result<bool, Unread> {
    let read = timeout(READ_TIMEOUT, provider.capture_keys(&payment.reference)).await;
    let Some(captured) = read.ok().flatten() else { return Err(silent(payment, provider)) };
    let names = (shop, payment.provider.0.as_str(), payment.reference.as_str());
    let own: Vec<Uuid> = payment
        .operations
        .iter()
        .map(|one| operation_key(names, (key(shop_id, one.id), one.requested_at.0)))
        .collect();
    Ok(!captured.iter().all(|key| own.contains(key)))
}

fn silent(payment: &Payment, provider: &Provider) -> Unread {
    let reason = provider.trail().and_then(Trail::words);
    Unread::Silent { provider: payment.provider.0.clone(), reason: reason.unwrap_or_default() }
}

fn not_readable(payment: &Payment, code: Code, reason: String) -> Refusal {
    Refusal::new(Code::PaymentNotReadable)
        .with("provider", &payment.provider.0)
        .with("reason", code.name())
        .with("provider_reason", reason)
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Silent { provider, reason } => {
                let refusal = Refusal::new(Code::ProviderUnavailable).with("provider", provider);
                if reason.is_empty() {
                    return refusal.into();
                }
                refusal.with("provider_reason", reason).into()
            }
            Unread::Refused(refusal) => refusal.into(),
            Unread::Failed(failure) => failure,
        }
    }
}
