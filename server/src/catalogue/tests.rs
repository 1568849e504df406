//! Every page is whole, in every language, and names nothing that is real.

use super::*;

/// Codes that stand on an order and never end a call.
const PROBLEMS: &[Code] = &[
    Code::CaptureDeclined,
    Code::VoidDeclined,
    Code::ReleaseDeclined,
    Code::RefundDeclined,
    Code::CaptureReversed,
    Code::RefundReversed,
    Code::ChangedAtProvider,
    Code::AuthorizationDeclined,
    Code::AmountUpdateDeclined,
    Code::OutcomeUnknown,
    Code::OperationDelayed,
    Code::LedgerDiffers,
    Code::RefundedAtProvider,
    Code::ReservationExpiring,
    Code::Oversold,
    Code::MailDeclined,
    Code::MailUnknown,
    Code::MailWaiting,
    Code::TransferDeclined,
    Code::TransferUnknown,
    Code::LabelDeclined,
    Code::LabelUnknown,
    Code::PrintDeclined,
    Code::PrintUnknown,
    Code::IntegrationDisabled,
    Code::IntegrationUnauthorized,
    Code::IntegrationUnusable,
    Code::NotAllowedAtProvider,
    Code::NotFoundAtProvider,
    Code::RejectedByProvider,
    Code::FraudRejected,
    Code::PaymentNotApproved,
    Code::NotEnabledAtProvider,
    Code::FundsUnavailable,
    Code::RefundPeriodOver,
    Code::UnknownProviderError,
    Code::VatNotEnabled,
    Code::PaymentTypeMissing,
    Code::BankAccountMissing,
    Code::CustomerCannotReceive,
    Code::BooksLocked,
    Code::BooksDiffer,
    Code::CreditedInBooks,
    Code::CurrencyNotEnabled,
    Code::RejectedByAccounting,
    Code::TransportAgreementInvalid,
    Code::CarrierLicenceSpent,
    Code::PrinterUnavailable,
];

/// Writes a page in the one form it may have.
fn render(code: Code) -> String {
    let page = page(code);
    let grpc = source(code).1.lines().next().unwrap();
    let retryable = if page.retryable { "yes" } else { "no" };
    let actor = format!("{:?}", page.actor).to_lowercase();
    let mut out = format!("{grpc}\nretryable: {retryable}\nactor: {actor}\n");
    for text in &page.texts {
        out += &format!("\n# {}\n\n## {}\n", text.language, text.title);
        out += &format!("\n### Cause\n\n{}\n\n### Remedy\n\n{}\n", text.cause, text.remedy);
    }
    out
}

#[test]
fn every_page_is_read_whole() {
    for &code in Code::ALL {
        let (file, source) = source(code);
        assert_eq!(file, code.name());
        assert_eq!(render(code), source, "{file}");
        let grpc = source.lines().next().unwrap().strip_prefix("grpc:").unwrap().trim();
        assert_eq!(page(code).grpc.is_some(), !grpc.is_empty(), "{file}: {grpc}");
    }
}

#[test]
fn every_page_says_everything_in_every_language() {
    for &code in Code::ALL {
        for text in &page(code).texts {
            let place = format!("{} in {}", code.name(), text.language);
            assert!(!text.title.ends_with('.') && !text.title.contains('\n'), "{place}");
            assert!((10..=80).contains(&text.title.chars().count()), "{place}: title");
            for paragraph in [text.cause, text.remedy] {
                assert!((60..=500).contains(&paragraph.chars().count()), "{place}");
                assert!(paragraph.ends_with('.') && !paragraph.contains('\n'), "{place}");
            }
        }
        let [english, norwegian] = page(code).texts.as_slice() else { panic!("two languages") };
        assert_ne!(english.title, norwegian.title, "{} is not translated", code.name());
        assert_eq!(quoted(english.cause), quoted(norwegian.cause), "{}", code.name());
    }
}

/// How many names of fields and commands a paragraph quotes.
fn quoted(paragraph: &str) -> usize {
    paragraph.matches('`').count()
}

/// The words in capitals that stand in commands for what a case names.
const WORDS: &str = "ORDER OTHER ORIGINAL KEPT DROPPED OPERATION PROBLEM DELIVERY MAIL LINE \
    QUANTITY PRICE AMOUNT DATE STATUS COMPLETED CANCELLED REPLACEMENT SHOP INTEGRATION KIND \
    PROVIDER REFERENCE SKU PRINTER EMAIL NAME ADDRESS RATE TYPE PREFIX FILE";

