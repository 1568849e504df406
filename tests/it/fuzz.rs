//! No request whatever makes the server fail: random and mutated messages to every method.

mod plausible;

use std::fmt::Write;

use fastrand::Rng;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage, Value,
};
use tonic::Code;

use crate::harness::{World, depth, health, raw, seed};

trials! {
    shared: [no_message_makes_the_server_fail];
}

const MESSAGES_PER_METHOD: u32 = 45;
/// Deeper messages than the contract has are not made.
const DEEPEST: u32 = 5;

/// What texts are made of, beside what fits the shop.
const TEXTS: &[&str] = &[
    "",
    "x",
    "klarna",
    "manual",
    "NOK",
    "nb",
    "CUP",
    "sent",
    "number desc",
    "kari@example.com",
    "a@b\r\nBcc: c@d.no",
    "\u{0}",
    "\u{202e}\u{feff}",
    "shops/",
    "shops/default",
    "shops/default/orders/1001",
    "klarna.password",
    "shops/default/integrations/klarna",
    "customer.email",
    "tag",
    "018f3c6e-7d3a-7cc0-9f00-0123456789ab",
    "x~capture=decline",
    "🦀🦀🦀",
    "%00%ff",
];
const INTEGERS: &[i64] =
    &[0, 1, -1, 2, 3, 100, 1_001, 10_000, 500, -500, 1 << 31, i64::MAX, i64::MIN, 1 << 40];

async fn no_message_makes_the_server_fail(world: World) {
    world.stock("CUP", 1_000).await;
    world.buy(500, "").await;
    let seed = seed();
    let pool = DescriptorPool::decode(order_proto::DESCRIPTOR).unwrap();
    let mut random = Rng::with_seed(seed);
    let (mut methods, mut reached_by_chance) = (0, 0);
    for service in pool.services() {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            let channel = health::connect(world.server.port).connect().await.unwrap();
            let plausible = plausible::request(&world, &method.input());
            let mut reached = [0, 0];
            for number in 0..MESSAGES_PER_METHOD * depth() {
                let mut bytes = match number {
                    0 => plausible.encode_to_vec(),
                    _ if number % 3 == 0 => varied(&mut random, &world, &plausible).encode_to_vec(),
                    _ => message(&mut random, &world, &method.input(), 0).encode_to_vec(),
                };
                if number % 3 == 1 {
                    mutate(&mut random, &mut bytes);
                }
                let outcome = if method.is_server_streaming() {
                    raw::first_bytes(channel.clone(), &path, bytes.clone()).await
                } else {
                    raw::bytes(channel.clone(), &path, bytes.clone()).await
                };
                let code = outcome.as_ref().map_or_else(tonic::Status::code, |_| Code::Ok);
                let is_fine = !matches!(
                    code,
                    Code::Internal
                        | Code::Unknown
                        | Code::Unimplemented
                        | Code::DataLoss
                        | Code::Unavailable
                        | Code::DeadlineExceeded
                        | Code::Cancelled
                );
                assert!(is_fine, "{path}, seed {seed}: {outcome:?} to {}", hexadecimal(&bytes));
                if let Err(status) = &outcome {
                    assert!(!status.details().is_empty(), "{path}: without a reason: {status:?}");
                }
                // No field was wrong: the rules, or what is stored, decided.
                let has_reached = u32::from(code != Code::InvalidArgument);
                reached[usize::from(number > 0)] += has_reached;
            }
            let [plain, by_chance] = reached;
            assert_eq!(plain, 1, "{path}: the plausible request has wrong fields");
            methods += 1;
            reached_by_chance += u32::from(by_chance > 0);
        }
    }
    // Of some methods hardly any message is right that differs.
    assert!(
        reached_by_chance * 5 >= methods * 4,
        "seed {seed}: chance got past the fields of {reached_by_chance} of {methods} methods only"
    );
    assert_eq!(health::status(world.server.port, "").await, Some(health::SERVING));
    assert!(!world.server.log().contains("panicked"), "seed {seed}: something panicked");
    // Chance may have taken its shop apart; the server serves the next one.
    World::new(world.server.clone()).await.buy(500, "").await;
}

