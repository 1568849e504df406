//! Every failure as its caller sees it.

use super::*;

fn status(failure: Failure, accept_language: &str) -> Status {
    super::status(failure, accept_language, &About::default())
}

fn violations(count: usize) -> Vec<Violation> {
    let violation = |index| Violation {
        field: format!("order.lines[{index}].quantity"),
        description: "must be from 1 to 1000000".to_owned(),
    };
    (0..count).map(violation).collect()
}

#[test]
fn every_code_has_its_reason_remedy_and_fitting_detail() {
    for &code in Code::ALL {
        let name = code.name();
        let mut refusal = Refusal::new(code).with("order", "shops/a/orders/1001").with("n", 7);
        if matches!(fitting(code), Fitting::Fields) {
            refusal.violations = violations(1);
        }
        for (header, language) in [("", "en"), ("nb-NO,nb;q=0.9", "nb")] {
            let status = status(refusal.clone().into(), header);
            let details = status.get_error_details();
            let expected = catalogue::page(code).grpc.unwrap_or(tonic::Code::Internal);
            assert_eq!(status.code(), expected, "{name}");

            let info = details.error_info().unwrap();
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (name, "orders.v1"));
            assert_eq!(info.metadata["order"], "shops/a/orders/1001");
            assert_eq!(info.metadata["n"], "7");
            assert_eq!(details.help().unwrap().links[0].url, format!("refusals/{name}"));
            let local = details.localized_message().unwrap();
            assert_eq!(local.locale, language, "{name}");
            assert_eq!(local.message.lines().count(), 3, "{name}");
            assert!(status.message().starts_with(catalogue::text(code, "en").title), "{name}");

            let shown = (
                details.bad_request().is_some(),
                details.precondition_failure().is_some(),
                details.resource_info().is_some(),
                details.retry_info().is_some(),
            );
            let fits = match fitting(code) {
                Fitting::Fields => (true, false, false, false),
                Fitting::State => (false, true, false, false),
                Fitting::Resource(_) => (false, false, true, false),
                Fitting::Retry => (false, false, false, true),
                Fitting::Nothing => (false, false, false, false),
            };
            assert_eq!(shown, fits, "{name}");
        }
    }
}

#[test]
fn what_is_not_as_it_must_be_is_told_by_its_name() {
    let subject = |refusal: Refusal| {
        let details = status(refusal.into(), "").get_error_details();
        details.precondition_failure().unwrap().violations[0].subject.clone()
    };
    let refusal = Refusal::new(Code::AlreadyCaptured).with("captured_minor", 900);
    assert_eq!(subject(refusal.clone()), "", "a number names nothing");
    assert_eq!(subject(refusal.with("order", "shops/a/orders/7")), "shops/a/orders/7");
}

#[test]
fn the_grpc_code_says_the_kind_of_detail() {
    for &code in Code::ALL {
        let Some(grpc) = catalogue::page(code).grpc else { continue };
        let fits = match fitting(code) {
            Fitting::Resource(_) => &[tonic::Code::NotFound, tonic::Code::AlreadyExists][..],
            Fitting::Retry => &[tonic::Code::Unavailable, tonic::Code::ResourceExhausted],
            _ => continue,
        };
        assert!(fits.contains(&grpc), "{}: {grpc:?}", code.name());
    }
}

#[test]
fn what_is_internal_goes_to_the_log_and_not_to_the_caller() {
    let log = "SELECT email FROM customers".to_owned();
    let status = status(Failure::Internal { log }, "");
    let details = status.get_error_details();
    assert_eq!(status.code(), tonic::Code::Internal);
    assert!(Uuid::parse_str(&details.error_info().unwrap().metadata["incident"]).is_ok());
    assert!(!format!("{status:?}").contains("SELECT"));
    assert!(!String::from_utf8_lossy(status.details()).contains("SELECT"));
}

#[test]
fn who_must_wait_is_told_how_long() {
    let retry_after = Duration::from_millis(700);
    let cases = [
        (Failure::QueueFull { retry_after }, "QUEUE_FULL"),
        (Failure::Unavailable { retry_after }, "UNAVAILABLE"),
    ];
    for (failure, reason) in cases {
        let details = status(failure, "").get_error_details();
        assert_eq!(details.error_info().unwrap().reason, reason);
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(retry_after));
    }
}

