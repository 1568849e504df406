//! What the exactness audit looks at, each by its stable name.

macro_rules! invariants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Invariant { $($(#[$doc])* $variant,)+ }

        impl Invariant {
            /// Every one of them.
            pub const ALL: &'static [Invariant] = &[$(Invariant::$variant,)+];

            /// The stable name, as in `Breach.invariant`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Invariant::$variant => $name,)+ }
            }
        }
    };
}

invariants! {
    // The log and the series of a shop.
    EventChain = "event-chain",
    Events = "events",
    OrderSeries = "order-series",
    CreditSeries = "credit-series",
    IdSeries = "id-series",
    StockBalance = "stock-balance",
    // Lines and totals.
    LineAmounts = "line-amounts",
    LineParts = "line-parts",
    LineQuantities = "line-quantities",
    LineStock = "line-stock",
    LineCredit = "line-credit",
    OrderTotal = "order-total",
    VatTable = "vat-table",
    // What was done with an order.
    Deliveries = "deliveries",
    Labels = "labels",
    Transfers = "transfers",
    CreditKind = "credit-kind",
    CreditOrders = "credit-orders",
    // Its status.
    StatusKnown = "status-known",
    CompletedIsCaptured = "completed-is-captured",
    CancelledLetsGo = "cancelled-lets-go",
    CancelledKeepsNoMoney = "cancelled-keeps-no-money",
    CancelTime = "cancel-time",
    PendingHasAWayOut = "pending-has-a-way-out",
    // The ledger.
    CapturedWithinAuthorized = "captured-within-authorized",
    RefundedWithinCaptured = "refunded-within-captured",
    OneOrderPerCapture = "one-order-per-capture",
    OneInFlight = "one-in-flight",
    VoidOrCapture = "void-or-capture",
    OperationTimes = "operation-times",
    PaymentSums = "payment-sums",
    PaymentShares = "payment-shares",
    Effects = "effects",
    // What is written down of all that.
    DerivedStates = "derived-states",
    OrderRow = "order-row",
    Document = "document",
    PersonalVersions = "personal-versions",
    Expiries = "expiries",
    SearchWords = "search-words",
}
