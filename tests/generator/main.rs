//! Writes believable orders as lines of JSON: `generate-orders --count 1000 --seed 1 > day.jsonl`.

use std::error::Error;
use std::io::{self, BufWriter, ErrorKind, Write};

use clap::Parser;

/// Writes believable orders, one `orders.v1.NewOrder` as canonical JSON per line.
#[derive(Parser)]
#[command(name = "generate-orders", version)]
struct Arguments {
    /// Orders to write.
    #[arg(long, default_value_t = 1000)]
    count: usize,
    /// The same seed makes the same orders.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let mut out = BufWriter::new(io::stdout().lock());
    for order in order_tests::orders(arguments.seed).take(arguments.count) {
        let line = order_tests::to_json(&order)?;
        match writeln!(out, "{line}") {
            // The reader has had enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
    match out.flush() {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        flushed => Ok(flushed?),
    }
}
