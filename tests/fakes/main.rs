//! Serves the stand-ins, so that they outlive a server that is killed, and writes how a shop is set up
//! for them.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Parser;
use order_tests::fakes::smtp::{Speech, Taken};
use order_tests::fakes::{
    Adyen, Cargonizer, Fake, Klarna, MailServer, Service, Tripletex, Vipps, manual, recipe,
};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Stand-ins of the providers, until interrupted. What it prints is a script: `sh` with it sets a shop up
/// for all of them. Mails that are taken are told of on stderr. Port 0 is any free one.
#[derive(Parser)]
#[command(name = "fakes", version, after_long_help = manual())]
struct Arguments {
    /// Klarna order management.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9101")]
    klarna: SocketAddr,
    /// The same as Kustom serves it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9102")]
    kustom: SocketAddr,
    /// Vipps payments.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9103")]
    vipps: SocketAddr,
    /// Adyen card payments.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9104")]
    adyen: SocketAddr,
    /// Tripletex accounting.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9105")]
    tripletex: SocketAddr,
    /// Logistra Cargonizer.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9106")]
    cargonizer: SocketAddr,
    /// A mail server.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9107")]
    mail: SocketAddr,
    /// Where mails that are taken are put, as 0001.eml and so on; made when absent. Without it they are
    /// only told of.
    #[arg(long, value_name = "FOLDER")]
    mail_folder: Option<PathBuf>,
    /// The shop that is set up.
    #[arg(long, value_name = "SHOP", default_value = "default")]
    shop: String,
    /// Where the service takes webhooks.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7080")]
    webhooks: SocketAddr,
}

/// All of them, at work.
struct Served {
    klarna: Fake<Klarna>,
    kustom: Fake<Klarna>,
    vipps: Fake<Vipps>,
    adyen: Fake<Adyen>,
    tripletex: Fake<Tripletex>,
    cargonizer: Fake<Cargonizer>,
    mail: MailServer,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let served = Served::start(&arguments).await?;
    if let Some(folder) = &arguments.mail_folder {
        fs::create_dir_all(folder)?;
    }
    tokio::spawn(show(served.mail.listen(), arguments.mail_folder));
    let service = Service { shop: arguments.shop, webhooks: arguments.webhooks.to_string() };
    let mut out = io::stdout();
    writeln!(out, "set -e")?;
    for (name, url) in served.places() {
        writeln!(out, "# {name}: {url}")?;
        write!(out, "{}", recipe(name, &url, &service))?;
    }
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// Tells of each mail that is taken, with its number.
async fn show(mut mails: Receiver<Taken>, folder: Option<PathBuf>) {
    let mut number = 0_u64;
    loop {
        match mails.recv().await {
            Ok(mail) => {
                number += 1;
                if let Err(error) = keep(&mail, number, folder.as_deref()) {
                    // Nobody reads it: the mail is taken all the same.
                    drop(writeln!(io::stderr(), "mail {number} is not kept: {error}"));
                }
            }
            Err(RecvError::Lagged(untold)) => number += untold,
            Err(RecvError::Closed) => return,
        }
    }
}

fn keep(mail: &Taken, number: u64, folder: Option<&Path>) -> io::Result<()> {
    if let Some(folder) = folder {
        fs::write(folder.join(format!("{number:04}.eml")), &mail.text)?;
    }
    writeln!(io::stderr(), "mail {number} to {}: {}", mail.to, mail.subject())
}

impl Served {
    async fn start(arguments: &Arguments) -> io::Result<Self> {
        Ok(Self {
            klarna: Fake::start_at(arguments.klarna, Klarna::default()).await?,
            kustom: Fake::start_at(arguments.kustom, Klarna::kustom()).await?,
            vipps: Fake::start_at(arguments.vipps, Vipps::default()).await?,
            adyen: Fake::start_at(arguments.adyen, Adyen::default()).await?,
            tripletex: Fake::start_at(arguments.tripletex, Tripletex::default()).await?,
            cargonizer: Fake::start_at(arguments.cargonizer, Cargonizer::default()).await?,
            mail: MailServer::start_at(arguments.mail, Speech::Plain).await?,
        })
    }

