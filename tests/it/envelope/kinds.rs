//! Every command of the contract by name, and what kind of command it is.

/// A command of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    CreateOrder,
    UpdateOrder,
    ChangeOrderStatus,
    WithdrawStatusChange,
    AttachPayment,
    AddOrderNote,
    ResendMail,
    PrintOrderLabel,
    TransferOrderToAccounting,
    DismissProblem,
    RetryEffect,
    SettlePaymentOperation,
    ReconcilePayment,
    ExtendReservation,
    DeliverOrder,
    CancelDelivery,
    ConfirmArrival,
    RecordWithdrawal,
    CreditOrder,
    ResolveDuplicate,
    DismissDuplicate,
    EditOrder,
    DeleteOrder,
    EraseCustomer,
    CreateOrderStatus,
    UpdateOrderStatus,
    DeleteOrderStatus,
    CreateIntegration,
    UpdateIntegration,
    CreateShop,
    UpdateShop,
    CreateStockItem,
    AdjustStock,
}

impl Kind {
    pub(super) const ALL: [Self; 33] = [
        Self::CreateOrder,
        Self::UpdateOrder,
        Self::ChangeOrderStatus,
        Self::WithdrawStatusChange,
        Self::AttachPayment,
        Self::AddOrderNote,
        Self::ResendMail,
        Self::PrintOrderLabel,
        Self::TransferOrderToAccounting,
        Self::DismissProblem,
        Self::RetryEffect,
        Self::SettlePaymentOperation,
        Self::ReconcilePayment,
        Self::ExtendReservation,
        Self::DeliverOrder,
        Self::CancelDelivery,
        Self::ConfirmArrival,
        Self::RecordWithdrawal,
        Self::CreditOrder,
        Self::ResolveDuplicate,
        Self::DismissDuplicate,
        Self::EditOrder,
        Self::DeleteOrder,
        Self::EraseCustomer,
        Self::CreateOrderStatus,
        Self::UpdateOrderStatus,
        Self::DeleteOrderStatus,
        Self::CreateIntegration,
        Self::UpdateIntegration,
        Self::CreateShop,
        Self::UpdateShop,
        Self::CreateStockItem,
        Self::AdjustStock,
    ];

    /// It goes to a system whose credentials the server must keep.
    pub(super) fn needs_books(self) -> bool {
        self == Self::TransferOrderToAccounting
    }

    pub(super) fn has_etag(self) -> bool {
        !matches!(
            self,
            Self::CreateOrder
                | Self::EraseCustomer
                | Self::CreateOrderStatus
                | Self::CreateIntegration
                | Self::CreateShop
                | Self::CreateStockItem
                | Self::AdjustStock
        )
    }

    pub(super) fn is_about_order(self) -> bool {
        matches!(
            self,
            Self::UpdateOrder
                | Self::ChangeOrderStatus
                | Self::WithdrawStatusChange
                | Self::AttachPayment
                | Self::AddOrderNote
                | Self::ResendMail
                | Self::PrintOrderLabel
                | Self::TransferOrderToAccounting
                | Self::DismissProblem
                | Self::RetryEffect
                | Self::SettlePaymentOperation
                | Self::ReconcilePayment
                | Self::ExtendReservation
                | Self::DeliverOrder
                | Self::CancelDelivery
                | Self::ConfirmArrival
                | Self::RecordWithdrawal
                | Self::CreditOrder
                | Self::ResolveDuplicate
                | Self::DismissDuplicate
                | Self::EditOrder
                | Self::DeleteOrder
        )
    }
}
