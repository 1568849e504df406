//! Prints and reads at the carrier's: a print in doubt is never repeated by itself, and what cannot be
//! read is told with the reason.

use std::time::Duration;

use order_rules::refusals::Code;
use order_sdk::proto::{self, LabelState};
use order_tests::fakes::{Effect, Trouble};

use super::{PRINTER, Stage};
use crate::harness::{Backend, WAIT, eventually, problems, refused};

trials! {
    own: [
        a_print_in_doubt_is_told_and_not_repeated,
        what_is_not_read_is_told_with_the_reason,
        refused_credentials_hold_a_label_until_they_are_right,
    ];
}

/// Longer than the service waits for a label.
const READ_PATIENCE: Duration = Duration::from_secs(60);

/// Nobody can say what became of a print: a print service keeps no account.
async fn a_print_in_doubt_is_told_and_not_repeated(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    for effect in [
        Effect::HangUp,
        Effect::Silence,
        Effect::answer(408, "", "Too late"),
        Effect::answer(500, "", "Oops"),
        Effect::answer(502, "", "Deploying"),
    ] {
        for is_done in [false, true] {
            let told = format!("{effect:?}, done: {is_done}");
            let name = stage.sent().await;
            let order = world.client.label(&name).wait(WAIT).send().await.unwrap().order.unwrap();
            let reference = order.labels[0].reference.clone();
            let trouble = Trouble::of("print", effect.clone()).about(&reference);
            fake.trouble(if is_done { trouble.once_done() } else { trouble });
            let print = world.client.label(&name).printer(PRINTER.to_string());
            print.clone().send().await.unwrap();
            let order = eventually(&told, async || {
                let order = world.get(&name).await;
                (!order.problems.is_empty()).then_some(order)
            })
            .await;
            assert_eq!(problems(&order), ["PRINT_UNKNOWN"], "{told}");
            let printed = usize::from(is_done);
            assert_eq!(stage.printed(&reference).len(), printed, "{told}");
            assert_eq!(fake.book().calls("print", &reference), 1, "{told}");
            // Whoever stands at the printer sees, and asks again.
            let order = print.wait(WAIT).send().await.unwrap().order.unwrap();
            assert_eq!(problems(&order), [""; 0], "{told}");
            assert_eq!(stage.printed(&reference).len(), printed + 1, "{told}");
            assert_eq!(stage.made(&reference), 1, "{told}");
        }
    }
    stage.check().await;
}

async fn what_is_not_read_is_told_with_the_reason(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    let client = world.client.with_timeout(READ_PATIENCE);
    let name = stage.sent().await;
    world.client.label(&name).wait(WAIT).send().await.unwrap();
    let label = async || {
        let request = proto::GetOrderLabelRequest { name: (&name).into(), label_id: 0 };
        client.get_order_label(request).await
    };
    let options = async || {
        let name = world.shop.integration("cargonizer").unwrap().into();
        client.list_label_options(proto::ListLabelOptionsRequest { name }).await
    };
    for (effect, words) in [
        (Effect::Silence, "no answer within"),
        (Effect::HangUp, "the connection broke off"),
        (Effect::answer(401, "", "Nøkkelen er trukket tilbake"), "HTTP 401 Nøkkelen er trukket"),
        (Effect::answer(402, "", "Sender mangler"), "HTTP 402 Sender mangler"),
        (Effect::answer(404, "", "Fant ikke ressursen"), "HTTP 404 Fant ikke ressursen"),
        (Effect::answer(500, "", "Oops"), "HTTP 500 Oops"),
        (Effect::answer(502, "", "Deploying"), "HTTP 502 Deploying"),
        // What should be a label, or a list, and is none.
        (Effect::answer(200, "", "Nei takk"), ""),
    ] {
        for operation in ["label", "read"] {
            fake.trouble(Trouble::of(operation, effect.clone()).always());
        }
        let (label, options) = tokio::join!(label(), options());
        for refusal in
            [refused(label, Code::CarrierUnavailable), refused(options, Code::CarrierUnavailable)]
        {
            let told = &refusal.metadata["provider_reason"];
            assert!(told.contains(words) && !told.is_empty(), "{effect:?}: {told}");
        }
        fake.recover();
    }
    assert!(label().await.unwrap().pdf.starts_with(b"%PDF-"));
    assert!(!options().await.unwrap().products.is_empty());
    assert_eq!(problems(&world.get(&name).await), [""; 0], "reading changes nothing");
    stage.check().await;
}

async fn refused_credentials_hold_a_label_until_they_are_right(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    for (operation, status, words) in [
        ("consignment", 401, "This action requires authentication"),
        ("consignment", 402, "This action requires a sender to be specified"),
        ("consignment", 403, "Sender 1234 is not yours"),
        ("search", 402, "This action requires a sender to be specified"),
    ] {
        let name = stage.sent().await;
        fake.trouble(Trouble::of(operation, Effect::answer(status, "", words)).always());
        let reference = stage.ask(&name).await;
        let order = eventually(&format!("{status} holds it"), async || {
            let order = world.get(&name).await;
            (!order.problems.is_empty()).then_some(order)
        })
        .await;
        assert_eq!(problems(&order), ["INTEGRATION_UNAUTHORIZED"], "{status}");
        assert_eq!(order.labels[0].state(), LabelState::Pending, "{status}");
        fake.recover();
        world.disable("cargonizer", true).await;
        world.disable("cargonizer", false).await;
        let order = world.labelled(&name).await;
        assert_eq!((order.labels[0].state(), problems(&order)), (LabelState::Made, vec![]));
        assert_eq!(stage.made(&reference), 1, "{status}");
    }
    // Prints wait the same way.
    let name = stage.sent().await;
    let reference = stage.ask(&name).await;
    world.labelled(&name).await;
    for (prints, (status, words)) in [
        (401, "This action requires authentication"),
        (402, "This action requires a sender to be specified"),
        (403, "Sender 1234 is not yours"),
    ]
    .into_iter()
    .enumerate()
    {
        fake.trouble(Trouble::of("print", Effect::answer(status, "", words)).always());
        world.client.label(&name).printer(PRINTER.to_string()).send().await.unwrap();
        let order = eventually(&format!("{status} holds the print"), async || {
            let order = world.get(&name).await;
            (!order.problems.is_empty()).then_some(order)
        })
        .await;
        assert_eq!(problems(&order), ["INTEGRATION_UNAUTHORIZED"], "{status}");
        assert_eq!(stage.printed(&reference).len(), prints, "{status}");
        fake.recover();
        world.disable("cargonizer", true).await;
        world.disable("cargonizer", false).await;
        let order = world.labelled(&name).await;
        assert_eq!((problems(&order), stage.printed(&reference).len()), (vec![], prints + 1));
    }
    stage.check().await;
}
