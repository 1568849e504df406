//! Orders as canonical JSON of the contract.

use std::error::Error;

use order_proto::v1::NewOrder;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// One line of canonical protobuf JSON: camelCase names, 64-bit numbers as text, no defaults.
///
/// # Errors
/// Never for an order of this contract.
pub fn to_json(order: &NewOrder) -> Result<String> {
    let message = DynamicMessage::decode(descriptor()?, order.encode_to_vec().as_slice())?;
    Ok(serde_json::to_string(&message)?)
}

/// Reads what [`to_json`] writes.
///
/// # Errors
/// What is wrong with the text, by line and column.
pub fn from_json(json: &str) -> Result<NewOrder> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let message = DynamicMessage::deserialize(descriptor()?, &mut reader)?;
    reader.end()?;
    Ok(NewOrder::decode(message.encode_to_vec().as_slice())?)
}

fn descriptor() -> Result<MessageDescriptor> {
    thread_local! {
        static POOL: Option<DescriptorPool> = DescriptorPool::decode(order_proto::DESCRIPTOR).ok();
    }
    POOL.with(|pool| pool.as_ref()?.get_message_by_name("orders.v1.NewOrder"))
        .ok_or_else(|| "orders.v1.NewOrder is not in the contract".into())
}