#[test]
fn a_status_fits_into_a_header_however_much_is_wrong() {
    for count in [0, 1, 2, 30, 50, 51, 4_000] {
        for &code in Code::ALL {
            let mut refusal = Refusal::new(code)
                .with("skus", "æææææææææ,".repeat(40_000))
                .with("more", "x".repeat(40_000))
                .with("orders", "shops/a/orders/1,".repeat(40_000));
            refusal.violations = violations(count);
            let status = status(refusal.into(), "nb");
            let bytes = status.details().len();
            assert!(bytes < 4 * 1024, "{} with {count}: {bytes} bytes", code.name());

            let details = status.get_error_details();
            let listed = details.bad_request().map_or(0, |request| request.field_violations.len());
            let omitted = details.error_info().unwrap().metadata.get("violations_omitted");
            let omitted: usize = omitted.map_or(0, |text| text.parse().unwrap());
            assert_eq!(listed + omitted, count, "{}", code.name());
            assert!(listed > 0 || count == 0);
        }
    }
}

#[test]
fn what_is_left_out_of_a_list_is_counted() {
    let told = |refusal: Refusal| {
        status(refusal.into(), "").get_error_details().error_info().unwrap().metadata.clone()
    };
    let skus: Vec<String> = (1..=500).map(|number| format!("SKU-{number:04}")).collect();
    for count in [1, 2, 88, 89, 90, 500] {
        let wanted = &skus[..count];
        let refusal = Refusal::new(Code::OutOfStock).with("skus", wanted.join(","));
        let told = told(refusal.with("order", "shops/a/orders/7"));
        let listed: Vec<&str> = told["skus"].split(',').collect();
        assert_eq!(listed, wanted[..listed.len()], "whole, and in order");
        let omitted = told.get("skus_omitted").map(|text| text.parse::<usize>().unwrap());
        assert_eq!(listed.len() + omitted.unwrap_or_default(), count);
        assert_eq!(omitted.is_some(), listed.len() < count, "of {count}");
        assert!(listed.len() >= count.min(80), "of {count}: {}", listed.len());
    }

    let orders: Vec<String> = (1..=50).map(|number| format!("shops/a/orders/{number}")).collect();
    let missing = Refusal::new(Code::OrderNotFound).with("order", orders.join(","));
    let details = status(missing.into(), "").get_error_details();
    let name = &details.resource_info().unwrap().resource_name;
    assert!(name.split(',').all(|name| orders.iter().any(|order| order == name)), "{name}");
    // A text with commas is no list.
    let said = Refusal::new(Code::CaptureDeclined).with("provider_reason", "no, ".repeat(500));
    let told = told(said);
    assert_eq!(told.len(), 1);
    assert!(told["provider_reason"].ends_with('…'));
}

#[test]
fn the_message_names_the_first_wrong_field() {
    let status = status(Refusal::fields(violations(3)).into(), "");
    let message = status.message();
    assert!(
        message.ends_with(": order.lines[0].quantity must be from 1 to 1000000 (and 2 more)"),
        "{message}"
    );
}

#[test]
fn a_remedy_is_about_what_the_call_is_about() {
    let about = About::of("shops/fjell/orders/1001");
    let said = |refusal: Refusal, language: &str| {
        let status = super::status(refusal.into(), language, &about);
        status.get_error_details().localized_message().unwrap().message.clone()
    };
    for language in ["en", "nb"] {
        for &code in Code::ALL {
            let said = said(Refusal::new(code), language);
            let left = said.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let mut left = left.filter(|word| ["ORDER", "SHOP"].contains(word));
            assert_eq!(left.next(), None, "{}: {said}", code.name());
        }
        let captured = said(Refusal::new(Code::AlreadyCaptured), language);
        assert!(
            captured.contains("`orderctl orders credit 1001 --all --refund yes`"),
            "{captured}"
        );
        // What the refusal names says it better than the request.
        let twin = Refusal::new(Code::PartlyDelivered).with("order", 1002);
        assert!(said(twin, language).contains("orders edit 1002 "), "the twin's rest");
        let dropped = Refusal::new(Code::DuplicateNotCreditable).with("other", 1003);
        assert!(said(dropped, language).contains("orders credit 1003 "), "the other's money");
        let several = "shops/fjell/orders/1,shops/fjell/orders/2";
        let several = said(Refusal::new(Code::AlreadyCaptured).with("order", several), language);
        assert!(several.contains("orders credit ORDER "), "none of several is the one: {several}");
    }
}
