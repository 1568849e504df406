//! Begins the log of a new shop, and finds shops by name.

use std::sync::Arc;

use order_proto::v1::integration::System;
use order_proto::v1::{EventChange, EventKind, OrderStatus, SandboxIntegration};
use order_rules::refusals::{Code, Refusal};
use order_rules::statuses::starting_statuses;
use prost::Message;

use crate::clock;
use crate::commands::{Answer, CreateShop, Failure, id_reused};
use crate::shops::{
    Shop, Shops, content_print, expiry_warning_micros, setup_stored, with_defaults,
};
use crate::store::facts::{Changes, RequestRow};
use crate::store::rows::{EventRow, HeadRow, IntegrationRow, ShopRow, StatusRow};
use crate::store::{Store, StoreFailure, on_either};
use crate::terms::Term;

/// Shops found at the same time may want the same number; the loser tries the next.
const TRIES_MAX: u32 = 20;
const FIRST_INTEGRATIONS: [&str; 3] = ["card", "klarna", "vipps"];

/// The shop of this name, as it is stored.
pub(super) async fn find(store: &Store, slug: &str) -> Result<Option<Shop>, StoreFailure> {
    let slug = slug.to_owned();
    let found = on_either!(store, database => database.shop_find(slug).await)?;
    found.map(Shop::from_rows).transpose()
}

pub(super) async fn create(
    store: &Store,
    shops: &Shops,
    command: CreateShop,
    validate_only: bool,
) -> Result<Answer, Failure> {
    for _ in 0..TRIES_MAX {
        if let Some(known) = find(store, &command.slug).await? {
            return replay(store, &command, &known).await;
        }
        crate::mail::check_settings(&command.settings)?;
        if validate_only {
            return Ok(Answer::default());
        }
        let shop_id =
            on_either!(store, database => database.shop_last_id().await)?.saturating_add(1);
        let changes = changes(&command, shop_id);
        match on_either!(store, database => database.shop_create(changes).await) {
            Ok(()) => {
                if let Some(shop) = find(store, &command.slug).await? {
                    shops.remember(Arc::new(shop));
                }
                return Ok(Answer { revision: 1, ..Answer::default() });
            }
            // Somebody took the name or the id meanwhile: look again.
            Err(StoreFailure::Constraint(_) | StoreFailure::Conflict(_)) => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    Err(Failure::Unavailable { retry_after: super::RETRY_AFTER })
}

/// A shop that exists: the same command again is harmless, another is refused.
async fn replay(store: &Store, command: &CreateShop, known: &Shop) -> Result<Answer, Failure> {
    let shop_id = known.row.shop_id;
    let request_id = command.caller.request_id.as_bytes().to_vec();
    let first: Option<RequestRow> =
        on_either!(store, database => database.request_find(shop_id, request_id).await)?;
    let content = known.content_print(&command.caller.content);
    match first {
        Some(first) if first.content.as_deref() == Some(content.as_slice()) => {
            Ok(Answer { revision: first.revision, replayed: true, ..Answer::default() })
        }
        Some(_) => Err(id_reused().into()),
        None => Err(Refusal::new(Code::ShopExists).with("shop", known.name()).into()),
    }
}

fn changes(command: &CreateShop, shop_id: i64) -> Changes {
    let now = clock::now().0;
    let mut settings = with_defaults(&command.slug, command.settings.clone());
    let next_order_number = settings.next_order_number;
    // The counters live with the head.
    settings.next_order_number = 0;
    let next_credit_number = std::mem::take(&mut settings.next_credit_number);
    let statuses = starting_statuses().iter().zip(1_i64..).map(|(status, status_id)| {
        let names = |names: &[(&str, &str)]| {
            names
                .iter()
                .map(|(language, name)| ((*language).to_owned(), (*name).to_owned()))
                .collect()
        };
        StatusRow {
            shop_id,
            status_id,
            slug: status.slug.to_owned(),
            tag: status.tag.map_or(0, Term::stored),
            position: status.position,
            names: OrderStatus {
                admin_names: names(&status.admin_names),
                customer_names: names(&status.customer_names),
                ..OrderStatus::default()
            }
            .encode_to_vec(),
            replaced_by: None,
            keeps_name: false,
            revision: 1,
        }
    });
    let shop = ShopRow {
        shop_id,
        slug: command.slug.clone(),
        display_name: command.display_name.clone(),
        settings: settings.encode_to_vec(),
        expiry_warning_micros: expiry_warning_micros(&settings),
        revision: 1,
        created_at: now,
    };
    let content = content_print(&shop, &command.caller.content).to_vec();
    Changes {
        shops: vec![shop],
        statuses: statuses.collect(),
        integrations: first_integrations(shop_id, now).collect(),
        heads: vec![HeadRow {
            shop_id,
            revision: 1,
            settings_revision: 1,
            next_order_number,
            next_credit_number,
            next_id: 1,
            last_event_at: now,
        }],
        events: vec![EventRow {
            shop_id,
            revision: 1,
            command_revision: 1,
            kind: i16::try_from(i32::from(EventKind::ShopChanged)).unwrap_or_default(),
            order_number: None,
            actor: command.caller.actor.clone(),
            created_at: now,
            request_id: command.caller.request_id.as_bytes().to_vec(),
            content: Some(content),
            change: EventChange::default().encode_to_vec(),
            document: None,
            personal_version: None,
        }],
        ..Changes::default()
    }
}

/// The sandbox under the names of the usual providers, so that orders can be placed at once.
fn first_integrations(shop_id: i64, now: i64) -> impl Iterator<Item = IntegrationRow> {
    FIRST_INTEGRATIONS.into_iter().map(move |slug| IntegrationRow {
        shop_id,
        slug: slug.to_owned(),
        setup: setup_stored(System::Sandbox(SandboxIntegration {})),
        credentials: None,
        credentials_set_at: None,
        is_disabled: false,
        revision: 1,
        created_at: now,
        updated_at: now,
    })
}
