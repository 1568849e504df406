//! Shops and their settings.

use futures_util::TryStreamExt;
use order_rules::refusals::Code;
use order_sdk::proto::{self, CaptureMode, DuplicateMode, Shop, ShopSettings, StockMode};
use order_sdk::{Error, ShopName};

use crate::harness::{World, mask, refused, wrong_fields};

trials! {
    shared: [
        a_shop_has_defaults_for_what_is_not_stated,
        a_new_shop_may_compare_no_two_purchases,
        what_a_new_shop_does_not_state_is_at_its_default,
        the_shop_default_is_there_from_the_start,
        settings_change_one_by_one,
        shops_are_listed_by_name_page_by_page,
        the_next_number_only_rises,
        wrong_settings_are_told_at_once_and_nothing_is_stored,
        wrong_words_and_numbers_of_a_shop_are_told,
        what_exists_or_does_not_is_refused,
    ];
}

impl World {
    async fn update_shop(
        &self,
        paths: &[&str],
        change: impl FnOnce(&mut Shop),
    ) -> Result<proto::UpdateShopResponse, Error> {
        let mut shop = Shop { name: (&self.shop).into(), ..Shop::default() };
        shop.settings = Some(ShopSettings::default());
        change(&mut shop);
        let request = proto::UpdateShopRequest {
            shop: Some(shop),
            update_mask: Some(mask(paths)),
            ..proto::UpdateShopRequest::default()
        };
        self.client.update_shop(request).await
    }

    async fn create_shop(&self, id: &str, shop: Option<Shop>) -> Result<Shop, Error> {
        let request = proto::CreateShopRequest {
            shop_id: id.to_owned(),
            shop,
            ..proto::CreateShopRequest::default()
        };
        Ok(self.client.create_shop(request).await?.shop.unwrap())
    }
}

async fn a_shop_has_defaults_for_what_is_not_stated(world: World) {
    let id = format!("{}-plain", world.shop.id());
    let shop = world
        .create_shop(&id, Some(Shop { display_name: id.clone(), ..Shop::default() }))
        .await
        .unwrap();
    assert_eq!(shop.name, format!("shops/{id}"));
    assert_eq!(shop.revision, 1);
    assert!(shop.create_time.is_some() && !shop.etag.is_empty());
    let settings = shop.settings.unwrap();
    assert_eq!(settings.language_code, "nb");
    assert_eq!(settings.time_zone, "Europe/Oslo");
    assert_eq!(settings.currency_code, "NOK");
    assert_eq!(settings.stock_mode(), StockMode::Allow);
    assert_eq!(settings.capture_mode(), CaptureMode::OnCompleted);
    assert_eq!(settings.duplicate_mode(), DuplicateMode::Flag);
    assert_eq!(settings.duplicate_window_seconds, Some(24 * 60 * 60));
    assert_eq!(settings.completed_delivers, Some(true));
    assert_eq!(settings.transit_days, Some(3));
}

async fn a_new_shop_may_compare_no_two_purchases(world: World) {
    for (stated, wanted) in [(Some(0), Some(0)), (Some(60), Some(60)), (None, Some(24 * 60 * 60))] {
        let id = format!("{}-{}", world.shop.id(), stated.unwrap_or(1));
        let settings = ShopSettings { duplicate_window_seconds: stated, ..Default::default() };
        let shop = Shop { display_name: id.clone(), settings: Some(settings), ..Shop::default() };
        let made = world.create_shop(&id, Some(shop)).await.unwrap();
        let path = "settings.duplicate_window_seconds";
        assert_eq!(made.settings.unwrap().duplicate_window_seconds, wanted);
        let read = proto::GetShopRequest { name: made.name };
        let read = world.client.get_shop(read).await.unwrap().shop.unwrap();
        assert_eq!(read.settings.unwrap().duplicate_window_seconds, wanted);
        let unset = |shop: &mut Shop| {
            shop.settings.as_mut().unwrap().duplicate_window_seconds = None;
        };
        let unset = world.update_shop(&[path], unset).await;
        assert_eq!(wrong_fields(unset), ["shop.settings.duplicate_window_seconds"]);
    }
}

async fn what_a_new_shop_does_not_state_is_at_its_default(world: World) {
    let make = async |name: &str, settings: ShopSettings| {
        let id = format!("{}-{name}", world.shop.id());
        let shop = Shop { display_name: id.clone(), settings: Some(settings), ..Shop::default() };
        world.create_shop(&id, Some(shop)).await.unwrap().settings.unwrap()
    };
    let mut per_delivery = ShopSettings::default();
    per_delivery.set_capture_mode(CaptureMode::PerDelivery);
    let settings = make("modes", per_delivery).await;
    assert_eq!(settings.capture_mode(), CaptureMode::PerDelivery);
    assert_eq!((settings.completed_delivers, settings.transit_days), (Some(true), Some(3)));
    let (completed_delivers, transit_days) = (Some(false), Some(0));
    let stated = ShopSettings { completed_delivers, transit_days, ..ShopSettings::default() };
    let settings = make("stated", stated).await;
    assert_eq!(settings.capture_mode(), CaptureMode::OnCompleted);
    assert_eq!((settings.completed_delivers, settings.transit_days), (Some(false), Some(0)));
}

