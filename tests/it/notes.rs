//! §3 Notes, mails and the withdrawal form, with the folder in which mails lie without a mail server.

use order_rules::refusals::Code;
use order_sdk::proto::{self, EventKind, MailKind, MailState, NoteAudience};
use order_sdk::{Error, OrderName};

use crate::harness::{
    Backend, WAIT, World, eventually, mask, problems, refused, request_id, status_id, wrong_fields,
};

trials! {
    shared: [
        rule_2_10_a_mail_rides_with_the_change_that_moves_the_label,
        rule_3_1_a_note_for_the_customer_is_mailed_with_the_form,
        rule_3_1_flags_that_are_left_open_are_as_the_shop_says,
        rule_3_2_without_a_seller_or_an_address_nothing_is_mailed,
        rule_3_3_a_corrected_address_shows_what_went_to_the_old_one,
        rule_3_4_text_and_address_are_nowhere_but_with_the_customer,
        rule_3_6_an_order_is_confirmed_with_the_form,
        files_go_with_the_mail_and_are_forgotten,
        what_is_wrong_with_a_note_is_told_by_field,
        templates_are_checked_when_they_are_set,
    ];
}

/// Says who sells in the shop.
pub(crate) async fn set_seller(world: &World) {
    world.set("settings.seller", |settings| settings.seller = Some(seller())).await;
}

fn seller() -> proto::Seller {
    proto::Seller {
        name: "Blåbær & Kopper AS".to_owned(),
        address: Some(proto::Address {
            lines: vec!["Storgata 1".to_owned()],
            postal_code: "0155".to_owned(),
            city: "Oslo".to_owned(),
            ..proto::Address::default()
        }),
        email: "hei@kopper.example".to_owned(),
        ..proto::Seller::default()
    }
}

pub(crate) fn mail_states(order: &proto::Order) -> Vec<MailState> {
    order.mails.iter().map(proto::Mail::state).collect()
}

async fn order_in(world: &World) -> OrderName {
    let order = world.place(world.draft(500).payment("manual", "", 500)).await;
    order.name.parse().unwrap()
}

/// A note for the customer, mailed.
pub(crate) fn mailed(world: &World, order: &OrderName, text: &str) -> order_sdk::NoteDraft {
    world.client.new_note(order, NoteAudience::Customer, text).send_email(true)
}

/// The order once all its mails are sent.
pub(crate) async fn sent(world: &World, order: &OrderName) -> proto::Order {
    eventually("all mails are sent", async || {
        let order = world.get(order).await;
        mail_states(&order).iter().all(|state| *state == MailState::Sent).then_some(order)
    })
    .await
}

/// The file of a mail, as it lies in the folder.
pub(crate) fn file(world: &World, mail: &proto::Mail) -> String {
    std::fs::read_to_string(file_path(world, mail)).unwrap()
}

pub(crate) fn file_path(world: &World, mail: &proto::Mail) -> std::path::PathBuf {
    let name = mail.message_id.split('@').next().unwrap();
    world.server.store.data_folder().join("mail").join(format!("{name}.eml"))
}

async fn resend(
    world: &World,
    order: &OrderName,
    mail_id: i64,
) -> Result<proto::ResendMailResponse, Error> {
    let request = proto::ResendMailRequest {
        name: order.into(),
        mail_id,
        ..proto::ResendMailRequest::default()
    };
    world.client.resend_mail(request).await
}

async fn kinds(world: &World, order: &OrderName) -> Vec<EventKind> {
    world.history(order).await.iter().map(proto::Event::kind).collect()
}

