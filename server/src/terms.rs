//! The same terms in the rules, in the contract and in the store, where they stand as the contract's numbers.

use order_proto::v1;
use order_rules::accounting::{TransferForm, TransferState};
use order_rules::effects::{EffectState, System};
use order_rules::labels::{LabelState, PrintState};
use order_rules::mail::{Audience, Files, MailKind, MailState};
use order_rules::order::{DeliveryState, DuplicateResolution, LineKind, OrderKind, PriceBasis};
use order_rules::payments::{
    Authorization, Confirmation, OperationKind, OperationState, PaymentState,
};
use order_rules::reconciling::{Conclusion, DifferenceKind};
use order_rules::shop::{CaptureMode, DuplicateMode, StockMode};
use order_rules::statuses::Tag;
use order_rules::stock::MovementReason;

/// A term of the rules with its number in the contract.
pub(crate) trait Term: Sized + Copy {
    type Contract: Into<i32> + TryFrom<i32>;

    fn contract(self) -> Self::Contract;

    /// The term of the contract; `None` for UNSPECIFIED and terms of another version.
    fn from_contract(term: Self::Contract) -> Option<Self>;

    /// As it is stored.
    fn stored(self) -> i16 {
        i16::try_from(self.contract().into()).unwrap_or_default()
    }

    /// From what was stored.
    fn from_stored(stored: i16) -> Option<Self> {
        Self::Contract::try_from(i32::from(stored)).ok().and_then(Self::from_contract)
    }
}

macro_rules! terms {
    ($rules:ident = $contract:ident { $($variant:ident),+ $(,)? } $(none $($other:ident),+)?) => {
        impl Term for $rules {
            type Contract = v1::$contract;

            fn contract(self) -> v1::$contract {
                match self { $(Self::$variant => v1::$contract::$variant,)+ }
            }

            fn from_contract(term: v1::$contract) -> Option<Self> {
                match term {
                    v1::$contract::Unspecified $($(| v1::$contract::$other)+)? => None,
                    $(v1::$contract::$variant => Some(Self::$variant),)+
                }
            }
        }
    };
}

terms!(OrderKind = OrderKind { Sale, Credit });
terms!(PriceBasis = PriceBasis { Gross, Net });
terms!(LineKind = LineKind { Goods, Shipping, Fee });
terms!(
    PaymentState = PaymentState {
        None,
        Pending,
        Authorized,
        PartiallyCaptured,
        Captured,
        PartiallyRefunded,
        Refunded,
        Voided,
        Expired
    }
);
terms!(
    DeliveryState = DeliveryState { NothingToDeliver, NotDelivered, PartiallyDelivered, Delivered }
);
terms!(Confirmation = ConfirmSource { Operation, Reading });
terms!(Conclusion = ReconciliationState { Open, Agrees, Adopted, Differs });
terms!(
    DifferenceKind = DifferenceKind {
        CapturedElsewhere,
        CaptureMissing,
        RefundedElsewhere,
        RefundMissing,
        ReleasedElsewhere,
        CancelledElsewhere,
        StillHeld,
        HeldAgain,
        AmountChanged,
        Expired,
        Rejected,
        ExpiryChanged,
        OtherCurrency,
        NotFound
    }
);
terms!(Authorization = AuthorizationState { Pending, Held, Declined, Expired, Voided });
terms!(
    OperationKind =
        OperationKind { Authorize, UpdateAmount, Capture, Release, Void, Refund, CaptureReversal }
);
terms!(
    OperationState =
        OperationState { Pending, Sent, Accepted, Succeeded, Declined, Unknown, Withdrawn }
);
terms!(Tag = StatusTag { Default, Completed, Cancelled });
terms!(StockMode = StockMode { Allow, Refuse });
terms!(CaptureMode = CaptureMode { OnCompleted, PerDelivery });
terms!(DuplicateMode = DuplicateMode { Flag, ReturnFirst });
terms!(
    MovementReason = MovementReason {
        Placed,
        Cancelled,
        Reopened,
        Adjusted,
        Edited,
        Credited,
        Dropped,
        Deleted
    }
);
terms!(MailKind = MailKind { OrderConfirmation, StatusChanged, Note });
terms!(MailState = MailState { Pending, Sent, Declined, Unknown, Withdrawn });
terms!(LabelState = LabelState { Pending, Made, Declined, Unknown, Withdrawn });
terms!(PrintState = LabelPrintState { Pending, Printed, Declined, Unknown, Withdrawn });
terms!(Audience = NoteAudience { Internal, Warehouse, Customer });
terms!(TransferForm = TransferForm { Invoice, Order });
terms!(TransferState = TransferState { Pending, Succeeded, Declined, Unknown, Withdrawn });
terms!(DuplicateResolution = DuplicateResolution { Open, Dismissed, Kept, Dropped });

pub(crate) const fn files_stored(files: Files) -> i16 {
    match files {
        Files::None => 0,
        Files::Kept => 1,
        Files::Gone => 2,
    }
}

/// What goes with a mail, of a stored number.
pub(crate) const fn files(stored: i16) -> Option<Files> {
    match stored {
        0 => Some(Files::None),
        1 => Some(Files::Kept),
        2 => Some(Files::Gone),
        _ => None,
    }
}

/// Systems stand in a constraint, so their numbers are the migration's.
pub(crate) const fn system_stored(system: System) -> i16 {
    match system {
        System::Payments => 1,
        System::Mail => 2,
        System::Accounting => 3,
        System::Labels => 4,
    }
}

/// The system of a stored number.
pub(crate) const fn system(stored: i16) -> Option<System> {
    match stored {
        1 => Some(System::Payments),
        2 => Some(System::Mail),
        3 => Some(System::Accounting),
        4 => Some(System::Labels),
        _ => None,
    }
}

/// Effect states stand in partial indexes, so their numbers are the migration's.
pub(crate) const fn effect_state_stored(state: EffectState) -> i16 {
    match state {
        EffectState::Pending => 0,
        EffectState::Sent => 1,
        EffectState::Accepted => 2,
        EffectState::Unknown => 3,
        EffectState::Done => 4,
        EffectState::Declined => 5,
        EffectState::Withdrawn => 6,
    }
}

/// The effect state of a stored number.
pub(crate) const fn effect_state(stored: i16) -> Option<EffectState> {
    Some(match stored {
        0 => EffectState::Pending,
        1 => EffectState::Sent,
        2 => EffectState::Accepted,
        3 => EffectState::Unknown,
        4 => EffectState::Done,
        5 => EffectState::Declined,
        6 => EffectState::Withdrawn,
        _ => return None,
    })
}
