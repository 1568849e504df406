//! Believable purchases of three lines, made before the clock starts.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use order_proto::v1::{CreateOrderRequest, NewOrder, NewPayment, PriceBasis};

/// Requests to place orders, each used once.
pub(crate) struct Purchases(Mutex<std::vec::IntoIter<CreateOrderRequest>>);

const LINES: usize = 3;
/// Every batch is of a seed of its own, so that no reference comes twice.
static NEXT_SEED: AtomicU64 = AtomicU64::new(1_000);

impl Purchases {
    /// So many purchases, spread evenly over the shops, paid with one payment of the provider.
    pub(crate) fn new(count: usize, shops: &[String], provider: &str) -> Self {
        let seed = NEXT_SEED.fetch_add(1, Ordering::Relaxed);
        let mut random = fastrand::Rng::with_seed(seed);
        let orders = order_tests::orders(seed).filter_map(three_lines);
        let requests: Vec<CreateOrderRequest> = orders
            .zip(shops.iter().cycle())
            .zip(0_u64..)
            .take(count)
            .map(|((order, shop), number)| CreateOrderRequest {
                parent: shop.clone(),
                order: Some(paid(order, provider, &mut random)),
                request_id: request_id(seed, number, &mut random),
                ..CreateOrderRequest::default()
            })
            .collect();
        Self(Mutex::new(requests.into_iter()))
    }

    /// The next that nobody has used.
    pub(crate) fn next(&self) -> Option<CreateOrderRequest> {
        self.0.lock().ok()?.next()
    }
}

/// The order with its first three lines, without discounts and statements about totals.
fn three_lines(mut order: NewOrder) -> Option<NewOrder> {
    let is_ordinary = order.currency_code == "NOK" && order.price_basis() == PriceBasis::Gross;
    if order.lines.len() < LINES || !is_ordinary {
        return None;
    }
    order.lines.truncate(LINES);
    order.discount_minor = 0;
    order.stated_totals = None;
    Some(order)
}

fn paid(mut order: NewOrder, provider: &str, random: &mut fastrand::Rng) -> NewOrder {
    let amount_minor = order_tests::totals(&order).map_or(0, |totals| totals.gross_minor);
    let reference = match provider {
        "manual" => String::new(),
        _ => format!("{:032x}", random.u128(..)),
    };
    order.payments = vec![NewPayment { provider: provider.to_owned(), reference, amount_minor }];
    order
}

/// A UUID of version 7 as the SDK makes them: ascending.
fn request_id(seed: u64, number: u64, random: &mut fastrand::Rng) -> String {
    let time = seed << 24 | number;
    let (tail, end) = (random.u64(..) & 0xfff, random.u64(..) & 0xffff_ffff_ffff);
    format!("{:08x}-{:04x}-7{tail:03x}-8{tail:03x}-{end:012x}", time >> 16, time & 0xffff)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn purchases_are_alike_in_shape_and_never_the_same() {
        let shops = ["shops/a".to_owned(), "shops/b".to_owned()];
        let batches = [Purchases::new(50, &shops, "manual"), Purchases::new(50, &shops, "klarna")];
        let made: Vec<CreateOrderRequest> =
            batches.iter().flat_map(|batch| std::iter::from_fn(|| batch.next())).collect();
        assert_eq!(made.len(), 100);
        for request in &made {
            let order = request.order.as_ref().unwrap();
            let total = order_tests::totals(order).unwrap().gross_minor;
            assert_eq!((order.lines.len(), order.payments.len()), (LINES, 1));
            assert_eq!(order.payments[0].amount_minor, total);
            assert_eq!(request.request_id.len(), 36);
        }
        let distinct = |text: &dyn Fn(&CreateOrderRequest) -> String| {
            made.iter().map(text).collect::<BTreeSet<String>>().len()
        };
        assert_eq!(distinct(&|request| request.parent.clone()), 2);
        assert_eq!(distinct(&|request| request.request_id.clone()), 100);
        let reference = |request: &CreateOrderRequest| {
            request.order.as_ref().unwrap().external_reference.clone()
        };
        assert_eq!(distinct(&reference), 100);
    }
}
