//! "Feilmeldinger": every refusal and problem by its stable code.

use crate::order::StatusId;

/// A rule said no, or a problem stands on an order. The name is the contract, for ever.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)+ }

        impl Code {
            /// Every code, in the order of the catalogue.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// The stable name, as in `ErrorInfo.reason`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)+ }
            }

            /// The code of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Code> {
                match name { $($name => Some(Code::$variant),)+ _ => None }
            }
        }
    };
}

codes! {
    // Requests.
    /// One or more fields break their bounds; all are listed at once.
    InvalidRequest = "INVALID_REQUEST",
    RequestIdReused = "REQUEST_ID_REUSED",
    EtagMismatch = "ETAG_MISMATCH",
    PageTokenInvalid = "PAGE_TOKEN_INVALID",
    CursorInvalid = "CURSOR_INVALID",
    /// Older than retention.
    CursorExpired = "CURSOR_EXPIRED",
    /// Ahead of the log, of another epoch, or of a log that was rewritten.
    CursorAhead = "CURSOR_AHEAD",
    ShopNotFound = "SHOP_NOT_FOUND",
    OrderNotFound = "ORDER_NOT_FOUND",
    StatusNotFound = "STATUS_NOT_FOUND",
    StockItemNotFound = "STOCK_ITEM_NOT_FOUND",
    RefusalNotFound = "REFUSAL_NOT_FOUND",
    RevisionNotFound = "REVISION_NOT_FOUND",
    ShopExists = "SHOP_EXISTS",
    StatusExists = "STATUS_EXISTS",
    StockItemExists = "STOCK_ITEM_EXISTS",
    IntegrationNotFound = "INTEGRATION_NOT_FOUND",
    IntegrationExists = "INTEGRATION_EXISTS",
    /// Payments name it, so it stays the system it is.
    IntegrationInUse = "INTEGRATION_IN_USE",
    CredentialsKeyMissing = "CREDENTIALS_KEY_MISSING",
    /// What the integration's system does is only told by webhook, and nobody listens for any.
    WebhooksOff = "WEBHOOKS_OFF",
    ExternalReferenceTaken = "EXTERNAL_REFERENCE_TAKEN",
    // §1 Statuses.
    StatusTagRequired = "STATUS_TAG_REQUIRED",
    StatusTagFixed = "STATUS_TAG_FIXED",
    StatusInUse = "STATUS_IN_USE",
    // §2 Changing a status.
    StatusChangePending = "STATUS_CHANGE_PENDING",
    NoStatusChangePending = "NO_STATUS_CHANGE_PENDING",
    EffectAlreadySent = "EFFECT_ALREADY_SENT",
    NotDelivered = "NOT_DELIVERED",
    /// Open once the order has had a COMPLETED status (2.2).
    NotCompleted = "NOT_COMPLETED",
    PartlyDelivered = "PARTLY_DELIVERED",
    AlreadyCaptured = "ALREADY_CAPTURED",
    RestockRequired = "RESTOCK_REQUIRED",
    ReservationGone = "RESERVATION_GONE",
    ReservationExpired = "RESERVATION_EXPIRED",
    PaymentPending = "PAYMENT_PENDING",
    CreditOrderFinal = "CREDIT_ORDER_FINAL",
    ProblemNotFound = "PROBLEM_NOT_FOUND",
    ProblemNotDismissible = "PROBLEM_NOT_DISMISSIBLE",
    OperationNotFound = "OPERATION_NOT_FOUND",
    OperationNotSent = "OPERATION_NOT_SENT",
    OperationFinal = "OPERATION_FINAL",
    EffectNotRetryable = "EFFECT_NOT_RETRYABLE",
    PaymentNotFound = "PAYMENT_NOT_FOUND",
    /// Its provider gives no account that could be read.
    PaymentNotReadable = "PAYMENT_NOT_READABLE",
    ExtensionDeclined = "EXTENSION_DECLINED",
    /// The provider was asked, and did not answer.
    ProviderUnavailable = "PROVIDER_UNAVAILABLE",
    OrderCancelled = "ORDER_CANCELLED",
    // §3 Clocks.
    WithdrawalTooLate = "WITHDRAWAL_TOO_LATE",
    // §6 Deliveries.
    DeliveryExceedsOrdered = "DELIVERY_EXCEEDS_ORDERED",
    DeliveryNotFound = "DELIVERY_NOT_FOUND",
    /// Its money is captured, or on its way.
    DeliveryCaptured = "DELIVERY_CAPTURED",
    // §6 Labels.
    ShippingAddressIncomplete = "SHIPPING_ADDRESS_INCOMPLETE",
    LabelsNotSetUp = "LABELS_NOT_SET_UP",
    LabelNotFound = "LABEL_NOT_FOUND",
    CarrierUnavailable = "CARRIER_UNAVAILABLE",
    // §4 Crediting.
    CreditExceedsCaptured = "CREDIT_EXCEEDS_CAPTURED",
    /// Only money that was settled by hand is left to pay back (9.3).
    RefundByHand = "REFUND_BY_HAND",
    DuplicateUnresolved = "DUPLICATE_UNRESOLVED",
    DuplicateNotCreditable = "DUPLICATE_NOT_CREDITABLE",
    // §5 Editing.
    /// Of units and prices that money or goods hang on.
    LineFixed = "LINE_FIXED",
    TotalMayNotRise = "TOTAL_MAY_NOT_RISE",
    TotalBelowCaptured = "TOTAL_BELOW_CAPTURED",
    // §3 Notes and mail.
    SellerDetailsMissing = "SELLER_DETAILS_MISSING",
    EmailMissing = "EMAIL_MISSING",
    MailNotFound = "MAIL_NOT_FOUND",
    MailFilesGone = "MAIL_FILES_GONE",
    EffectPending = "EFFECT_PENDING",
    // §2 Transfer to accounting.
    AlreadyTransferred = "ALREADY_TRANSFERRED",
    /// A credit note needs the invoice that it credits (4.5).
    OriginalNotTransferred = "ORIGINAL_NOT_TRANSFERRED",
    /// Neither the caller nor the shop names an accounting integration.
    AccountingNotSetUp = "ACCOUNTING_NOT_SET_UP",
    // Personal data.
    CustomerNotFound = "CUSTOMER_NOT_FOUND",
    MoneyOpen = "MONEY_OPEN",
    // §7 Duplicates.
    DuplicateAlreadyCaptured = "DUPLICATE_ALREADY_CAPTURED",
    /// The orders are no pair of possible duplicates, or not on one payment where that is asked for.
    NotADuplicate = "NOT_A_DUPLICATE",
    /// One purchase, told twice: it cannot be two.
    SamePayment = "SAME_PAYMENT",
    /// The order to keep holds its payment no more.
    KeptOrderCancelled = "KEPT_ORDER_CANCELLED",
    // §8 Deleting.
    MoneyNotCredited = "MONEY_NOT_CREDITED",
    ProblemOpen = "PROBLEM_OPEN",
    ReservationHeld = "RESERVATION_HELD",
    OrderDeleted = "ORDER_DELETED",
    // §9 Placing.
    TotalMismatch = "TOTAL_MISMATCH",
    PaymentInsufficient = "PAYMENT_INSUFFICIENT",
    PaymentMismatch = "PAYMENT_MISMATCH",
    OutOfStock = "OUT_OF_STOCK",
    OrderNumberTaken = "ORDER_NUMBER_TAKEN",
    CreditNumberTaken = "CREDIT_NUMBER_TAKEN",
    // Problems (never refuse a call; stand on an order).
    CaptureDeclined = "CAPTURE_DECLINED",
    VoidDeclined = "VOID_DECLINED",
    ReleaseDeclined = "RELEASE_DECLINED",
    RefundDeclined = "REFUND_DECLINED",
    CaptureReversed = "CAPTURE_REVERSED",
    RefundReversed = "REFUND_REVERSED",
    ChangedAtProvider = "CHANGED_AT_PROVIDER",
    AuthorizationDeclined = "AUTHORIZATION_DECLINED",
    AmountUpdateDeclined = "AMOUNT_UPDATE_DECLINED",
    OutcomeUnknown = "OUTCOME_UNKNOWN",
    /// Certainly not done, and asked for in vain for long.
    OperationDelayed = "OPERATION_DELAYED",
    LedgerDiffers = "LEDGER_DIFFERS",
    /// A credit order is still to be made of it.
    RefundedAtProvider = "REFUNDED_AT_PROVIDER",
    ReservationExpiring = "RESERVATION_EXPIRING",
    Oversold = "OVERSOLD",
    MailDeclined = "MAIL_DECLINED",
    MailUnknown = "MAIL_UNKNOWN",
    MailWaiting = "MAIL_WAITING",
    TransferDeclined = "TRANSFER_DECLINED",
    TransferUnknown = "TRANSFER_UNKNOWN",
    LabelDeclined = "LABEL_DECLINED",
    LabelUnknown = "LABEL_UNKNOWN",
    PrintDeclined = "PRINT_DECLINED",
    PrintUnknown = "PRINT_UNKNOWN",
    // Why nothing is sent to a system.
    IntegrationDisabled = "INTEGRATION_DISABLED",
    IntegrationUnauthorized = "INTEGRATION_UNAUTHORIZED",
    IntegrationUnusable = "INTEGRATION_UNUSABLE",
    // Reasons of a provider; told with the problem of what was declined.
    NotAllowedAtProvider = "NOT_ALLOWED_AT_PROVIDER",
    NotFoundAtProvider = "NOT_FOUND_AT_PROVIDER",
    RejectedByProvider = "REJECTED_BY_PROVIDER",
    FraudRejected = "FRAUD_REJECTED",
    /// The customer has said no, or nothing.
    PaymentNotApproved = "PAYMENT_NOT_APPROVED",
    /// The shop's agreement with the provider does not cover it.
    NotEnabledAtProvider = "NOT_ENABLED_AT_PROVIDER",
    /// The bank behind the reservation has let it go.
    FundsUnavailable = "FUNDS_UNAVAILABLE",
    RefundPeriodOver = "REFUND_PERIOD_OVER",
    UnknownProviderError = "UNKNOWN_PROVIDER_ERROR",
    // Reasons of an accounting system; told with the problem of a transfer.
    VatNotEnabled = "VAT_NOT_ENABLED",
    PaymentTypeMissing = "PAYMENT_TYPE_MISSING",
    BankAccountMissing = "BANK_ACCOUNT_MISSING",
    CustomerCannotReceive = "CUSTOMER_CANNOT_RECEIVE",
    BooksLocked = "BOOKS_LOCKED",
    BooksDiffer = "BOOKS_DIFFER",
    CreditedInBooks = "CREDITED_IN_BOOKS",
    CurrencyNotEnabled = "CURRENCY_NOT_ENABLED",
    RejectedByAccounting = "REJECTED_BY_ACCOUNTING",
    TransportAgreementInvalid = "TRANSPORT_AGREEMENT_INVALID",
    CarrierLicenceSpent = "CARRIER_LICENCE_SPENT",
    PrinterUnavailable = "PRINTER_UNAVAILABLE",
    // The service.
    QueueFull = "QUEUE_FULL",
    Unavailable = "UNAVAILABLE",
    DeadlineExceeded = "DEADLINE_EXCEEDED",
    Internal = "INTERNAL",
}

