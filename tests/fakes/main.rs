//! Serves the stand-ins, so that they outlive a server that is killed, and writes how a shop is set up
//! for them.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;

use clap::Parser;
use order_tests::fakes::{Adyen, Cargonizer, Fake, Klarna, Service, Tripletex, Vipps, recipe};

/// Stand-ins of the providers, until interrupted. What it prints is a script: `sh` with it sets a shop up
/// for all of them. Port 0 is any free one.
#[derive(Parser)]
#[command(name = "fakes", version)]
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
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let served = Served::start(&arguments).await?;
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

impl Served {
    async fn start(arguments: &Arguments) -> io::Result<Self> {
        Ok(Self {
            klarna: Fake::start_at(arguments.klarna, Klarna::default()).await?,
            kustom: Fake::start_at(arguments.kustom, Klarna::kustom()).await?,
            vipps: Fake::start_at(arguments.vipps, Vipps::default()).await?,
            adyen: Fake::start_at(arguments.adyen, Adyen::default()).await?,
            tripletex: Fake::start_at(arguments.tripletex, Tripletex::default()).await?,
            cargonizer: Fake::start_at(arguments.cargonizer, Cargonizer::default()).await?,
        })
    }

    /// Where each is.
    fn places(&self) -> [(&'static str, String); 6] {
        [
            ("klarna", self.klarna.url()),
            ("kustom", self.kustom.url()),
            ("vipps", self.vipps.url()),
            ("adyen", self.adyen.url()),
            ("tripletex", self.tripletex.url()),
            ("cargonizer", self.cargonizer.url()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use order_tests::fakes::{Book, Service, recipe, send};

    use super::{Arguments, Served};

    #[tokio::test]
    async fn each_has_a_place_and_a_book_of_its_own() {
        let places = ["klarna", "kustom", "vipps", "adyen", "tripletex", "cargonizer"];
        let flags = places.map(|name| format!("--{name}=127.0.0.1:0"));
        let arguments = ["fakes".to_owned()].into_iter().chain(flags);
        let served = Served::start(&Arguments::parse_from(arguments)).await.unwrap();
        assert_eq!(served.places().map(|(name, _)| name), places);
        let service = Service { shop: "butikk".to_owned(), webhooks: "127.0.0.1:7080".to_owned() };
        for (name, url) in served.places() {
            let lines = recipe(name, &url, &service);
            assert!(
                lines.contains("orderctl --shop butikk integrations create"),
                "{name}: {lines}"
            );
            let _untold = send("GET", &format!("{url}/nothing"), &[], "").await.unwrap();
            let reply = send("GET", &format!("{url}/control/book"), &[], "").await.unwrap();
            let book: Book = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!((book.arrivals.len(), book.done.len()), (1, 0), "{name}");
            let nowhere = send("GET", &format!("{url}/control/nothing"), &[], "").await.unwrap();
            assert_eq!(nowhere.status, 404, "{name}");
        }
    }
}
