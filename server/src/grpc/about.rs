//! What a call is about, so that the remedy of its refusal names that and nothing else.

use order_proto::{placeholders, v1};

/// The named values of a refusal that a remedy's words stand for.
const DETAILS: [(&str, &str); 11] = [
    ("order", "ORDER"),
    ("other", "OTHER"),
    ("original", "ORIGINAL"),
    ("operation", "OPERATION"),
    ("delivery", "DELIVERY"),
    ("mail", "MAIL"),
    ("line", "LINE"),
    ("sku", "SKU"),
    ("integration", "INTEGRATION"),
    ("provider", "INTEGRATION"),
    ("shop", "SHOP"),
];

/// What a request names.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// The resource asked for, or the one it belongs to.
    name: String,
    /// What else: the word that stands for it, and its value.
    named: Vec<(&'static str, String)>,
}

/// A request that says what it is about.
pub(crate) trait Subject {
    fn about(&self) -> About;
}

impl About {
    /// About the resource of this name.
    pub(crate) fn of(name: &str) -> Self {
        Self { name: name.to_owned(), named: Vec::new() }
    }

    /// About this number, too; 0 is none.
    fn with(mut self, word: &'static str, number: i64) -> Self {
        if number != 0 {
            self.named.push((word, number.to_string()));
        }
        self
    }

    fn with_other(mut self, name: &str) -> Self {
        self.named.push(("OTHER", last_part(name).to_owned()));
        self
    }

    /// The text with what is known of the case in place of the words that stand for it. The named
    /// values of the refusal say better than the request what it is about.
    pub(crate) fn fill(&self, text: &str, details: &[(&'static str, String)]) -> String {
        placeholders::filled(text, |word| self.value(word, details))
    }

    fn value<'a>(&'a self, word: &str, details: &'a [(&'static str, String)]) -> Option<&'a str> {
        let stands_for = |key: &str| DETAILS.contains(&(key, word));
        if let Some((_, value)) = details.iter().find(|(key, _)| stands_for(key)) {
            // Of several none is the one.
            let is_name = value.starts_with("shops/");
            let told = if is_name { last_part(value) } else { value };
            return (!value.contains(',')).then_some(told);
        }
        let named = self.named.iter().find(|(known, _)| *known == word);
        named.map(|(_, value)| value.as_str()).or_else(|| self.part(word))
    }

    /// The part of the resource's name that a word stands for.
    fn part(&self, word: &str) -> Option<&str> {
        let collection = match word {
            "SHOP" => "shops",
            "ORDER" => "orders",
            "INTEGRATION" => "integrations",
            "SKU" => "stockItems",
            _ => return None,
        };
        let mut parts = self.name.split('/');
        while let (Some(kind), Some(part)) = (parts.next(), parts.next()) {
            if kind == collection {
                return Some(part);
            }
        }
        None
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, last)| last)
}

/// Requests that name what they are about in one field.
macro_rules! subjects {
    ($($field:ident: $($request:ident),+;)+) => {
        $($(
            impl Subject for v1::$request {
                fn about(&self) -> About {
                    About::of(&self.$field)
                }
            }
        )+)+

        /// Every request of the list, and the field.
        #[cfg(test)]
        const LISTED: &[(&str, &str)] =
            &[$($((stringify!($request), stringify!($field)),)+)+];
    };
}

subjects! {
    name:
        AddOrderNoteRequest, AdjustStockRequest, AttachPaymentRequest, ChangeOrderStatusRequest,
        CreditOrderRequest, DeleteOrderRequest, DeleteOrderStatusRequest, DeliverOrderRequest,
        EditOrderRequest, ExtendReservationRequest, GetIntegrationRequest, GetOrderLabelRequest,
        GetOrderRequest, GetOrderStatusRequest, GetRefusalRequest, GetShopRequest,
        GetStockItemRequest, ListLabelOptionsRequest, ReconcilePaymentRequest,
        RecordWithdrawalRequest, TestIntegrationRequest, TransferOrderToAccountingRequest,
        WithdrawStatusChangeRequest;
    parent:
        BatchChangeOrderStatusRequest, BatchGetOrdersRequest, CreateIntegrationRequest,
        CreateOrderRequest, CreateOrderStatusRequest, CreateStockItemRequest, EraseCustomerRequest,
        ExportCustomerRequest, ListIntegrationsRequest, ListOrderEventsRequest,
        ListOrderStatusesRequest, ListOrdersRequest, ListProblemsRequest, ListStockItemsRequest,
        ListStockMovementsRequest, VerifyShopRequest, WatchOrdersRequest;
}

/// Requests that say it otherwise, or say more.
macro_rules! subjects_by {
    ($($request:ident: |$message:ident| $about:expr;)+) => {
        $(
            impl Subject for v1::$request {
                fn about(&self) -> About {
                    let $message = self;
                    $about
                }
            }
        )+

        #[cfg(test)]
        const OTHERWISE: &[&str] = &[$(stringify!($request),)+];
    };
}

subjects_by! {
    CancelDeliveryRequest: |asked|
        About::of(&asked.name).with("DELIVERY", asked.delivery_id.into());
    ConfirmArrivalRequest: |asked|
        About::of(&asked.name).with("DELIVERY", asked.delivery_id.into());
    PrintOrderLabelRequest: |asked|
        About::of(&asked.name).with("DELIVERY", asked.delivery_id.into());
    DismissProblemRequest: |asked| About::of(&asked.name).with("PROBLEM", asked.problem_id);
    RetryEffectRequest: |asked| About::of(&asked.name).with("OPERATION", asked.operation_id);
    SettlePaymentOperationRequest: |asked|
        About::of(&asked.name).with("OPERATION", asked.operation_id);
    ResendMailRequest: |asked| About::of(&asked.name).with("MAIL", asked.mail_id);
    DismissDuplicateRequest: |asked| About::of(&asked.name).with_other(&asked.other);
    ResolveDuplicateRequest: |asked| match asked.drop.as_slice() {
        [dropped] => About::of(&asked.keep).with_other(dropped),
        _ => About::of(&asked.keep),
    };
    UpdateOrderRequest: |asked|
        About::of(asked.order.as_ref().map_or("", |order| &order.name));
    UpdateOrderStatusRequest: |asked|
        About::of(asked.order_status.as_ref().map_or("", |status| &status.name));
    UpdateIntegrationRequest: |asked|
        About::of(asked.integration.as_ref().map_or("", |integration| &integration.name));
    UpdateShopRequest: |asked| About::of(asked.shop.as_ref().map_or("", |shop| &shop.name));
    CreateShopRequest: |asked| About::of(&format!("shops/{}", asked.shop_id));
    ListShopsRequest: |_asked| About::default();
    ListRefusalsRequest: |_asked| About::default();
}

#[cfg(test)]
impl Subject for () {
    fn about(&self) -> About {
        About::default()
    }
}

#[cfg(test)]
mod tests;