/// A rule said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    /// Named values for the catalogue's text and for programs; no personal data.
    pub details: Vec<(&'static str, String)>,
    /// Statuses among them, which callers know by other names than the rules do: told first.
    pub statuses: Vec<(&'static str, StatusId)>,
    /// Wrong fields, all at once; only with [`Code::InvalidRequest`] and its like.
    pub violations: Vec<Violation>,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path from the request, e.g. `order.lines[2].quantity`.
    pub field: String,
    /// What is wrong, in English, without the value.
    pub description: String,
}

impl Refusal {
    /// A refusal without details.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self { code, details: Vec::new(), statuses: Vec::new(), violations: Vec::new() }
    }

    /// Adds a named value.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers make the value on the spot")]
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.details.push((key, value.to_string()));
        self
    }

    /// Adds a status of the shop.
    #[must_use]
    pub fn with_status(mut self, key: &'static str, status: StatusId) -> Self {
        self.statuses.push((key, status));
        self
    }

    /// The refusal with each status by the name that callers know; one that has none is not told.
    #[must_use]
    pub fn with_names(mut self, name: impl Fn(StatusId) -> Option<String>) -> Self {
        let statuses = std::mem::take(&mut self.statuses).into_iter();
        let named = statuses.filter_map(|(key, status)| name(status).map(|name| (key, name)));
        self.details.splice(0..0, named);
        self
    }

    /// The refusal that lists every wrong field.
    #[must_use]
    pub fn fields(violations: Vec<Violation>) -> Self {
        Self { violations, ..Self::new(Code::InvalidRequest) }
    }
}
