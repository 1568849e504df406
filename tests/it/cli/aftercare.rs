//! `orderctl` with what comes after an order: credits, duplicates, edits, mails and problems.

use order_sdk::proto;

use crate::harness::folder::Folder;
use crate::harness::{World, eventually};

trials! {
    shared: [
        a_sale_is_credited,
        duplicates_are_listed_resolved_and_dismissed,
        orders_are_edited_and_deleted,
        notes_are_mailed_and_mails_sent_again,
        problems_are_listed_with_their_remedy_and_dealt_with,
    ];
}

async fn a_sale_is_credited(world: World) {
    let bought = world.sell("").await;
    let credit = ["orders", "credit", "1001"];
    let with = |rest: &[&'static str]| [&credit[..], rest].concat();
    let dry = with(&["--all", "--fee", "Returfrakt=99.00@25", "--refund", "yes", "--dry-run"]);
    let told = world.printed(&dry).await;
    assert!(told.contains("would refund 790.00 NOK on klarna"), "{told}");
    assert!(told.contains("would make a credit order of -790.00 NOK"), "{told}");
    let lines = with(&["--line", "1=1", "--amount", "2=50.00", "--refund", "yes", "--reason", "x"]);
    let told = world.printed(&lines).await;
    assert!(told.contains("credit order 1002, credit 1: -"), "{told}");
    assert!(told.contains("SUCCEEDED"), "{told}");
    let order = world.printed(&["orders", "get", "1001"]).await;
    assert!(order.contains("Credit orders") && order.contains("1 credited ("), "{order}");
    assert!(order.contains("50.00 credited"), "{order}");
    let document = world.printed(&["orders", "get", "1002"]).await;
    assert!(document.contains("Credit order 1002 of 1001, credit 1"), "{document}");
    assert_eq!(world.numbers(&["--kind", "credit"]).await, [1002]);
    assert!(world.printed(&["orders", "history", "1001"]).await.contains("credit order 1002"));
    let payment = format!("{}=1.00", bought.order.payments[0].id);
    let share = ["--amount", "3=1.00", "--refund", "yes", "--restock", "no", "--share", &payment];
    let json = world.printed(&[&credit[..], &share, &["--output", "json"]].concat()).await;
    let answer: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(answer["creditOrder"]["creditNumber"], "2");
    let much = world.ctl(&with(&["--line", "1=2", "--refund", "no"])).await;
    assert_eq!(much.code, 3, "{much:?}");
    assert!(much.told.contains("CREDIT_EXCEEDS_CAPTURED"), "{much:?}");
    world.printed(&with(&["--all", "--refund", "no"])).await;
    let nothing = world.ctl(&with(&["--all", "--refund", "no"])).await;
    assert_eq!(nothing.code, 3, "{nothing:?}");
    assert!(nothing.told.contains("CREDIT_EXCEEDS_CAPTURED"), "the service says why: {nothing:?}");
    world.printed(&["shops", "update", world.shop.id(), "--next-credit-number", "5000"]).await;
    let shop = world.printed(&["shops", "get", world.shop.id()]).await;
    assert!(shop.contains("Next credit number") && shop.contains("5000"), "{shop}");

    let declined = world.sell("refund=decline").await;
    let number = declined.order.number.to_string();
    let told = world.ctl(&["orders", "credit", &number, "--all", "--refund", "yes"]).await;
    assert_eq!(told.code, 3, "{told:?}");
    assert!(told.told.contains("stands, but is not paid back"), "{told:?}");
    assert!(told.told.contains("REFUND_DECLINED"), "{told:?}");
}

async fn duplicates_are_listed_resolved_and_dismissed(world: World) {
    let first = world.buy(900, "").await;
    let twin = || world.draft(900).payment("klarna", &first.reference, 900);
    world.place(twin()).await;
    let listed = world.printed(&["duplicates", "list"]).await;
    assert!(listed.contains("duplicate of 1001?") && listed.contains("duplicate of 1002?"));
    let shown = world.printed(&["orders", "get", "1001"]).await;
    let wanted = "duplicates resolve --keep 1001 --drop 1002";
    assert!(shown.contains("same payment, time") && shown.contains(wanted), "{shown}");

    let resolve = "duplicates resolve --keep 1001 --drop 1002 --restock yes --complete-as Sendt";
    let resolve: Vec<&str> = resolve.split(' ').collect();
    let asked = world.printed(&[resolve.as_slice(), &["--dry-run"]].concat()).await;
    for told in [
        "would capture 9.00 NOK on klarna",
        "would set order 1001 to sent when its money is captured",
        "would then cancel order 1002, its goods back on stock",
    ] {
        assert!(asked.contains(told), "{told}: {asked}");
    }
    let done = world.printed(&resolve).await;
    assert!(done.contains("1001  sent") && done.contains("also changed: order 1002"), "{done}");
    let history = world.printed(&["orders", "history", "1002"]).await;
    assert!(history.contains("like order 1001, DROPPED"), "{history}");
    let shown = world.printed(&["orders", "get", "1002"]).await;
    assert!(shown.contains("Was taken for a duplicate of order 1001 (DROPPED)"), "{shown}");

    // The other orders of the day are purchases of their own.
    world
        .set("settings.duplicate_window_seconds", |settings| {
            settings.duplicate_window_seconds = Some(3_600);
        })
        .await;
    for _ in 0..2 {
        world.place(world.draft(300).payment("manual", "", 300)).await;
    }
    let shown = world.printed(&["orders", "get", "1004"]).await;
    assert!(shown.contains("ask the customer") && shown.contains("dismiss 1004 1003"), "{shown}");
    let refused = world.ctl(&["duplicates", "dismiss", "1001", "1002"]).await;
    assert!(refused.code == 3 && refused.told.contains("SAME_PAYMENT"), "{refused:?}");
    world.printed(&["duplicates", "dismiss", "1004", "1003"]).await;
    assert_eq!(world.printed(&["duplicates", "list"]).await, "");
}

async fn orders_are_edited_and_deleted(world: World) {
    world.stock("MUG-1", 5).await;
    let draft = world.draft(60_000).shipping("Pakke", 10_000, 2_500);
    world.place(draft.payment("klarna", world.reference(""), 70_000)).await;
    let edit = ["orders", "edit", "1001", "--price", "1=500", "--shipping", "0"];
    let add = ["--add", "sku=MUG-1,title=Krus,quantity=1,price=99,vat=25"];
    let dry = world.printed(&[&edit[..], &add, &["--dry-run"]].concat()).await;
    assert!(dry.contains("599.00 NOK") && dry.contains("would update amount 599.00 NOK"), "{dry}");
    let out = world.printed(&[&edit[..], &add].concat()).await;
    assert!(out.contains("update amount 599.00 NOK") && out.contains("SUCCEEDED"), "{out}");
    let told = world.ctl(&["orders", "edit", "1001", "--remove", "3"]).await;
    assert!(told.code == 3 && told.told.contains("RESTOCK_REQUIRED"), "{told:?}");
    let remove =
        ["orders", "edit", "1001", "--remove", "3", "--quantity", "1=1", "--restock", "yes"];
    assert!(world.printed(&remove).await.contains("500.00 NOK"));
    assert_eq!(world.on_hand("MUG-1").await, 5);
    let history = world.printed(&["orders", "history", "1001"]).await;
    assert!(history.contains("line 3 removed"), "{history}");
    let several = world.ctl(&["orders", "edit", "1001", "--price", "1"]).await;
    assert_eq!(several.code, 2);

    let told = world.ctl(&["orders", "delete", "1001"]).await;
    assert!(told.code == 3 && told.told.contains("RESERVATION_HELD"), "{told:?}");
    world.printed(&["orders", "status", "1001", "cancelled", "--restock", "no"]).await;
    assert!(world.printed(&["orders", "delete", "1001", "--dry-run"]).await.contains("would be"));
    assert!(world.printed(&["orders", "delete", "1001"]).await.contains("deleted"));
    let gone = world.ctl(&["orders", "get", "1001"]).await;
    assert!(gone.code == 4 && gone.told.contains("ORDER_DELETED"), "{gone:?}");
    assert!(world.printed(&["orders", "get", "1001", "--show-deleted"]).await.contains("Deleted"));
    assert!(world.numbers(&[]).await.is_empty());
}

async fn notes_are_mailed_and_mails_sent_again(world: World) {
    let shop = world.shop.id().to_owned();
    let folder = Folder::new();
    let words = folder.file("note.txt");
    std::fs::write(&words, "Om {{ order.number }}\n\n{{ note }}").unwrap();
    std::fs::write(folder.file("note.html"), "<p>{{ note }}</p>").unwrap();
    let template = format!("note.nb={}", words.display());
    let seller = ["--seller-name", "Kopper AS", "--seller-email", "hei@kopper.example"];
    let address = ["--seller-address", "Storgata 1, 0155 Oslo, NO", "--confirm-orders", "true"];
    let notes = ["--note-email", "true", "--mail-template", template.as_str()];
    let update = [&["shops", "update", &shop][..], &seller, &address, &notes].concat();
    let told = world.printed(&update).await;
    for part in ["Kopper AS, Storgata 1, 0155 Oslo, NO, hei@kopper.example", "note.nb", "mailed"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    world.buy(900, "").await;
    let dry = ["orders", "note", "1001", "Se vedlegg", "--for", "customer", "--dry-run"];
    let told = world.printed(&dry).await;
    assert!(told.contains("would mail the customer: note"), "{told}");
    let file = words.display().to_string();
    let form = ["--email", "--withdrawal-form", "--attach", file.as_str()];
    let note = ["orders", "note", "1001", "Se vedlegg", "--for", "customer"];
    let told = world.printed(&[&note[..], &form].concat()).await;
    assert!(told.contains("mail to the customer: note, mail "), "{told}");
    let name = world.shop.order(1001).unwrap();
    let order = eventually("both mails are sent", async || {
        let order = world.get(&name).await;
        let is_sent = |mail: &proto::Mail| mail.state() == proto::MailState::Sent;
        (order.mails.len() == 2 && order.mails.iter().all(is_sent)).then_some(order)
    })
    .await;
    let told = world.printed(&["orders", "get", "1001"]).await;
    for part in ["ORDER_CONFIRMATION", "note 1, withdrawal form", "with note.txt", "Se vedlegg"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let confirmation = order.mails[0].id.to_string();
    world.printed(&["orders", "resend", "1001", &confirmation]).await;
    let told = world.printed(&["orders", "status", "1001", "processing", "--email"]).await;
    assert!(told.contains("mail to the customer: status changed"), "{told}");
    let history = world.printed(&["orders", "history", "1001"]).await;
    assert!(history.contains("(order confirmation): SENT"), "{history}");
    let unknown = world.ctl(&["orders", "resend", "1001", "999999"]).await;
    assert_eq!(unknown.code, 4, "{}", unknown.told);
}

async fn problems_are_listed_with_their_remedy_and_dealt_with(world: World) {
    world.stock("CUP", 0).await;
    world.place(world.draft(0).goods("CUP", "Kopp", 1, 0, 0)).await;
    let hanging = world.buy(900, "capture=hang").await;
    let pending = world.ctl(&["orders", "status", "1002", "sent", "--wait", "0s"]).await;
    assert_eq!(pending.code, 8, "{pending:?}");
    let listed = world.printed(&["problems", "list"]).await;
    assert!(listed.contains("Order 1001") && listed.contains("orderctl problems dismiss"));
    let problem = world.get(&world.shop.order(1001).unwrap()).await.problems[0].id.to_string();
    let dismiss = ["problems", "dismiss", "1001", &problem, "--reason", "arrived"];
    assert!(world.printed(&[&dismiss[..], &["--dry-run"]].concat()).await.contains("dry run"));
    world.printed(&dismiss).await;
    assert_eq!(world.printed(&["problems", "list", "-o", "json"]).await, "");
    let again = world.ctl(&dismiss).await;
    assert_eq!(again.code, 4, "{again:?}");
    assert!(again.told.contains("PROBLEM_NOT_FOUND"), "{again:?}");

    eventually("the provider is called", async || {
        (world.book().calls(&hanging.reference, "capture") > 0).then_some(())
    })
    .await;
    let operations = world.get(&hanging.name).await.payments[0].operations.clone();
    let capture = operations.last().unwrap().id.to_string();
    let again = world.ctl(&["problems", "retry", "1002", &capture, "--wait", "0s"]).await;
    assert_eq!(again.code, 8, "it is under way: {again:?}");
    assert!(again.out.contains("capture"), "{again:?}");
    let settle = ["problems", "settle", "1002", &capture, "happened", "--reason", "seen"];
    let said = world.printed(&settle).await;
    assert!(said.contains("sent") && said.contains("CAPTURED"), "{said}");
    let history = world.printed(&["orders", "history", "1002"]).await;
    assert!(history.contains("OPERATION_SETTLED") && history.contains("with a reason"));
}
