//! The edge: who may say what to the service over gRPC, and how it is answered.

mod about;
mod batches;
mod bounded;
pub(crate) mod caller;
pub(crate) mod connections;
mod erasing;
pub(crate) mod errors;
pub(crate) mod fields;
mod guard;
pub(crate) mod health;
mod integration_service;
mod order_service;
mod order_status_service;
mod reconciling;
mod refusal_service;
mod shop_service;
mod stock_service;
mod streams;

use bytes::Bytes;
use order_proto::{DESCRIPTOR, v1};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_reflection::server::{Builder as Reflection, Error as ReflectionFailure};

use crate::commands::{Answer, Awaits, Failure};
use crate::connecting::Connecting;
use crate::feed::Feed;
use crate::mail::MailService;
use crate::reading::Reading;
use crate::reconciling::Reconciling;
use crate::turns::Turns;
use crate::verifying::Verifying;
use bounded::BoundedOrders;
use caller::Caller;
use fields::envelope::Asking;
use fields::lists::OneOrder;
use fields::names;
use fields::notes::ATTACHMENT_BYTES_MAX;
use health::Health;
use integration_service::Integrations;
use order_service::Orders;
use order_status_service::OrderStatuses;
use refusal_service::Refusals;
use shop_service::Shops;
use stock_service::Stock;
use stubs::integration_service_server::IntegrationServiceServer;
use stubs::order_service_server::OrderServiceServer;
use stubs::order_status_service_server::OrderStatusServiceServer;
use stubs::refusal_service_server::RefusalServiceServer;
use stubs::shop_service_server::ShopServiceServer;
use stubs::stock_service_server::StockServiceServer;

/// The largest request, in bytes. An order of 500 lines with the longest texts is half of it.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// The largest note with its files.
const NOTE_BYTES_MAX: usize = ATTACHMENT_BYTES_MAX + REQUEST_BYTES_MAX;

/// What the services stand on.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) turns: Turns,
    pub(crate) reading: Reading,
    pub(crate) feed: Feed,
    pub(crate) verifying: Verifying,
    pub(crate) connecting: Connecting,
    pub(crate) reconciling: Reconciling,
    /// Where no mail server is set up it keeps what it sent.
    pub(crate) mail: MailService,
    /// Cancelled when the service stops: nothing waits for effects any longer.
    pub(crate) stopping: CancellationToken,
}

/// What became of a command, as its answer tells it.
#[derive(Debug)]
struct Done {
    /// The order it is about, encoded.
    order: Vec<Bytes>,
    /// The credit order it made, if it did.
    credit_order: Vec<Bytes>,
    receipt: v1::Receipt,
    already_exists: bool,
    /// What a comparison with a provider's account came to, if it was one.
    reconciliation: Option<v1::Reconciliation>,
}

impl Edge {
    /// Has a command carried out, or only asked, and waits for its effects as long as the caller
    /// wishes.
    async fn carry_out(&self, asking: Asking, caller: &Caller) -> Result<Done, Failure> {
        let Asking { assignment, validate_only, wait } = asking;
        let awaits = assignment.command.awaits();
        let shop = assignment.shop.clone();
        let request_id = assignment.caller.request_id.to_string();
        let answer = if validate_only {
            self.turns.preview(assignment).await?
        } else {
            self.turns.submit(assignment, caller.deadline()).await?
        };
        let reconciliation = answer.reconciliation;
        let Answer { mut order, number, mut credit_order, revision, replayed, plan, .. } = answer;
        // Only what reached for the outside world, now or the first time, can be under way.
        let has_operations = plan.iter().any(|effect| {
            effect.kind() != v1::OperationKind::Unspecified
                || (awaits == Awaits::Labels && effect.label() != v1::LabelWork::Unspecified)
        });
        let may_wait = answer.is_waiting || replayed || answer.already_exists || has_operations;
        let mut settled = !validate_only && !may_wait;
        if let Some(number) = number.filter(|_| !validate_only && may_wait && !wait.is_zero()) {
            let later = self.turns.settled(&shop, number.0, (caller.patience(wait), &awaits));
            match self.stopping.run_until_cancelled(later).await {
                Some(Ok(later)) => (order, settled) = later,
                // The command is durable: that comes before what became of its effects.
                Some(Err(failure)) => tracing::warn!(?failure, "effects could not be waited for"),
                None => {}
            }
        }
        if let Some(number) = number.filter(|_| order.is_empty()) {
            // A repeat: what it did then is known, the order is read as it is now.
            let of = names::OrderName { shop: shop.clone(), number: number.0 };
            let wanted = OneOrder { of, as_of_revision: 0, shows_deleted: true };
            order = self.reading.order(&wanted).await?;
        }
        if let Some(credit) = answer.credit.filter(|_| credit_order.is_empty()) {
            let of = names::OrderName { shop: shop.clone(), number: credit.0 };
            let wanted = OneOrder { of, as_of_revision: 0, shows_deleted: true };
            credit_order = self.reading.order(&wanted).await?;
        }
        let other_orders = answer.other_orders.iter();
        let other_orders = other_orders.map(|other| names::order_name(&shop, other.0)).collect();
        let receipt = v1::Receipt { request_id, revision, replayed, plan, settled, other_orders };
        let already_exists = answer.already_exists;
        Ok(Done { order, credit_order, receipt, already_exists, reconciliation })
    }
}

/// The services of the contract, generated for answers that are sent as they are stored.
#[expect(
    unused_qualifications,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::doc_markdown,
    clippy::too_many_lines,
    reason = "generated code"
)]
pub(crate) mod stubs {
    tonic::include_proto!("orders.v1");
}

/// All services, with health and reflection.
///
/// # Errors
/// When the contract built into this binary cannot be read.
pub(crate) fn routes(edge: &Edge, health: &Health) -> Result<Routes, ReflectionFailure> {
    macro_rules! limited {
        ($server:ident, $service:expr) => {
            $server::new($service).max_decoding_message_size(REQUEST_BYTES_MAX)
        };
    }
    let reflection = || {
        Reflection::configure()
            .register_encoded_file_descriptor_set(DESCRIPTOR)
            .register_encoded_file_descriptor_set(health::DESCRIPTOR)
    };
    let orders = BoundedOrders {
        ordinary: limited!(OrderServiceServer, Orders::new(edge)),
        with_files: OrderServiceServer::new(Orders::new(edge))
            .max_decoding_message_size(NOTE_BYTES_MAX),
    };
    let routes = Routes::new(orders)
        .add_service(limited!(OrderStatusServiceServer, OrderStatuses::new(edge)))
        .add_service(limited!(IntegrationServiceServer, Integrations::new(edge)))
        .add_service(limited!(ShopServiceServer, Shops::new(edge)))
        .add_service(limited!(StockServiceServer, Stock::new(edge)))
        .add_service(limited!(RefusalServiceServer, Refusals))
        .add_service(health.server())
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok(routes.prepare())
}