/// Whoever follows a remedy must not act on somebody else's order: no page has a number that could
/// be one, nor another value that could be real.
#[test]
fn no_page_names_what_a_shop_may_have() {
    for &code in Code::ALL {
        let mut words_of: Vec<Vec<&str>> = Vec::new();
        for text in &page(code).texts {
            let place = format!("{} in {}", code.name(), text.language);
            let mut capitals = Vec::new();
            for paragraph in [text.title, text.cause, text.remedy] {
                // An address to listen on is no number of anything.
                let paragraph = paragraph.replace("127.0.0.1:7080", "");
                let mut digits = paragraph.split(|letter: char| !letter.is_ascii_digit());
                assert!(digits.all(|digits| digits.len() <= 2), "{place}: {paragraph}");
            }
            for command in commands(text) {
                for word in words(command) {
                    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
                    assert!(!is_number, "{place}: {command}");
                    if word.bytes().all(|byte| byte.is_ascii_uppercase()) && word.len() > 1 {
                        let is_known = WORDS.split(' ').any(|known| known == word);
                        assert!(is_known, "{place}: {word} in {command}");
                        capitals.push(word);
                    }
                }
            }
            words_of.push(capitals);
        }
        assert_eq!(words_of.first(), words_of.last(), "{}", code.name());
    }
}

/// A command that is told with a problem is carried out as it stands: nothing is to be looked up for it.
#[test]
fn what_is_done_about_a_problem_says_of_which() {
    for &code in Code::ALL {
        for command in page(code).texts.iter().flat_map(commands) {
            let wanted = match command.split(' ').nth(2) {
                Some("retry" | "settle") => "ORDER OPERATION",
                Some("dismiss") => "ORDER PROBLEM --reason",
                _ => continue,
            };
            if let Some(rest) = command.strip_prefix("orderctl problems ") {
                assert!(rest.contains(wanted), "{}: {command}", code.name());
            }
        }
    }
}

/// What was to be cancelled must never be completed by following a remedy.
#[test]
fn what_is_declined_is_asked_for_by_the_status_it_was_for() {
    for text in &page(Code::EffectNotRetryable).texts {
        let told: Vec<_> = commands(text).collect();
        assert!(told.contains(&"orderctl orders status ORDER COMPLETED"), "{told:?}");
        assert!(told.contains(&"orderctl orders status ORDER CANCELLED --restock yes"), "{told:?}");
    }
}

/// The commands that a text tells to give.
fn commands(text: &'static Text) -> impl Iterator<Item = &'static str> {
    let quoted =
        [text.cause, text.remedy].into_iter().flat_map(|said| said.split('`').skip(1).step_by(2));
    quoted.filter(|quoted| quoted.starts_with("orderctl "))
}

fn words(command: &str) -> impl Iterator<Item = &str> {
    let words = command.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| !word.is_empty())
}

#[test]
fn only_problems_end_no_call() {
    for &code in Code::ALL {
        assert_eq!(page(code).grpc.is_none(), PROBLEMS.contains(&code), "{}", code.name());
    }
}

#[test]
fn only_the_state_of_systems_is_worth_a_repeat() {
    let retryable: Vec<_> = Code::ALL.iter().filter(|&&code| page(code).retryable).collect();
    let wanted =
        [Code::ProviderUnavailable, Code::QueueFull, Code::Unavailable, Code::DeadlineExceeded];
    assert_eq!(retryable, wanted.iter().collect::<Vec<_>>());
}

#[test]
fn callers_are_told_in_the_language_they_prefer() {
    let cases = [
        ("", "en"),
        ("nb", "nb"),
        ("no", "nb"),
        ("nn-NO", "nb"),
        ("nb-NO,nb;q=0.9,en;q=0.8", "nb"),
        ("de, en;q=0.7, nb;q=0.8", "nb"),
        ("en;q=0.7,nb;q=0.25", "en"),
        ("nb;q=0", "en"),
        ("nb;q=rubbish", "en"),
        ("de,fr;q=0.5,*;q=0.1", "en"),
        ("EN-gb", "en"),
    ];
    for (header, language) in cases {
        assert_eq!(text(Code::AlreadyCaptured, header).language, language, "{header:?}");
    }
    assert_eq!(text(Code::AlreadyCaptured, "nb").title, "Ordren er allerede belastet");
}
