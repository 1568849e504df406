//! The proof by the vector that Vipps published.

use super::super::tests::headers;
use super::*;

const SECRET: &str =
    "A0+AeKBRG2KRGvnNwJpQlb6IJFk48CKXCIcrLoHncVJKDILsQSxS6NWCccwWm6r6FhGKhiHTBsG2wo/xU6FY/A==";
const TARGET: &str = "/e2cee29b-012e-4f1d-8ef4-e95fd74a7a63";
const SENT: &str = "Thu, 30 Mar 2023 08:38:32 GMT";
const BODY: &str = r#"{"some-unique-content":"ee6e441b-cc4a-46f8-895d-a5af79bcc233/hello-world"}"#;
const HASH: &str = "lNlsp1XA03N34HrQsVzPgJKtC+r7l/RBF4V3JQUWMj4=";
const SIGNATURE: &str = "agAiSyogQbDHpeucoNwYz+yAr5nJ+v+zasdkSbqzv+U=";
/// When it was sent, in microseconds.
const NOW: i64 = 1_680_165_512_000_000;

fn proof() -> Proof {
    Proof { secret: SecretString::from(SECRET), merchant_serial_number: "123456".to_owned() }
}

fn read(
    change: (&'static str, &str),
    target: &str,
    body: &str,
    now: i64,
) -> Result<usize, Unproved> {
    let authorization = format!("{SIGNED}{SIGNATURE}");
    let mut given = headers([
        ("host", "webhook.site"),
        ("x-ms-date", SENT),
        ("x-ms-content-sha256", HASH),
        ("authorization", &authorization),
    ]);
    given.extend(headers([change]));
    let letter = Letter { target, headers: &given, body: body.as_bytes(), now: Micros(now) };
    proof().read(&letter).map(|notices| notices.len())
}

#[test]
fn the_published_vector_is_proved_and_every_part_of_it_counts() {
    let same = ("x-other", "");
    // Proved and recent, and not what Vipps tells of payments.
    assert_eq!(read(same, TARGET, BODY, NOW), Err(Unproved::Unreadable));
    // A proxy has put its own host in the place of the one that was registered.
    let authorization = format!("{SIGNED}{SIGNATURE}");
    let given = headers([
        ("host", "127.0.0.1:7071"),
        ("x-forwarded-host", "webhook.site"),
        ("x-ms-date", SENT),
        ("x-ms-content-sha256", HASH),
        ("authorization", &authorization),
    ]);
    let body = BODY.as_bytes();
    let letter = Letter { target: TARGET, headers: &given, body, now: Micros(NOW) };
    assert!(proof().is_proved(&letter));

    for change in [
        ("host", "webhook.example"),
        ("x-ms-date", "Thu, 30 Mar 2023 08:38:33 GMT"),
        ("x-ms-content-sha256", "lNlsp1XA03N34HrQsVzPgJKtC+r7l/RBF4V3JQUWMj5="),
        ("authorization", "Bearer x"),
        ("authorization", SIGNED),
    ] {
        assert_eq!(read(change, TARGET, BODY, NOW), Err(Unproved::Forged), "{change:?}");
    }
    assert_eq!(read(same, "/other", BODY, NOW), Err(Unproved::Forged));
    assert_eq!(read(same, TARGET, "{}", NOW), Err(Unproved::Forged));
    let other = Proof { secret: SecretString::from("A0+A"), ..proof() };
    assert!(!other.is_proved(&letter));
}

#[test]
fn an_old_letter_is_not_taken_again() {
    let minutes = |count: i64| count * 60 * 1_000_000;
    for (now, is_taken) in [
        (NOW + minutes(5), true),
        (NOW - minutes(5), true),
        (NOW + minutes(5) + 1, false),
        (NOW - minutes(5) - 1, false),
        (0, false),
    ] {
        let wanted = if is_taken { Unproved::Unreadable } else { Unproved::Stale };
        assert_eq!(read(("x-other", ""), TARGET, BODY, now), Err(wanted), "{now}");
    }
}

#[test]
fn an_event_is_told_with_our_key() {
    let key = Uuid::from_u128(7);
    let body = format!(
        r#"{{"msn": "123456", "reference": "acme-shop-123", "pspReference": "9876", "name": "CAPTURED",
        "amount": {{"currency": "NOK", "value": 49900}}, "timestamp": "2023-08-14T12:48:46.260Z",
        "idempotencyKey": "{key}", "success": true}}"#
    );
    let event: Event = serde_json::from_str(&body).unwrap();
    let notice = event.notice();
    assert_eq!(notice.copy_key, "9876/CAPTURED/true");
    assert_eq!((notice.payment_reference.as_str(), notice.told.key), ("acme-shop-123", Some(key)));
    assert_eq!(notice.happened_at, Some(1_692_017_326_260_000));
    let wanted = Happening::Ended { kind: OperationKind::Capture, is_success: true };
    assert_eq!(happening(&notice.told), wanted);
}

#[test]
fn what_failed_under_a_key_is_looked_up_and_not_believed() {
    let told = |event: &str, key: Option<Uuid>| Told {
        key,
        event: event.to_owned(),
        is_success: false,
        reason: String::new(),
        amount_minor: 49_900,
        currency: "NOK".to_owned(),
        provider_reference: "9876".to_owned(),
    };
    let failed = |kind| Happening::Ended { kind, is_success: false };
    for (event, kind) in [
        ("CAPTURED", OperationKind::Capture),
        ("REFUNDED", OperationKind::Refund),
        ("CANCELLED", OperationKind::Void),
    ] {
        assert_eq!(happening(&told(event, Some(Uuid::from_u128(7)))), Happening::Trifle, "{event}");
        assert_eq!(happening(&told(event, None)), failed(kind), "{event}");
    }
    let unanswered = told("AUTHORIZED", Some(Uuid::from_u128(7)));
    assert_eq!(happening(&unanswered), failed(OperationKind::Authorize));
}
