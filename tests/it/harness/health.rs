//! The health protocol as a prober speaks it.

use std::time::Duration;

use tonic::transport::Endpoint;

use super::raw;

/// The server can be used.
pub(crate) const SERVING: i32 = 1;
/// It cannot.
pub(crate) const NOT_SERVING: i32 = 2;

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    pub(crate) service: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct HealthCheckResponse {
    #[prost(int32, tag = "1")]
    pub(crate) status: i32,
}

/// How to reach a server of this machine.
pub(crate) fn connect(port: u16) -> Endpoint {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap();
    endpoint.connect_timeout(Duration::from_secs(5))
}

/// The status of a service; none when nobody answers or the service is unknown.
pub(crate) async fn status(port: u16, service: &str) -> Option<i32> {
    check(port, service).await.ok()
}

/// The status of a service, or what was answered instead.
pub(crate) async fn check(port: u16, service: &str) -> Result<i32, tonic::Status> {
    let channel = connect(port)
        .connect()
        .await
        .map_err(|error| tonic::Status::unavailable(error.to_string()))?;
    let request = HealthCheckRequest { service: service.to_owned() };
    let answer: HealthCheckResponse =
        raw::unary(channel, "/grpc.health.v1.Health/Check", request).await?;
    Ok(answer.status)
}
