//! The settings of a shop that the rules depend on.

use crate::accounting::NewTransfer;
use crate::labels::LabelRules;
use crate::order::StatusId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockMode {
    /// Placing goes on, with a problem on the order (9.4).
    Allow,
    /// Placing is refused.
    Refuse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureMode {
    OnCompleted,
    PerDelivery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateMode {
    Flag,
    ReturnFirst,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rulebook {
    pub stock_mode: StockMode,
    pub capture_mode: CaptureMode,
    pub duplicate_mode: DuplicateMode,
    /// How long apart two purchases may be and still look like one (7.1).
    pub duplicate_window_seconds: i64,
    /// COMPLETED delivers what is undelivered (2.2).
    pub completed_delivers: bool,
    pub credit_status: Option<StatusId>,
    /// What becomes of a sale that is COMPLETED, unasked (2.2).
    pub automatic_transfer: Option<NewTransfer>,
    /// `None`: the shop makes no labels.
    pub labels: Option<LabelRules>,
}