async fn rule_3_1_a_note_for_the_customer_is_mailed_with_the_form(world: World) {
    set_seller(&world).await;
    let name = order_in(&world).await;
    for audience in [NoteAudience::Internal, NoteAudience::Warehouse] {
        let note = world.client.new_note(&name, audience, "Ring før levering");
        assert_eq!(note.send().await.unwrap().receipt.unwrap().plan, []);
    }
    let draft = mailed(&world, &name, "Hei!\nPakken er på vei.").withdrawal_form(true);
    let asked = draft.clone().validate_only().send().await.unwrap();
    let plan = asked.receipt.unwrap().plan;
    assert_eq!(plan.iter().map(|effect| effect.mail()).collect::<Vec<_>>(), [MailKind::Note]);
    assert_eq!(world.get(&name).await.notes.len(), 2);
    let answer = draft.send().await.unwrap();
    assert_eq!(answer.receipt.unwrap().plan, plan);
    let order = sent(&world, &name).await;
    let (note, mail) = (&order.notes[2], &order.mails[0]);
    assert_eq!(
        (note.id, note.author.as_str(), note.audience()),
        (3, "test", NoteAudience::Customer)
    );
    assert_eq!((mail.kind(), mail.note_id, mail.has_withdrawal_form), (MailKind::Note, 3, true));
    assert_eq!(order.withdrawal.unwrap().form_send_time, mail.resolve_time);
    let text = file(&world, mail);
    for line in [
        "hei@kopper.example>\r\n",
        "<kari.hemmelig@example.com>\r\n",
        &format!("Message-ID: <{}>\r\n", mail.message_id),
        &format!("filename=\"Angreskjema-{}.pdf\"", order.number),
        "Content-Type: application/pdf\r\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let history = world.history(&name).await;
    let noted = history.iter().rfind(|event| event.kind() == EventKind::NoteAdded).unwrap();
    assert_eq!(noted.change.as_ref().unwrap().note_id, 3);
    let mails: Vec<(EventKind, MailState)> = history
        .iter()
        .filter_map(|event| Some((event.kind(), event.change.as_ref()?.mail.as_ref()?.state())))
        .collect();
    assert_eq!(
        mails,
        [
            (EventKind::MailRequested, MailState::Pending),
            (EventKind::MailResolved, MailState::Sent)
        ]
    );
}

async fn rule_3_1_flags_that_are_left_open_are_as_the_shop_says(world: World) {
    set_seller(&world).await;
    let defaults = proto::NoteDefaults { send_email: true, attach_withdrawal_form: true };
    world.set("settings.note_defaults", |settings| settings.note_defaults = Some(defaults)).await;
    let name = order_in(&world).await;
    let note = |audience| world.client.new_note(&name, audience, "Hei").validate_only();
    let mails = async |draft: order_sdk::NoteDraft| {
        let order = draft.send().await.unwrap().order.unwrap();
        order.mails.iter().map(|mail| mail.has_withdrawal_form).collect::<Vec<_>>()
    };
    assert_eq!(mails(note(NoteAudience::Customer)).await, [true]);
    assert_eq!(mails(note(NoteAudience::Customer).withdrawal_form(false)).await, [false]);
    assert!(mails(note(NoteAudience::Customer).send_email(false)).await.is_empty());
    assert!(mails(note(NoteAudience::Internal)).await.is_empty());
}

async fn rule_3_2_without_a_seller_or_an_address_nothing_is_mailed(world: World) {
    let name = order_in(&world).await;
    let before = world.revision().await;
    let wanted = || mailed(&world, &name, "Hei");
    refused(wanted().send().await, Code::SellerDetailsMissing);
    let change = world.change(&name, "processing").send_email();
    refused(change.send().await, Code::SellerDetailsMissing);
    // It has this status already, and is not mailed about.
    let again = world.change(&name, "not-processed").send_email().send().await.unwrap();
    let (order, receipt) = (again.order.unwrap(), again.receipt.unwrap());
    assert!(order.mails.is_empty() && receipt.plan.is_empty(), "{receipt:?}");
    let mut shop = world.shop().await;
    shop.settings.as_mut().unwrap().confirms_orders = true;
    let mut request = proto::UpdateShopRequest {
        shop: Some(shop),
        update_mask: Some(mask(&["settings.confirms_orders"])),
        ..proto::UpdateShopRequest::default()
    };
    refused(world.client.update_shop(request.clone()).await, Code::SellerDetailsMissing);
    assert_eq!(world.revision().await, before + 1, "the record of the change that was none");
    set_seller(&world).await;
    request.request_id = request_id();
    world.client.update_shop(request.clone()).await.unwrap();
    // What mails need cannot be taken away while they go out.
    request.request_id = request_id();
    request.update_mask = Some(mask(&["settings.seller"]));
    refused(world.client.update_shop(request).await, Code::SellerDetailsMissing);

    let silent = world.draft(500).customer("Ola Nordmann", "").payment("manual", "", 500);
    let order = world.place(silent).await;
    assert_eq!(order.mails, []);
    let silent: OrderName = order.name.parse().unwrap();
    refused(mailed(&world, &silent, "Hei").send().await, Code::EmailMissing);
    let change = world.change(&silent, "processing").send_email();
    refused(change.send().await, Code::EmailMissing);
}

async fn rule_3_3_a_corrected_address_shows_what_went_to_the_old_one(world: World) {
    set_seller(&world).await;
    let name = order_in(&world).await;
    mailed(&world, &name, "Hei").withdrawal_form(true).send().await.unwrap();
    let first = sent(&world, &name).await;
    assert!(!first.mails[0].is_to_old_address);
    let to_old = async |email: &str| -> Vec<i64> {
        let mut order = proto::Order { name: (&name).into(), ..proto::Order::default() };
        order.customer.get_or_insert_default().email = email.to_owned();
        let request = proto::UpdateOrderRequest {
            order: Some(order),
            update_mask: Some(mask(&["customer.email"])),
            ..proto::UpdateOrderRequest::default()
        };
        let updated = world.client.update_order(request).await.unwrap().order.unwrap();
        let old = updated.mails.iter().filter(|mail| mail.is_to_old_address);
        old.map(|mail| mail.id).collect()
    };
    assert_eq!(to_old("kari@gmail.cm").await, [first.mails[0].id]);
    assert_eq!(to_old("kari.hemmelig@example.com").await, [0; 0], "away and back");
    let old = to_old("kari@gmail.com").await;
    assert_eq!(old, [first.mails[0].id]);

    refused(resend(&world, &name, 999_999).await, Code::MailNotFound);
    resend(&world, &name, old[0]).await.unwrap();
    let order = sent(&world, &name).await;
    let [old, new] = order.mails.as_slice() else { panic!("{:?}", order.mails) };
    assert!(old.is_to_old_address && !new.is_to_old_address && new.has_withdrawal_form);
    assert!(file(&world, old).contains("<kari.hemmelig@example.com>"));
    assert!(file(&world, new).contains("To: \"Kari Testesen-Hemmelig\" <kari@gmail.com>"));
    assert_ne!(old.message_id, new.message_id);
}

async fn rule_3_4_text_and_address_are_nowhere_but_with_the_customer(world: World) {
    set_seller(&world).await;
    let name = order_in(&world).await;
    mailed(&world, &name, "Pakk godt ut").send().await.unwrap();
    let order = sent(&world, &name).await;
    let shop = world.shop.id();
    let shop_id = format!("(SELECT shop_id FROM shops WHERE slug = '{shop}')");
    let blob = |column: &str| match world.server.backend {
        Backend::Sqlite => format!("coalesce(lower(hex({column})), '')"),
        Backend::Postgres => format!("coalesce(encode({column}, 'hex'), '')"),
    };
    let events = format!(
        "SELECT {} || {} AS a FROM events WHERE shop_id = {shop_id}",
        blob("change"),
        blob("document")
    );
    let mails = format!("SELECT message_id AS a FROM mails WHERE mail_key >> 40 = {shop_id}");
    let mut rows = world.server.store.texts(&events).await;
    rows.extend(world.server.store.texts(&mails).await);
    assert!(rows.len() > 5);
    for personal in ["kari.hemmelig", "Testesen", "Pakk godt"] {
        let wanted: String = personal.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(rows.iter().all(|row| !row.contains(&wanted) && !row.contains(personal)));
    }
    assert_eq!(order.mails.len(), 1);
}

async fn rule_3_6_an_order_is_confirmed_with_the_form(world: World) {
    set_seller(&world).await;
    world.set("settings.confirms_orders", |settings| settings.confirms_orders = true).await;
    let draft = || world.draft(124_950).goods("", "Brett <lite>", 2, 4_900, 2_500);
    let draft = |language: &str| draft().language(language).payment("manual", "", 134_750);
    let asked = draft("nb").validate_only().send().await.unwrap();
    let plan = asked.receipt.unwrap().plan;
    assert_eq!(
        plan.iter().map(|one| one.mail()).collect::<Vec<_>>(),
        [MailKind::OrderConfirmation]
    );
    for (language, words) in [
        ("nb", ["Takk for bestillingen", "Angreskjema-", "1\u{a0}347,50\u{a0}NOK"]),
        ("en", ["Thank you for your order", "Withdrawal-form-", "NOK\u{a0}1,347.50"]),
    ] {
        let order = world.place(draft(language)).await;
        let name: OrderName = order.name.parse().unwrap();
        let order = sent(&world, &name).await;
        let mail = &order.mails[0];
        assert_eq!((mail.kind(), mail.has_withdrawal_form), (MailKind::OrderConfirmation, true));
        assert!(order.withdrawal.unwrap().form_send_time.is_some());
        let text = readable(&file(&world, mail));
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(text.contains("Brett &lt;lite&gt;") && text.contains("2 × Brett <lite>"), "{text}");
        let kinds = kinds(&world, &name).await;
        assert_eq!(kinds[0], EventKind::OrderCreated);
        assert!(kinds.contains(&EventKind::MailRequested), "{kinds:?}");
    }
}

/// A mail with its quoted-printable undone.
pub(crate) fn readable(text: &str) -> String {
    let text = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'=').then(|| after.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn rule_2_10_a_mail_rides_with_the_change_that_moves_the_label(world: World) {
    set_seller(&world).await;
    let bought = world.buy(900, "capture=slow:2s").await;
    let change = |world: &World| {
        let change = world.change(&bought.name, "sent").send_email();
        change.note(NoteAudience::Customer, "God tur på fjellet")
    };
    let asked = change(&world).validate_only().send().await.unwrap();
    let plan = asked.receipt.unwrap().plan;
    let mails: Vec<MailKind> = plan.iter().map(|effect| effect.mail()).collect();
    assert_eq!(mails, [MailKind::Unspecified, MailKind::StatusChanged]);
    let pending = change(&world).send().await.unwrap().order.unwrap();
    let waiting = pending.pending_status_change.unwrap();
    assert!(waiting.send_email && pending.mails.is_empty() && pending.notes.is_empty());
    let order = sent(&world, &bought.name).await;
    let order = if order.mails.is_empty() {
        world.settled(&bought.name).await;
        sent(&world, &bought.name).await
    } else {
        order
    };
    assert_eq!(status_id(&order), "sent");
    let mail = &order.mails[0];
    assert_eq!((mail.kind(), mail.note_id), (MailKind::StatusChanged, 1));
    let text = readable(&file(&world, mail));
    assert!(text.contains("Sendt") && text.contains("God tur på fjellet"), "{text}");

    // A change that is declined mails nobody, and neither does one that moves nothing.
    let declined = world.buy(900, "capture=decline").await;
    let change = world.change(&declined.name, "sent").send_email().wait(WAIT);
    let order = change.send().await.unwrap().order.unwrap();
    assert_eq!((problems(&order).len(), order.mails.len()), (1, 0));
    let again = world.change(&bought.name, "sent").send_email();
    assert_eq!(again.send().await.unwrap().order.unwrap().mails.len(), 1);
}

async fn files_go_with_the_mail_and_are_forgotten(world: World) {
    set_seller(&world).await;
    let name = order_in(&world).await;
    let content = b"%PDF-1.7 a manual".to_vec();
    let draft = mailed(&world, &name, "Se vedlegget")
        .attach("bruksanvisning på norsk.pdf", "application/pdf", content)
        .attach("large.bin", "application/octet-stream", vec![7; 2_000_000]);
    draft.send().await.unwrap();
    let order = sent(&world, &name).await;
    assert_eq!(order.notes[0].attachment_names, ["bruksanvisning på norsk.pdf", "large.bin"]);
    let text = file(&world, &order.mails[0]);
    assert!(text.contains("bruksanvisning%20p%C3%A5%20norsk.pdf") && text.len() > 2_600_000);
    let mail = order.mails[0].id;
    let kept = format!(
        "SELECT message_id AS a FROM mails JOIN mail_files USING (mail_key) WHERE message_id = '{}'",
        order.mails[0].message_id
    );
    assert_eq!(world.server.store.texts(&kept).await, Vec::<String>::new());
    refused(resend(&world, &name, mail).await, Code::MailFilesGone);
}

async fn what_is_wrong_with_a_note_is_told_by_field(world: World) {
    set_seller(&world).await;
    let name = order_in(&world).await;
    let before = world.revision().await;
    let wrong = async |draft: order_sdk::NoteDraft| wrong_fields(draft.send().await);
    let note = |audience| world.client.new_note(&name, audience, "Hei");
    let customer = || note(NoteAudience::Customer);
    assert_eq!(wrong(note(NoteAudience::Internal).send_email(true)).await, ["send_email"]);
    assert_eq!(wrong(customer().withdrawal_form(true)).await, ["attach_withdrawal_form"]);
    let pdf = "application/pdf";
    assert_eq!(wrong(customer().attach("a.pdf", pdf, vec![1])).await, ["attachments"]);
    let bad = mailed(&world, &name, "")
        .attach("../a.pdf", pdf, vec![1])
        .attach("a\r\nb.pdf", "pdf", vec![1])
        .attach("plain", pdf, Vec::new());
    assert_eq!(
        wrong(bad).await,
        [
            "note.text",
            "attachments[0].file_name",
            "attachments[1].file_name",
            "attachments[1].media_type",
            "attachments[2].file_name",
            "attachments[2].content",
        ]
    );
    let mut many = mailed(&world, &name, "Hei");
    for _ in 0..11 {
        many = many.attach("a.pdf", pdf, vec![1]);
    }
    assert_eq!(wrong(many).await, ["attachments"]);
    let large = |bytes: usize| {
        let half = vec![7; bytes / 2];
        mailed(&world, &name, "Hei").attach("a.bin", pdf, half.clone()).attach("b.bin", pdf, half)
    };
    assert_eq!(wrong(large(10_000_002)).await, ["attachments"]);
    assert_eq!(world.revision().await, before);
    large(10_000_000).validate_only().send().await.unwrap();
    // Far too large is refused before it is read.
    let refusal = refused(large(14_000_000).send().await, Code::InvalidRequest);
    let [violation] = refusal.violations.as_slice() else { panic!("{refusal:?}") };
    assert_eq!(violation.field, "attachments");
    assert!(violation.description.contains("10 MB"), "{violation:?}");
}

async fn templates_are_checked_when_they_are_set(world: World) {
    set_seller(&world).await;
    let before = world.shop().await;
    let template = |subject: &str, text: &str| proto::MailTemplate {
        subject: subject.to_owned(),
        text: text.to_owned(),
        html: String::new(),
    };
    let set = async |key: &str, template: proto::MailTemplate| {
        let mut shop = before.clone();
        let settings = shop.settings.as_mut().unwrap();
        settings.mail_templates.insert(key.to_owned(), template);
        let request = proto::UpdateShopRequest {
            shop: Some(shop),
            update_mask: Some(mask(&["settings.mail_templates"])),
            ..proto::UpdateShopRequest::default()
        };
        world.client.update_shop(request).await
    };
    let refusal =
        refused(set("note.nb", template("Hei", "{{ order.nummer }}")).await, Code::InvalidRequest);
    let [violation] = refusal.violations.as_slice() else { panic!("{refusal:?}") };
    assert_eq!(violation.field, r#"shop.settings.mail_templates["note.nb"].value.text"#);
    assert!(violation.description.contains("order.nummer"), "{violation:?}");
    // Also where an order that has everything never comes.
    for (text, unknown) in [
        ("{% if note %}{{ note }}{% else %}{{ order.nummer }}{% endif %}", "order.nummer"),
        (
            "{% if not note %}{% for line in order.lines %}{{ line.navn }}{% endfor %}{% endif %}",
            "line.navn",
        ),
        (
            "{% if order.lines|length > 4 %}{% for l in order.lines %}{{ l.foo }}{% endfor %}{% endif %}",
            "l.foo",
        ),
        (
            "{% for one in order.deliveries %}{% else %}{% set who = customer %}{{ who.fornavn }}{% endfor %}",
            "who.fornavn",
        ),
    ] {
        let refusal = refused(set("note.nb", template("Hei", text)).await, Code::InvalidRequest);
        assert!(refusal.violations[0].description.contains(unknown), "{refusal:?}");
    }
    let wrong = wrong_fields(set("receipt.nb", template("{{ a", "x")).await);
    let place = r#"shop.settings.mail_templates["receipt.nb"]"#;
    assert_eq!(wrong, [format!("{place}.key"), format!("{place}.value.subject")]);

    let own =
        template("{{ shop.name }}: ordre {{ order.number }}", "{{ note }} – {{ order.total }}");
    set("note.nb", own).await.unwrap();
    let name = order_in(&world).await;
    mailed(&world, &name, "Hei på deg").send().await.unwrap();
    let order = sent(&world, &name).await;
    let text = readable(&file(&world, &order.mails[0]));
    let subject = format!("Subject: {}: ordre {}\r\n", world.shop.id(), order.number);
    assert!(text.contains(&subject) && text.contains("Hei på deg – 5,00\u{a0}NOK"), "{text}");
    assert!(!text.contains("text/html"), "{text}");
}
