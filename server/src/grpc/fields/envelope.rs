//! What every mutation carries beside its content: who, under which id, whether only asked, how long
//! to wait.

use std::time::Duration;

use order_proto::v1;
use prost::Message;
use uuid::Uuid;

use super::Fields;
use crate::commands::{self, Assignment, Command, Failure};
use crate::grpc::caller::Caller;

/// The longest that an answer waits for effects.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A request that changes something.
pub(crate) trait Mutation: Message {
    const METHOD: &str;

    /// Takes out what is not part of the content.
    fn take_envelope(&mut self) -> Asked;
}

/// How a mutation is asked for, unchecked.
#[derive(Debug)]
pub(crate) struct Asked {
    request_id: String,
    validate_only: bool,
    wait: Option<prost_types::Duration>,
}

/// How a mutation is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) caller: commands::Caller,
    /// Nothing is stored: the answer is what would be.
    pub(crate) validate_only: bool,
    /// Zero: the answer comes as soon as the command is durable.
    pub(crate) wait: Duration,
    /// Size of the content.
    bytes: usize,
}

/// A checked command with how it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) assignment: Assignment,
    pub(crate) validate_only: bool,
    pub(crate) wait: Duration,
}

impl Fields {
    /// Takes the envelope off a request, so that what is left is its content.
    pub(crate) fn envelope<Request: Mutation>(
        &mut self,
        request: &mut Request,
        caller: &Caller,
    ) -> Envelope {
        let Asked { request_id, validate_only, wait } = request.take_envelope();
        let caller = commands::Caller {
            actor: caller.actor(self),
            request_id: self.request_id(&request_id),
            content: digest(request),
        };
        let wait = self.duration("wait", wait, Duration::ZERO..=WAIT_MAX, Duration::ZERO);
        Envelope { caller, validate_only, wait, bytes: request.encoded_len() }
    }

    fn request_id(&mut self, text: &str) -> Uuid {
        if text.is_empty() {
            return Uuid::now_v7();
        }
        match Uuid::try_parse(text) {
            Ok(id) if !id.is_nil() => id,
            _ => {
                self.refuse("request_id", "must be a UUID");
                Uuid::nil()
            }
        }
    }
}

impl Envelope {
    /// The command of a shop, once every field is right.
    ///
    /// # Errors
    /// `INVALID_REQUEST` with every wrong field.
    pub(crate) fn finish(
        self,
        fields: Fields,
        shop: String,
        command: Command,
    ) -> Result<Asking, Failure> {
        let Self { caller, validate_only, wait, bytes } = self;
        fields.finish()?;
        Ok(Asking { assignment: Assignment { shop, caller, command, bytes }, validate_only, wait })
    }
}

/// Digest of the method and the content of a request, in which the shop is named. Maps are encoded in
/// the order of their keys, so equal requests have equal digests.
pub(crate) fn digest<Request: Mutation>(content: &Request) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(Request::METHOD.as_bytes());
    hasher.update(&[0]);
    hasher.update(&content.encode_to_vec());
    *hasher.finalize().as_bytes()
}

macro_rules! mutations {
    ($($method:literal $request:ident $(, $wait:ident)?;)+) => {
        $(impl Mutation for v1::$request {
            const METHOD: &str = $method;

            fn take_envelope(&mut self) -> Asked {
                Asked {
                    request_id: std::mem::take(&mut self.request_id),
                    validate_only: std::mem::take(&mut self.validate_only),
                    wait: None$(.or(self.$wait.take()))?,
                }
            }
        })+
    };
}

mutations! {
    "CreateOrder" CreateOrderRequest, wait;
    "UpdateOrder" UpdateOrderRequest;
    "ChangeOrderStatus" ChangeOrderStatusRequest, wait;
    "BatchChangeOrderStatus" BatchChangeOrderStatusRequest, wait;
    "WithdrawStatusChange" WithdrawStatusChangeRequest;
    "AttachPayment" AttachPaymentRequest, wait;
    "DismissProblem" DismissProblemRequest;
    "RetryEffect" RetryEffectRequest, wait;
    "SettlePaymentOperation" SettlePaymentOperationRequest;
    "ReconcilePayment" ReconcilePaymentRequest, wait;
    "ExtendReservation" ExtendReservationRequest;
    "DeliverOrder" DeliverOrderRequest, wait;
    "CancelDelivery" CancelDeliveryRequest;
    "ConfirmArrival" ConfirmArrivalRequest;
    "RecordWithdrawal" RecordWithdrawalRequest;
    "CreditOrder" CreditOrderRequest, wait;
    "ResolveDuplicate" ResolveDuplicateRequest, wait;
    "DismissDuplicate" DismissDuplicateRequest;
    "EditOrder" EditOrderRequest, wait;
    "DeleteOrder" DeleteOrderRequest;
    "AddOrderNote" AddOrderNoteRequest;
    "ResendMail" ResendMailRequest;
    "TransferOrderToAccounting" TransferOrderToAccountingRequest, wait;
    "PrintOrderLabel" PrintOrderLabelRequest, wait;
    "EraseCustomer" EraseCustomerRequest;
    "CreateOrderStatus" CreateOrderStatusRequest;
    "UpdateOrderStatus" UpdateOrderStatusRequest;
    "DeleteOrderStatus" DeleteOrderStatusRequest;
    "CreateIntegration" CreateIntegrationRequest;
    "UpdateIntegration" UpdateIntegrationRequest;
    "CreateShop" CreateShopRequest;
    "UpdateShop" UpdateShopRequest;
    "CreateStockItem" CreateStockItemRequest;
    "AdjustStock" AdjustStockRequest;
}
