//! Deadlines, panics, and messages that cannot be taken in.

use order_proto::v1::{self, GetRefusalRequest};
use tonic::codegen::http::HeaderValue;
use tonic_types::StatusExt;

use super::*;
use crate::grpc::REQUEST_BYTES_MAX;
use crate::grpc::stubs::refusal_service_server::{RefusalService, RefusalServiceServer};

/// Does what the name says.
struct Obedient;

#[tonic::async_trait]
impl RefusalService for Obedient {
    async fn list_refusals(
        &self,
        _request: tonic::Request<v1::ListRefusalsRequest>,
    ) -> Result<tonic::Response<v1::ListRefusalsResponse>, Status> {
        Ok(tonic::Response::new(v1::ListRefusalsResponse::default()))
    }

    async fn get_refusal(
        &self,
        request: tonic::Request<GetRefusalRequest>,
    ) -> Result<tonic::Response<v1::GetRefusalResponse>, Status> {
        match request.get_ref().name.as_str() {
            "panic" => panic!("as asked"),
            "sleep" => tokio::time::sleep(Duration::from_secs(60)).await,
            _ => {}
        }
        Ok(tonic::Response::new(v1::GetRefusalResponse::default()))
    }
}

/// A service that does what it is asked by name: `panic`, `sleep`, or anything else.
pub(in crate::grpc) fn obedient() -> Routes {
    let service = RefusalServiceServer::new(Obedient).max_decoding_message_size(REQUEST_BYTES_MAX);
    Routes::new(service)
}

/// Calls with a message and a timeout as they are on the wire; the status of the answer.
async fn status_of(message: &str, timeout: Option<&'static str>) -> Status {
    let mut request = Request::new(message.to_owned());
    *request.uri_mut() = "/orders.v1.RefusalService/GetRefusal".parse().unwrap();
    *request.method_mut() = "POST".parse().unwrap();
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    if let Some(timeout) = timeout {
        request.headers_mut().insert(TIMEOUT_HEADER, HeaderValue::from_static(timeout));
    }
    let response = call(obedient(), request).await.unwrap();
    Status::from_header_map(response.headers()).unwrap_or_else(|| Status::ok(""))
}

/// A message of less than 128 bytes with the name.
fn named(name: &str) -> String {
    let length = u8::try_from(name.len()).unwrap();
    let (frame, field) = (char::from(length + 2), char::from(length));
    format!("\0\0\0\0{frame}\n{field}{name}")
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_is_told_as_such() {
    let status = status_of(&named("sleep"), Some("50m")).await;
    assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
    assert_eq!(reason(&status), "DEADLINE_EXCEEDED");
    assert_eq!(status_of(&named("sleep"), Some("61S")).await.code(), tonic::Code::Ok);
    assert_eq!(status_of(&named("answer"), Some("50m")).await.code(), tonic::Code::Ok);
}

#[tokio::test]
async fn a_panic_is_told_as_a_defect_and_nothing_of_it() {
    let status = status_of(&named("panic"), None).await;
    assert_eq!(status.code(), tonic::Code::Internal);
    assert_eq!(reason(&status), "INTERNAL");
    assert!(!format!("{status:?}").contains("as asked"));
}

#[tokio::test]
async fn a_message_that_is_not_one_gets_a_reason() {
    for message in ["\0\0\0\0\x02\n\x7f", "\0\0\0\0\x02zz"] {
        let status = status_of(message, None).await;
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{message:?}: {status:?}");
        assert_eq!(reason(&status), "INVALID_REQUEST");
        let details = status.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "request");
    }
}

#[test]
fn the_timeout_of_the_protocol_is_understood() {
    let cases = [
        ("1H", Some(Duration::from_secs(3_600))),
        ("2M", Some(Duration::from_secs(120))),
        ("20S", Some(Duration::from_secs(20))),
        ("1500m", Some(Duration::from_millis(1_500))),
        ("7u", Some(Duration::from_micros(7))),
        ("99999999n", Some(Duration::from_nanos(99_999_999))),
        ("0m", Some(Duration::ZERO)),
        ("123456789n", None),
        ("20", None),
        ("20s", None),
        ("-1S", None),
        ("+1S", None),
        ("", None),
    ];
    for (header, expected) in cases {
        let mut headers = HeaderMap::new();
        headers.insert(TIMEOUT_HEADER, HeaderValue::from_static(header));
        assert_eq!(timeout(&headers), expected, "{header:?}");
    }
    assert_eq!(timeout(&HeaderMap::new()), None);
}

#[test]
fn what_already_has_a_reason_keeps_it() {
    let internal = errors::status(Failure::Internal { log: "x".to_owned() }, "", &About::default());
    let cases = [
        (Status::out_of_range("too large"), tonic::Code::InvalidArgument, true),
        (Status::unimplemented(""), tonic::Code::Unimplemented, false),
        (internal, tonic::Code::Internal, true),
    ];
    for (status, code, has_details) in cases {
        let response = with_reason(status.into_http(), "", false);
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), code);
        assert_eq!(!status.details().is_empty(), has_details, "{status:?}");
    }
    let response = with_reason(Response::new(Body::empty()), "", false);
    assert!(response.headers().is_empty());
}