async fn the_shop_default_is_there_from_the_start(world: World) {
    let request = proto::GetShopRequest { name: "shops/default".to_owned() };
    let shop = world.client.get_shop(request).await.unwrap().shop.unwrap();
    let request = proto::ListIntegrationsRequest { parent: shop.name.clone() };
    assert_eq!(world.client.list_integrations(request).await.unwrap().integrations.len(), 3);
    let request = proto::ListOrderStatusesRequest { parent: shop.name };
    let statuses = world.client.list_order_statuses(request).await.unwrap();
    assert_eq!(statuses.order_statuses.len(), 5);
}

async fn settings_change_one_by_one(world: World) {
    type Change = fn(&mut ShopSettings);
    let changes: [(&str, Change); 8] = [
        ("settings.language_code", |settings| settings.language_code = "en".to_owned()),
        ("settings.time_zone", |settings| settings.time_zone = "America/New_York".to_owned()),
        ("settings.currency_code", |settings| settings.currency_code = "EUR".to_owned()),
        ("settings.stock_mode", |settings| settings.set_stock_mode(StockMode::Refuse)),
        ("settings.duplicate_mode", |settings| {
            settings.set_duplicate_mode(DuplicateMode::ReturnFirst);
        }),
        ("settings.duplicate_window_seconds", |settings| {
            settings.duplicate_window_seconds = Some(60);
        }),
        ("settings.completed_delivers", |settings| settings.completed_delivers = Some(false)),
        ("settings.next_order_number", |settings| settings.next_order_number = 7_000),
    ];
    let mut wanted = world.shop().await.settings.unwrap();
    for (path, change) in changes {
        let etag = world.shop().await.etag;
        let edit = |shop: &mut Shop| change(shop.settings.as_mut().unwrap());
        let shop = world.update_shop(&[path], edit).await.unwrap().shop.unwrap();
        change(&mut wanted);
        assert_eq!(shop.settings.as_ref().unwrap(), &wanted, "{path}");
        assert_ne!(shop.etag, etag);
        assert_eq!(world.shop().await, shop);
    }
    let named = world.update_shop(&["display_name"], |shop| shop.display_name = "Ny".to_owned());
    assert_eq!(named.await.unwrap().shop.unwrap().display_name, "Ny");
}

async fn shops_are_listed_by_name_page_by_page(world: World) {
    let mut wanted = vec![world.shop.to_string()];
    for suffix in ["c", "a", "b"] {
        let id = format!("{}-{suffix}", world.shop.id());
        let shop =
            world.create_shop(&id, Some(Shop { display_name: id.clone(), ..Shop::default() }));
        wanted.push(shop.await.unwrap().name);
    }
    wanted.sort();
    let request = |page_size, page_token: &str| proto::ListShopsRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    let shops: Vec<Shop> =
        world.client.shop_pages(request(3, "")).by_item().try_collect().await.unwrap();
    let names: Vec<&String> = shops.iter().map(|shop| &shop.name).collect();
    assert!(names.is_sorted() && names.iter().any(|name| *name == "shops/default"));
    let own: Vec<&String> = names.into_iter().filter(|name| wanted.contains(name)).collect();
    assert_eq!(own, wanted.iter().collect::<Vec<_>>());
    refused(world.client.list_shops(request(3, "what")).await, Code::PageTokenInvalid);
    assert_eq!(wrong_fields(world.client.list_shops(request(-3, "")).await), ["page_size"]);
}

async fn the_next_number_only_rises(world: World) {
    let set = |number| {
        world.update_shop(&["settings.next_order_number"], move |shop| {
            shop.settings.as_mut().unwrap().next_order_number = number;
        })
    };
    set(2_000).await.unwrap();
    let refusal = refused(set(1_999).await, Code::OrderNumberTaken);
    assert_eq!(refusal.number("next_order_number"), Some(2_000));
    set(2_000).await.unwrap();
    assert_eq!(world.place(world.draft(0)).await.number, 2_000);
    refused(set(2_000).await, Code::OrderNumberTaken);
    let set_credit = |number| {
        world.update_shop(&["settings.next_credit_number"], move |shop| {
            shop.settings.as_mut().unwrap().next_credit_number = number;
        })
    };
    set_credit(50).await.unwrap();
    let refusal = refused(set_credit(49).await, Code::CreditNumberTaken);
    assert_eq!(refusal.number("next_credit_number"), Some(50));
}

