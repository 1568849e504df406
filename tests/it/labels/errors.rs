//! The carrier says no: each documented error with its page and the carrier's words.

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::LabelState;
use order_tests::fakes::{Effect, Trouble};

use super::{PRINTER, Stage, reason};
use crate::harness::{Backend, WAIT, problems, refused};

trials! {
    own: [every_documented_error_is_told_with_its_page];
}

async fn every_documented_error_is_told_with_its_page(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    for (status, words, page) in [
        (400, "Missing transport agreement", "TRANSPORT_AGREEMENT_INVALID"),
        (400, "Services er ugyldig", "TRANSPORT_AGREEMENT_INVALID"),
        (400, "Mottakers mobil kan ikke være blank", "REJECTED_BY_PROVIDER"),
        (403, "Nei", "NOT_ALLOWED_AT_PROVIDER"),
        (404, "Fant ikke ressursen", "NOT_FOUND_AT_PROVIDER"),
        (418, "Gata 63 finnes ikke", "UNKNOWN_PROVIDER_ERROR"),
        // A refusal behind a status of success.
        (200, "Nei takk", "REJECTED_BY_PROVIDER"),
    ] {
        let name = stage.sent().await;
        fake.trouble(Trouble::of("consignment", Effect::answer(status, "", words)));
        let reference = stage.ask(&name).await;
        let order = world.labelled(&name).await;
        assert_eq!(
            (problems(&order), stage.made(&reference)),
            (vec!["LABEL_DECLINED"], 0),
            "{words}"
        );
        let (found, told) = reason(&order);
        assert_eq!(found, page, "{words}");
        // What is personal is not repeated.
        let said = words.replace("Gata 63", "…");
        assert!(told.contains(&said) && told.contains("request id"), "{told}");
        // Asked for again it is made, and the problem is gone.
        let order = world.client.label(&name).wait(WAIT).send().await.unwrap().order.unwrap();
        assert_eq!((problems(&order), stage.made(&order.labels[1].reference)), (vec![], 1));
    }
    // Refused to look it up, for good.
    let name = stage.sent().await;
    fake.trouble(Trouble::of("search", Effect::answer(403, "", "Ikke for deg")));
    stage.ask(&name).await;
    let order = world.labelled(&name).await;
    assert_eq!(problems(&order), ["LABEL_DECLINED"]);
    assert_eq!(reason(&order).0, "NOT_ALLOWED_AT_PROVIDER");
    assert!(reason(&order).1.contains("Ikke for deg"), "{:?}", reason(&order));
    // Too often: it is made later.
    let name = stage.sent().await;
    let later = Effect::answer(429, "", "Later");
    fake.trouble(Trouble::of("consignment", later).times(2));
    let reference = stage.ask(&name).await;
    let order = world.labelled(&name).await;
    assert_eq!((problems(&order), stage.made(&reference)), (vec![], 1), "{order:?}");
    assert_eq!(fake.book().calls("consignment", &reference), 3);
    // The stand-in's own mind.
    let name = stage.sent().await;
    let wrong = world.client.label(&name).product("1358", "bring2_business_parcel").wait(WAIT);
    let order = wrong.send().await.unwrap().order.unwrap();
    assert_eq!(reason(&order).0, "TRANSPORT_AGREEMENT_INVALID");
    let heavy = world.client.label(&name).product("1358", "mypack").weight_grams(40_000).wait(WAIT);
    let order = heavy.send().await.unwrap().order.unwrap();
    assert_eq!((problems(&order).len(), reason(&order).0), (1, "REJECTED_BY_PROVIDER"));
    fake.with(|cargonizer, _| cargonizer.license(0));
    let order = world.client.label(&name).wait(WAIT).send().await.unwrap().order.unwrap();
    assert_eq!((problems(&order).is_empty(), reason(&order).0), (false, "CARRIER_LICENCE_SPENT"));
    fake.with(|cargonizer, _| cargonizer.license(100));
    let order = world.client.label(&name).wait(WAIT).send().await.unwrap().order.unwrap();
    assert_eq!(problems(&order), [""; 0]);

    // Printing fails by itself: the label is made all the same.
    let reference = order.labels.last().unwrap().reference.clone();
    for (printer, is_connected) in [(PRINTER, false), (7, true)] {
        fake.with(|cargonizer, _| cargonizer.connect_printers(is_connected));
        let asked = world.client.label(&name).printer(printer.to_string()).wait(WAIT);
        let order = asked.send().await.unwrap().order.unwrap();
        assert_eq!(problems(&order), ["PRINT_DECLINED"], "{printer}");
        assert_eq!(reason(&order).0, "PRINTER_UNAVAILABLE", "{printer}");
        assert_eq!(order.labels.last().unwrap().state(), LabelState::Made);
    }
    let asked = world.client.label(&name).printer(PRINTER.to_string()).wait(WAIT);
    assert_eq!(problems(&asked.send().await.unwrap().order.unwrap()), [""; 0]);
    assert_eq!((stage.printed(&reference).len(), stage.made(&reference)), (1, 1));

    no_paper_is_told(&stage, &name).await;
    stage.check().await;
}

/// A paper that is none.
async fn no_paper_is_told(stage: &Stage, name: &OrderName) {
    let Stage { world, fake } = stage;
    for (effect, words) in [
        (Effect::answer(200, "", "Etiketten er borte"), "Etiketten er borte"),
        (Effect::answer(404, "", "Fant ikke"), "Fant ikke"),
        (Effect::HangUp, "no answer"),
    ] {
        fake.trouble(Trouble::of("label", effect));
        let refusal = refused(world.pdf(name).await, Code::CarrierUnavailable);
        let told = &refusal.metadata["provider_reason"];
        assert!(told.contains(words), "{told}");
    }
    assert!(world.pdf(name).await.unwrap().starts_with(b"%PDF-"));
}
