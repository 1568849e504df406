//! The catalogue of refusals and problems: one page per code, from `server/refusals/`.

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use order_rules::refusals::Code;

/// What a code means to a program and to people.
#[derive(Debug)]
pub(crate) struct Page {
    /// The gRPC code a refused call ends with; `None` for a problem that only stands on an order.
    pub(crate) grpc: Option<tonic::Code>,
    /// The same call may succeed if simply made again.
    pub(crate) retryable: bool,
    pub(crate) actor: Actor,
    /// One per language of [`LANGUAGES`], in that order.
    pub(crate) texts: Vec<Text>,
}

/// Who must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// The program that called, or its author.
    Caller,
    /// The shop's staff.
    Staff,
    /// Whoever runs the service.
    Operator,
}

/// What a code says in one language.
#[derive(Debug)]
pub(crate) struct Text {
    /// One of [`LANGUAGES`].
    pub(crate) language: &'static str,
    /// One line.
    pub(crate) title: &'static str,
    pub(crate) cause: &'static str,
    pub(crate) remedy: &'static str,
}

/// The languages of every page; the first is what others fall back to.
pub(crate) const LANGUAGES: [&str; 2] = ["en", "nb"];

/// The text of a code in the language a caller prefers, by an `accept-language` header such as
/// `nb-NO,nb;q=0.9,en;q=0.8`. English when the header is empty or names no language we have.
pub(crate) fn text(code: Code, accept_language: &str) -> &'static Text {
    static EMPTY: Text = Text { language: "en", title: "", cause: "", remedy: "" };
    let texts = &page(code).texts;
    let wanted = preferred_language(accept_language);
    texts.iter().find(|text| text.language == wanted).or_else(|| texts.first()).unwrap_or(&EMPTY)
}

/// Makes `page` (and for the tests `source`) from one list of codes and their files.
macro_rules! pages {
    ($($variant:ident = $name:literal,)+) => {
        /// The page of a code. A code without a page does not build.
        pub(crate) fn page(code: Code) -> &'static Page {
            match code {
                $(Code::$variant => {
                    static PAGE: LazyLock<Page> = LazyLock::new(|| {
                        let source = include_str!(concat!("../refusals/", $name, ".md"));
                        parse(source)
                    });
                    &PAGE
                })+
            }
        }

        /// The file a page comes from, and what is in it.
        #[cfg(test)]
        fn source(code: Code) -> (&'static str, &'static str) {
            match code {
                $(Code::$variant => {
                    ($name, include_str!(concat!("../refusals/", $name, ".md")))
                })+
            }
        }
    };
}

pages! {
    InvalidRequest = "INVALID_REQUEST",
    RequestIdReused = "REQUEST_ID_REUSED",
    EtagMismatch = "ETAG_MISMATCH",
    PageTokenInvalid = "PAGE_TOKEN_INVALID",
    CursorInvalid = "CURSOR_INVALID",
    CursorExpired = "CURSOR_EXPIRED",
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
    IntegrationInUse = "INTEGRATION_IN_USE",
    CredentialsKeyMissing = "CREDENTIALS_KEY_MISSING",
    WebhooksOff = "WEBHOOKS_OFF",
    ExternalReferenceTaken = "EXTERNAL_REFERENCE_TAKEN",
    StatusTagRequired = "STATUS_TAG_REQUIRED",
    StatusTagFixed = "STATUS_TAG_FIXED",
    StatusInUse = "STATUS_IN_USE",
    StatusChangePending = "STATUS_CHANGE_PENDING",
    NoStatusChangePending = "NO_STATUS_CHANGE_PENDING",
    EffectAlreadySent = "EFFECT_ALREADY_SENT",
    NotDelivered = "NOT_DELIVERED",
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
    PaymentNotReadable = "PAYMENT_NOT_READABLE",
    ExtensionDeclined = "EXTENSION_DECLINED",
    ProviderUnavailable = "PROVIDER_UNAVAILABLE",
    OrderCancelled = "ORDER_CANCELLED",
    WithdrawalTooLate = "WITHDRAWAL_TOO_LATE",
    DeliveryExceedsOrdered = "DELIVERY_EXCEEDS_ORDERED",
    DeliveryNotFound = "DELIVERY_NOT_FOUND",
    DeliveryCaptured = "DELIVERY_CAPTURED",
    ShippingAddressIncomplete = "SHIPPING_ADDRESS_INCOMPLETE",
    LabelsNotSetUp = "LABELS_NOT_SET_UP",
    LabelNotFound = "LABEL_NOT_FOUND",
    CarrierUnavailable = "CARRIER_UNAVAILABLE",
    CreditExceedsCaptured = "CREDIT_EXCEEDS_CAPTURED",
    RefundByHand = "REFUND_BY_HAND",
    DuplicateUnresolved = "DUPLICATE_UNRESOLVED",
    DuplicateNotCreditable = "DUPLICATE_NOT_CREDITABLE",
    LineFixed = "LINE_FIXED",
    TotalMayNotRise = "TOTAL_MAY_NOT_RISE",
    TotalBelowCaptured = "TOTAL_BELOW_CAPTURED",
    SellerDetailsMissing = "SELLER_DETAILS_MISSING",
    EmailMissing = "EMAIL_MISSING",
    MailNotFound = "MAIL_NOT_FOUND",
    MailFilesGone = "MAIL_FILES_GONE",
    EffectPending = "EFFECT_PENDING",
    AlreadyTransferred = "ALREADY_TRANSFERRED",
    OriginalNotTransferred = "ORIGINAL_NOT_TRANSFERRED",
    AccountingNotSetUp = "ACCOUNTING_NOT_SET_UP",
    CustomerNotFound = "CUSTOMER_NOT_FOUND",
    MoneyOpen = "MONEY_OPEN",
    DuplicateAlreadyCaptured = "DUPLICATE_ALREADY_CAPTURED",
    NotADuplicate = "NOT_A_DUPLICATE",
    SamePayment = "SAME_PAYMENT",
    KeptOrderCancelled = "KEPT_ORDER_CANCELLED",
    MoneyNotCredited = "MONEY_NOT_CREDITED",
    ProblemOpen = "PROBLEM_OPEN",
    ReservationHeld = "RESERVATION_HELD",
    OrderDeleted = "ORDER_DELETED",
    TotalMismatch = "TOTAL_MISMATCH",
    PaymentInsufficient = "PAYMENT_INSUFFICIENT",
    PaymentMismatch = "PAYMENT_MISMATCH",
    OutOfStock = "OUT_OF_STOCK",
    OrderNumberTaken = "ORDER_NUMBER_TAKEN",
    CreditNumberTaken = "CREDIT_NUMBER_TAKEN",
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
    OperationDelayed = "OPERATION_DELAYED",
    LedgerDiffers = "LEDGER_DIFFERS",
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
    IntegrationDisabled = "INTEGRATION_DISABLED",
    IntegrationUnauthorized = "INTEGRATION_UNAUTHORIZED",
    IntegrationUnusable = "INTEGRATION_UNUSABLE",
    NotAllowedAtProvider = "NOT_ALLOWED_AT_PROVIDER",
    NotFoundAtProvider = "NOT_FOUND_AT_PROVIDER",
    RejectedByProvider = "REJECTED_BY_PROVIDER",
    FraudRejected = "FRAUD_REJECTED",
    PaymentNotApproved = "PAYMENT_NOT_APPROVED",
    NotEnabledAtProvider = "NOT_ENABLED_AT_PROVIDER",
    FundsUnavailable = "FUNDS_UNAVAILABLE",
    RefundPeriodOver = "REFUND_PERIOD_OVER",
    UnknownProviderError = "UNKNOWN_PROVIDER_ERROR",
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
    QueueFull = "QUEUE_FULL",
    Unavailable = "UNAVAILABLE",
    DeadlineExceeded = "DEADLINE_EXCEEDED",
    Internal = "INTERNAL",
}

