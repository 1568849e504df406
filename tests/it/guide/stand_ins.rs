//! The runs against the stand-ins that the README and the guide on integrations show, as they stand there.

use order_sdk::ShopName;
use order_sdk::proto::{LabelState, PaymentState, TransferState};
use order_tests::fakes::{Adyen, Cargonizer, Fake, Klarna, Service, Tripletex, Vipps, recipe};

use crate::harness::folder::Folder;
use crate::harness::server::free_port;
use crate::harness::{Backend, World, binaries, eventually, problems, status_id};
use crate::integrations::world_with_key;
use crate::orderctl::{run, shell};

trials! {
    own: [the_runs_against_the_stand_ins_succeed];
}

/// What the test itself does.
const STARTS: [&str; 3] = ["cargo run ", "openssl rand ", "order-server "];

/// The commands of a part of a document, in order.
fn commands(document: &str, heading: &str) -> Vec<String> {
    let text = std::fs::read_to_string(binaries::workspace().join(document)).unwrap();
    let part = text.split("\n## ").find(|part| part.starts_with(heading)).unwrap();
    let lines = part.lines().filter_map(|line| line.strip_prefix("    "));
    let is_start = |line: &&str| STARTS.iter().any(|start| line.starts_with(start));
    lines.filter(|line| !is_start(line)).map(str::to_owned).collect()
}

async fn the_runs_against_the_stand_ins_succeed(backend: Backend) {
    let webhooks = format!("127.0.0.1:{}", free_port());
    let flags = ["--stand-ins", "true", "--webhook-listen", webhooks.as_str()];
    let world = world_with_key(backend, &flags).await;
    let world = World { shop: ShopName::new("default").unwrap(), ..world };
    let klarna = Fake::start(Klarna::default()).await.unwrap();
    let kustom = Fake::start(Klarna::kustom()).await.unwrap();
    let vipps = Fake::start(Vipps::default()).await.unwrap();
    let adyen = Fake::start(Adyen::default()).await.unwrap();
    let tripletex = Fake::start(Tripletex::default()).await.unwrap();
    let cargonizer = Fake::start(Cargonizer::default()).await.unwrap();
    let places = [
        ("klarna", "9101", klarna.url()),
        ("kustom", "9102", kustom.url()),
        ("vipps", "9103", vipps.url()),
        ("adyen", "9104", adyen.url()),
        ("tripletex", "9105", tripletex.url()),
        ("cargonizer", "9106", cargonizer.url()),
    ];
    let folder = Folder::new();
    let service = Service { shop: "default".to_owned(), webhooks };
    let script: String = places.iter().map(|(name, _, url)| recipe(name, url, &service)).collect();
    std::fs::write(folder.file("stand-ins.sh"), format!("set -e\n{script}")).unwrap();

    let readme = commands("README.md", "The real providers, without them");
    let guide = commands("docs/integrations.md", "Stand-ins");
    assert!(readme.len() >= 7 && guide.len() >= 10, "{readme:?} {guide:?}");
    // Set up once.
    for line in readme.iter().chain(&guide[1..]) {
        let mut line = line.clone();
        for (_, port, url) in &places {
            line = line.replace(&format!("http://127.0.0.1:{port}"), url);
        }
        let mut command = shell(&world, folder.path(), &line);
        let programs = binaries::orderctl();
        let programs = programs.parent().unwrap().display();
        // The programs of the tests, not of a release.
        command.env("PATH", format!("{programs}:/usr/local/bin:/usr/bin:/bin"));
        let told = run(command).await;
        assert_eq!(told.code, Some(0), "{line}: {told:?}");
    }
    for number in [1001, 1002] {
        let order = world.settled(&world.shop.order(number).unwrap()).await;
        let told = (status_id(&order), order.payment_state(), problems(&order));
        assert_eq!(told, ("sent", PaymentState::Captured, vec![]), "{order:?}");
    }
    let order = eventually("it is booked and labelled", async || {
        let order = world.get(&world.shop.order(1002).unwrap()).await;
        let booked = order.accounting_transfers.first()?.state() == TransferState::Succeeded;
        (booked && order.labels.first()?.state() == LabelState::Made).then_some(order)
    })
    .await;
    assert_eq!(problems(&order), [""; 0], "{order:?}");
    for id in ["kl-1", "kl-7"] {
        assert_eq!(klarna.book().amounts("capture", id), [49_900]);
    }
    assert_eq!(vipps.book().amounts("capture", "acme-cart-7"), [49_900]);
    assert_eq!(adyen.book().amounts("capture", "KHQC5N7G84BLNK43"), [49_900]);
    eventually("Vipps tells of it, and is believed", async || {
        let book = vipps.book();
        let is_taken = |name: &str| {
            book.sent.iter().any(|sent| (sent.name.as_str(), sent.status) == (name, 200))
        };
        (is_taken("AUTHORIZED") && is_taken("CAPTURED")).then_some(())
    })
    .await;
    assert_eq!(tripletex.book().amounts("invoice", "1002"), [149_700]);
    let (breaches, _) = world.breaches().await;
    assert!(breaches.is_empty(), "the audit finds {breaches:?}");
}