    /// Where each is.
    fn places(&self) -> [(&'static str, String); 7] {
        [
            ("klarna", self.klarna.url()),
            ("kustom", self.kustom.url()),
            ("vipps", self.vipps.url()),
            ("adyen", self.adyen.url()),
            ("tripletex", self.tripletex.url()),
            ("cargonizer", self.cargonizer.url()),
            ("mail", format!("smtp://{}", self.mail.address())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use order_tests::fakes::smtp::Taken;
    use order_tests::fakes::{Book, Service, manual, recipe, send};

    use super::{Arguments, Served, keep};

    impl Served {
        /// Those that are asked by HTTP.
        fn systems(&self) -> impl Iterator<Item = (&'static str, String)> {
            self.places().into_iter().filter(|(_, url)| url.starts_with("http://"))
        }
    }

    /// The words that a part of the guide explains: between backquotes.
    fn explained(guide: &str) -> Vec<&str> {
        guide.split('`').skip(1).step_by(2).collect()
    }

    #[tokio::test]
    async fn each_says_what_it_can_be_told_and_takes_nothing_else() {
        let served = Served::start(&anywhere()).await.unwrap();
        let guide = include_str!("../../docs/integrations.md");
        let explained = explained(guide);
        let mut count = 0;
        for (name, url) in served.systems() {
            let post = async |trouble: &str| {
                let url = format!("{url}/control/troubles");
                send("POST", &url, &[], trouble.to_owned()).await.unwrap()
            };
            let wrong = post(r#"{"operation": "captre", "effect": "silence"}"#).await;
            let told = String::from_utf8(wrong.body.to_vec()).unwrap();
            assert_eq!(wrong.status, 400, "{name}: {told}");
            let (_, known) = told.split_once("expected one of ").unwrap();
            for operation in known.trim_end_matches(|one: char| "\"}".contains(one)).split(", ") {
                let trouble = format!(r#"{{"operation": "{operation}", "effect": "hang_up"}}"#);
                assert_eq!(post(&trouble).await.status, 204, "{name}: {operation}");
                assert!(explained.contains(&operation), "the guide has no `{operation}`");
                assert!(manual().contains(operation), "{operation}");
                count += 1;
            }
            let wrong = post(r#"{"operation": "", "effect": "silense"}"#).await;
            let told = String::from_utf8(wrong.body.to_vec()).unwrap();
            assert_eq!(wrong.status, 400, "{name}");
            for effect in ["slow", "silence", "late", "stuck", "waiting", "hang_up", "answer"] {
                assert!(told.contains(&format!("`{effect}`")), "{told}");
                assert!(manual().contains(&format!("\"{effect}\"")), "{effect}");
                let is_told = explained.iter().any(|one| one.contains(&format!("\"{effect}\"")));
                assert!(is_told, "the guide has no {effect}");
            }
        }
        assert!(count > 50, "{count} operations");
        // Each control stands in the guide as in the help.
        let controls: Vec<String> = manual()
            .lines()
            .filter_map(|line| line.trim().split_once("/control/"))
            .map(|(method, rest)| format!("{method}/control/{}", rest.split(' ').next().unwrap()))
            .collect();
        assert!(controls.len() > 30, "{controls:?}");
        for control in controls {
            let is_told = explained.iter().any(|one| one.starts_with(&control));
            assert!(is_told, "the guide has no {control}");
        }
        // And so does each word in the address of a mail.
        let words = manual();
        let (_, words) = words.split_once("Words of the mail server").unwrap();
        let words: Vec<&str> =
            words.lines().map(str::trim).filter(|line| line.starts_with('+')).collect();
        assert_eq!(words.len(), 10, "{words:?}");
        for word in words {
            assert!(explained.contains(&word), "the guide has no {word}");
        }
    }

    fn anywhere() -> Arguments {
        let places = ["klarna", "kustom", "vipps", "adyen", "tripletex", "cargonizer", "mail"];
        let flags = places.map(|name| format!("--{name}=127.0.0.1:0"));
        Arguments::parse_from(["fakes".to_owned()].into_iter().chain(flags))
    }

    #[tokio::test]
    async fn each_has_a_place_and_a_book_of_its_own() {
        let places = ["klarna", "kustom", "vipps", "adyen", "tripletex", "cargonizer", "mail"];
        let served = Served::start(&anywhere()).await.unwrap();
        assert_eq!(served.places().map(|(name, _)| name), places);
        let service = Service { shop: "butikk".to_owned(), webhooks: "127.0.0.1:7080".to_owned() };
        for (name, url) in served.places() {
            let lines = recipe(name, &url, &service);
            assert!(
                lines.contains("orderctl --shop butikk integrations create"),
                "{name}: {lines}"
            );
        }
        for (name, url) in served.systems() {
            let _untold = send("GET", &format!("{url}/nothing"), &[], "").await.unwrap();
            let reply = send("GET", &format!("{url}/control/book"), &[], "").await.unwrap();
            let book: Book = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!((book.arrivals.len(), book.done.len()), (1, 0), "{name}");
            let nowhere = send("GET", &format!("{url}/control/nothing"), &[], "").await.unwrap();
            assert_eq!(nowhere.status, 404, "{name}");
        }
    }

    #[test]
    fn a_mail_is_kept_under_its_number() {
        let folder = std::env::temp_dir().join(format!("fakes-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        let text = "Subject: Hei\n\nHei igjen\n".to_owned();
        let mail = Taken { to: "kari@example.com".to_owned(), text };
        keep(&mail, 12, Some(folder.as_path())).unwrap();
        keep(&mail, 13, None).unwrap();
        assert_eq!(std::fs::read_to_string(folder.join("0012.eml")).unwrap(), mail.text);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