/// The language of ours that the header weighs highest; the earlier of equals.
fn preferred_language(accept_language: &str) -> &'static str {
    let mut best = (0, "en");
    for range in accept_language.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let Some(language) = parts.next().and_then(known_language) else { continue };
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
        if weight > best.0 {
            best = (weight, language);
        }
    }
    best.1
}

/// The language of ours that a tag asks for: `no`, and `nn` for want of better, are `nb`.
fn known_language(tag: &str) -> Option<&'static str> {
    match tag.split('-').next()?.to_ascii_lowercase().as_str() {
        "en" => Some("en"),
        "nb" | "no" | "nn" => Some("nb"),
        _ => None,
    }
}

/// A quality of RFC 9110 (`0.8`) in thousandths; what is not one weighs nothing.
fn thousandths(quality: &str) -> u32 {
    let (whole, fraction) = quality.trim().split_once('.').unwrap_or((quality.trim(), ""));
    if fraction.len() > 3 {
        return 0;
    }
    match (whole.parse::<u32>(), format!("{fraction:0<3}").parse::<u32>()) {
        (Ok(whole @ (0 | 1)), Ok(fraction)) => (whole * 1000 + fraction).min(1000),
        _ => 0,
    }
}

/// Reads a page. Never fails: that every page is whole is for the tests below, not for run time.
fn parse(source: &'static str) -> Page {
    let head = source.split("\n\n").next().unwrap_or_default();
    let value = |wanted: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| *key == wanted)
            .map_or("", |(_, value)| value.trim())
    };
    Page {
        grpc: grpc_code(value("grpc")),
        retryable: value("retryable") == "yes",
        actor: match value("actor") {
            "caller" => Actor::Caller,
            "staff" => Actor::Staff,
            _ => Actor::Operator,
        },
        texts: LANGUAGES.iter().map(|language| parse_text(language, source)).collect(),
    }
}

/// Reads the part of a page under the heading of a language.
fn parse_text(language: &'static str, source: &'static str) -> Text {
    let part = source
        .split("\n# ")
        .skip(1)
        .find_map(|part| part.strip_prefix(language))
        .filter(|part| part.starts_with('\n'))
        .unwrap_or_default();
    let below = |heading: &str| {
        let (_, below) = part.split_once(heading).unwrap_or_default();
        below.split("\n#").next().unwrap_or_default().trim()
    };
    Text {
        language,
        title: below("\n## "),
        cause: below("\n### Cause\n"),
        remedy: below("\n### Remedy\n"),
    }
}

/// The gRPC code of a name as in the gRPC documentation. Only what a refusal may end with.
fn grpc_code(name: &str) -> Option<tonic::Code> {
    match name {
        "INVALID_ARGUMENT" => Some(tonic::Code::InvalidArgument),
        "NOT_FOUND" => Some(tonic::Code::NotFound),
        "ALREADY_EXISTS" => Some(tonic::Code::AlreadyExists),
        "ABORTED" => Some(tonic::Code::Aborted),
        "OUT_OF_RANGE" => Some(tonic::Code::OutOfRange),
        "FAILED_PRECONDITION" => Some(tonic::Code::FailedPrecondition),
        "RESOURCE_EXHAUSTED" => Some(tonic::Code::ResourceExhausted),
        "UNAVAILABLE" => Some(tonic::Code::Unavailable),
        "DEADLINE_EXCEEDED" => Some(tonic::Code::DeadlineExceeded),
        "INTERNAL" => Some(tonic::Code::Internal),
        _ => None,
    }
}