/// Settings of which nothing is right.
fn wrong_settings() -> ShopSettings {
    ShopSettings {
        language_code: "?".to_owned(),
        time_zone: "Oslo time".to_owned(),
        currency_code: "kr".to_owned(),
        stock_mode: 9,
        capture_mode: -1,
        duplicate_mode: 77,
        duplicate_window_seconds: Some(2_592_001),
        next_order_number: -1,
        credit_order_status: "returned".to_owned(),
        completed_delivers: Some(false),
        ..ShopSettings::default()
    }
}

async fn wrong_settings_are_told_at_once_and_nothing_is_stored(world: World) {
    let before = world.revision().await;
    let settings = wrong_settings();
    let wanted = [
        "shop.settings.language_code",
        "shop.settings.time_zone",
        "shop.settings.currency_code",
        "shop.settings.stock_mode",
        "shop.settings.capture_mode",
        "shop.settings.duplicate_mode",
        "shop.settings.duplicate_window_seconds",
        "shop.settings.next_order_number",
        "shop.settings.credit_order_status",
        "shop.display_name",
    ];
    let has_all = |fields: &[String]| {
        for wanted in wanted {
            assert!(fields.iter().any(|field| field == wanted), "no {wanted} in {fields:?}");
        }
    };
    let shop = Shop { settings: Some(settings.clone()), ..Shop::default() };
    let fields = wrong_fields(world.create_shop("Bad Id", Some(shop)).await);
    has_all(&fields);
    assert!(fields.contains(&"shop_id".to_owned()), "{fields:?}");
    let paths = [
        "display_name",
        "settings.language_code",
        "settings.time_zone",
        "settings.currency_code",
        "settings.stock_mode",
        "settings.capture_mode",
        "settings.duplicate_mode",
        "settings.duplicate_window_seconds",
        "settings.next_order_number",
        "settings.credit_order_status",
    ];
    has_all(&wrong_fields(world.update_shop(&paths, |shop| shop.settings = Some(settings)).await));
    let unknown = world.update_shop(&["settings.colour", "name"], |_| {}).await;
    assert_eq!(wrong_fields(unknown), ["update_mask.paths[0]", "update_mask.paths[1]"]);
    assert_eq!(wrong_fields(world.update_shop(&[], |_| {}).await), ["update_mask"]);
    assert_eq!(wrong_fields(world.create_shop("good", None).await), ["shop"]);
    let missing = world
        .update_shop(&["settings.credit_order_status"], |shop| {
            let settings = shop.settings.as_mut().unwrap();
            settings.credit_order_status = world.status("missing").into();
        })
        .await;
    assert_eq!(wrong_fields(missing), ["shop.settings.credit_order_status"]);
    assert_eq!(world.revision().await, before);
}

async fn wrong_words_and_numbers_of_a_shop_are_told(world: World) {
    let settings = ShopSettings {
        next_credit_number: 1_000_000_000_001,
        transit_days: Some(61),
        seller: Some(proto::Seller {
            name: "x".repeat(201),
            email: "post@example.no, other@example.no".to_owned(),
            ..proto::Seller::default()
        }),
        mail_templates: [("note.nb".to_owned(), proto::MailTemplate::default())].into(),
        ..ShopSettings::default()
    };
    let paths = ["next_credit_number", "transit_days", "seller", "mail_templates"];
    let paths = paths.map(|path| format!("settings.{path}"));
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let wrong = world.update_shop(&paths, |shop| shop.settings = Some(settings)).await;
    let wanted = [
        "shop.settings.next_credit_number",
        "shop.settings.transit_days",
        "shop.settings.seller.name",
        "shop.settings.seller.email",
        r#"shop.settings.mail_templates["note.nb"].value.subject"#,
        r#"shop.settings.mail_templates["note.nb"].value.text"#,
    ];
    assert_eq!(wrong_fields(wrong), wanted);
}

async fn what_exists_or_does_not_is_refused(world: World) {
    let shop = Some(Shop { display_name: "Igjen".to_owned(), ..Shop::default() });
    refused(world.create_shop(world.shop.id(), shop).await, Code::ShopExists);
    let nowhere = ShopName::new("nowhere").unwrap();
    let request = proto::GetShopRequest { name: (&nowhere).into() };
    refused(world.client.get_shop(request).await, Code::ShopNotFound);
    let draft = world.client.new_order(&nowhere, "NOK").customer("A", "").goods("", "b", 1, 0, 0);
    refused(draft.send().await, Code::ShopNotFound);
}