/// The message with one of its fields left out, or changed.
fn varied(random: &mut Rng, world: &World, plausible: &DynamicMessage) -> DynamicMessage {
    let mut varied = plausible.clone();
    let fields: Vec<FieldDescriptor> = plausible.descriptor().fields().collect();
    if fields.is_empty() {
        return varied;
    }
    let field = &fields[random.usize(0..fields.len())];
    varied.clear_field(field);
    if random.bool() {
        varied.set_field(field, value(random, world, field, 0));
    }
    varied
}

fn message(
    random: &mut Rng,
    world: &World,
    descriptor: &MessageDescriptor,
    deep: u32,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        let chance = if deep == 0 { 85 } else { 65 };
        if random.u32(0..100) >= chance || deep >= DEEPEST {
            continue;
        }
        message.set_field(&field, value(random, world, &field, deep));
    }
    message
}

fn value(random: &mut Rng, world: &World, field: &FieldDescriptor, deep: u32) -> Value {
    if field.is_map() {
        let entry = field.kind();
        let entry = entry.as_message().unwrap();
        let value_field = entry.map_entry_value_field();
        let entries = (0..random.usize(0..3))
            .map(|_| {
                let key = match entry.map_entry_key_field().kind() {
                    Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => MapKey::I32(random.i32(..)),
                    _ => MapKey::String(text(random, world, field)),
                };
                (key, single(random, world, &value_field, deep))
            })
            .collect();
        Value::Map(entries)
    } else if field.is_list() {
        let count = if random.u32(0..50) == 0 { 501 } else { random.usize(0..4) };
        Value::List((0..count).map(|_| single(random, world, field, deep)).collect())
    } else {
        single(random, world, field, deep)
    }
}

fn single(random: &mut Rng, world: &World, field: &FieldDescriptor, deep: u32) -> Value {
    let integer = if random.bool() {
        INTEGERS[random.usize(0..INTEGERS.len())]
    } else {
        random.i64(-5..2_000)
    };
    let small = i32::try_from(integer).unwrap_or(i32::MIN);
    match field.kind() {
        Kind::Message(descriptor) => Value::Message(message(random, world, &descriptor, deep + 1)),
        Kind::Enum(_) => {
            Value::EnumNumber(if random.u32(0..5) == 0 { small } else { random.i32(0..4) })
        }
        Kind::String => Value::String(text(random, world, field)),
        Kind::Bytes => Value::Bytes(text(random, world, field).into_bytes().into()),
        Kind::Bool => Value::Bool(random.bool()),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(small),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(integer),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(small.unsigned_abs()),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(integer.unsigned_abs()),
        Kind::Float => Value::F32(f32::NAN),
        Kind::Double => Value::F64(f64::INFINITY),
    }
}

/// A text that fits the field rather often, so that messages come through to the rules.
fn text(random: &mut Rng, world: &World, field: &FieldDescriptor) -> String {
    let shop = world.shop.to_string();
    if random.u32(0..3) > 0 {
        match field.name() {
            "parent" | "name" if random.u32(0..3) == 0 => return shop,
            "parent" | "name" | "names" | "orders" => return format!("{shop}/orders/1001"),
            "status" | "statuses" | "replacement" => return format!("{shop}/orderStatuses/sent"),
            "currency_code" => return "NOK".to_owned(),
            "request_id" => return uuid::Uuid::now_v7().to_string(),
            "provider" => return "klarna".to_owned(),
            "reference" => return format!("fuzz-{}", random.u32(0..50)),
            _ => {}
        }
    }
    match random.u32(0..20) {
        0 => "x".repeat(random.usize(0..6_000)),
        1 => (0..random.usize(0..40)).map(|_| random.char('\u{0}'..='\u{ffff}')).collect(),
        _ => TEXTS[random.usize(0..TEXTS.len())].to_owned(),
    }
}

fn mutate(random: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..=random.usize(0..4) {
        if bytes.is_empty() {
            bytes.push(random.u8(..));
            continue;
        }
        let at = random.usize(0..bytes.len());
        match random.u32(0..5) {
            0 => bytes[at] = random.u8(..),
            1 => bytes[at] ^= 1 << random.u32(0..8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.u8(..)),
            _ => {
                let copy = bytes[at..].to_vec();
                bytes.extend(copy.into_iter().take(200));
            }
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().take(400).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
