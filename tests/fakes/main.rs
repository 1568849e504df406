//! Serves the stand-ins, so that they outlive a server that is killed: `fakes --klarna 127.0.0.1:9101`.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;

use clap::Parser;
use order_tests::fakes::{Adyen, Cargonizer, Fake, Klarna, Tripletex, Vipps};

/// Stand-ins of the providers, until interrupted. Each prints where it is; port 0 is any free one.
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
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let klarna = Fake::start_at(arguments.klarna, Klarna::default()).await?;
    let kustom = Fake::start_at(arguments.kustom, Klarna::kustom()).await?;
    let vipps = Fake::start_at(arguments.vipps, Vipps::default()).await?;
    let adyen = Fake::start_at(arguments.adyen, Adyen::default()).await?;
    let tripletex = Fake::start_at(arguments.tripletex, Tripletex::default()).await?;
    let cargonizer = Fake::start_at(arguments.cargonizer, Cargonizer::default()).await?;
    let mut out = std::io::stdout();
    writeln!(out, "klarna {}", klarna.url())?;
    writeln!(out, "kustom {}", kustom.url())?;
    writeln!(out, "vipps {}", vipps.url())?;
    writeln!(out, "adyen {}", adyen.url())?;
    writeln!(out, "tripletex {}", tripletex.url())?;
    writeln!(out, "cargonizer {}", cargonizer.url())?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
