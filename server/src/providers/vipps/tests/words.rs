//! Vipps' errors, and those of what stands before it, in whatever form they come.

use super::*;

#[test]
fn whatever_vipps_says_is_shown() {
    let cases = [
        (
            400,
            r#"{"detail": "Too much", "extraDetails": [{"name": "ErrorCode", "reason": 6090}]}"#,
            "6090 Too much",
            Code::NotAllowedAtProvider,
        ),
        (
            400,
            r#"{"title": "Bad", "detail": "d", "traceId": 5,
                "extraDetails": [null, {"name": "errorcode", "reason": "NEW-77"}]}"#,
            "NEW-77 Bad d (trace id 5)",
            Code::UnknownProviderError,
        ),
        (
            400,
            r#"{"type": "https://developer.vippsmobilepay.com/errors", "status": 400, "title": 1,
                "extraDetails": {"name": "amount", "reason": null, "hint": "whole"}}"#,
            "HTTP 400 1 amount hint: whole",
            Code::RejectedByProvider,
        ),
        (
            400,
            r#"{"extraDetails": ["x", {"name": "amount", "reason": "odd"}]}"#,
            "HTTP 400 x amount: odd",
            Code::RejectedByProvider,
        ),
        (
            403,
            r#"{"error": "invalid_client", "error_description": "AADSTS7000222: expired"}"#,
            "HTTP 403 invalid_client error_description: AADSTS7000222: expired",
            Code::UnknownProviderError,
        ),
        (
            400,
            "<html><title>Bad Request</title><body><h2>Invalid URL</h2></body></html>",
            "HTTP 400 Bad Request Invalid URL",
            Code::RejectedByProvider,
        ),
        (404, "not\nthere", "HTTP 404 not there", Code::NotFoundAtProvider),
    ];
    for (status, body, reason, code) in cases {
        let decline = refused(&answer(status, body)).decline;
        assert_eq!((decline.reason.as_str(), decline.code), (reason, code), "{body}");
    }
    let busy = r#"{"extraDetails": [{"name": "ErrorCode", "reason": 6160}]}"#;
    let told = said(&answer(400, busy));
    assert!(matches!(told, Said::Busy { reason, .. } if reason == "6160"));
}
