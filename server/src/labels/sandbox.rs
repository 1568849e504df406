//! The built-in sandbox for labels: it makes whatever it is asked for, without anybody outside.
//!
//! What it makes follows from the key alone, so it needs no book: the same is made again, and is the
//! same. Nothing leaves this process.

use order_proto::v1;
use order_rules::labels::Consignment;
use order_rules::order::Tracking;
use order_rules::refusals::Code;
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};
use uuid::Uuid;

use super::{Asked, LabelMaker, Options};
use crate::providers::Tested;
use crate::systems::{Decline, Report, Sighting};

#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelSandbox;

const AGREEMENT: &str = "1";
const PRODUCT: &str = "parcel";
const PRINTER: &str = "1";
const CARRIER: &str = "Sandbox";
/// A6, in points.
const PAGE: (f32, f32) = (298.0, 420.0);
const TOP: f32 = 372.0;
const NUMBER_DIGITS: u64 = 1_000_000_000_000_000;

impl LabelMaker for LabelSandbox {
    async fn make(&self, asked: &Asked) -> Report<Consignment> {
        if asked.parcel.transport_agreement == AGREEMENT && asked.parcel.product == PRODUCT {
            return Report::Done(consignment(asked.key));
        }
        let reason = format!("the sandbox has agreement {AGREEMENT} with product {PRODUCT}");
        Report::Declined(Decline { code: Code::TransportAgreementInvalid, reason })
    }

    async fn look_up(&self, _reference: &str, _key: Uuid) -> Sighting<Consignment> {
        Sighting::Absent
    }

    async fn print(&self, _consignment: &str, printer: &str) -> Report<()> {
        if printer == PRINTER {
            return Report::Done(());
        }
        let reason = format!("the sandbox has printer {PRINTER}");
        Report::Declined(Decline { code: Code::PrinterUnavailable, reason })
    }

    async fn pdf(&self, consignment: &str) -> Result<Vec<u8>, Decline> {
        Ok(label(consignment))
    }

    async fn options(&self) -> Result<Options, Decline> {
        let product = v1::LabelProduct {
            transport_agreement: AGREEMENT.to_owned(),
            agreement_name: "To try it".to_owned(),
            carrier: CARRIER.to_owned(),
            product: PRODUCT.to_owned(),
            product_name: "Parcel".to_owned(),
        };
        let printer = v1::LabelPrinter {
            printer: PRINTER.to_owned(),
            printer_name: "Prints nowhere".to_owned(),
        };
        Ok(Options { products: vec![product], printers: vec![printer] })
    }

    async fn test(&self) -> Tested {
        Tested::Works
    }
}

fn consignment(key: Uuid) -> Consignment {
    let (high, _) = key.as_u64_pair();
    let number = format!("9{:015}", high % NUMBER_DIGITS);
    let tracking =
        Tracking { carrier: CARRIER.to_owned(), number: number.clone(), url: String::new() };
    Consignment { id: number.clone(), number, tracking }
}

/// A page that says what it is.
fn label(consignment: &str) -> Vec<u8> {
    let (catalog, tree, page, font, contents) =
        (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4), Ref::new(5));
    let name = Name(b"F1");
    let mut text = Content::new();
    text.begin_text().set_font(name, 18.0).next_line(24.0, TOP);
    text.show(Str(b"SANDBOX")).next_line(0.0, -28.0).show(Str(consignment.as_bytes()));
    text.end_text();
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids([page]).count(1);
    let mut written = pdf.page(page);
    written.parent(tree).media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).contents(contents);
    written.resources().fonts().pair(name, font);
    written.finish();
    pdf.type1_font(font).base_font(Name(b"Helvetica"));
    pdf.stream(contents, &text.finish());
    pdf.finish()
}
