//! Calls below the SDK: any message to any method, and bytes that are no message.

use std::str::FromStr;

use tonic::client::Grpc;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

/// One call of a method by its path.
pub(crate) async fn unary<Question, Answer>(
    channel: Channel,
    path: &str,
    request: Question,
) -> Result<Answer, Status>
where
    Question: prost::Message + 'static,
    Answer: prost::Message + Default + 'static,
{
    let mut grpc = ready(channel).await?;
    let codec: ProstCodec<Question, Answer> = ProstCodec::default();
    Ok(grpc.unary(Request::new(request), path_of(path), codec).await?.into_inner())
}

/// One call of a method that answers with a stream.
pub(crate) async fn streaming<Question, Answer>(
    channel: Channel,
    path: &str,
    request: Question,
) -> Result<Streaming<Answer>, Status>
where
    Question: prost::Message + 'static,
    Answer: prost::Message + Default + 'static,
{
    let mut grpc = ready(channel).await?;
    let codec: ProstCodec<Question, Answer> = ProstCodec::default();
    Ok(grpc.server_streaming(Request::new(request), path_of(path), codec).await?.into_inner())
}

/// One call with these bytes for a message; answers bytes too.
pub(crate) async fn bytes(
    channel: Channel,
    path: &str,
    message: Vec<u8>,
) -> Result<Vec<u8>, Status> {
    let mut grpc = ready(channel).await?.max_decoding_message_size(64 << 20);
    let answer = grpc.unary(patient(message), path_of(path), Bytes).await?;
    Ok(answer.into_inner())
}

/// The first message of a stream that is opened with these bytes.
pub(crate) async fn first_bytes(
    channel: Channel,
    path: &str,
    message: Vec<u8>,
) -> Result<Vec<u8>, Status> {
    let mut grpc = ready(channel).await?.max_decoding_message_size(64 << 20);
    let mut stream =
        grpc.server_streaming(patient(message), path_of(path), Bytes).await?.into_inner();
    Ok(stream.message().await?.unwrap_or_default())
}

fn patient(message: Vec<u8>) -> Request<Vec<u8>> {
    let mut request = Request::new(message);
    request.set_timeout(std::time::Duration::from_secs(20));
    request
}

async fn ready(channel: Channel) -> Result<Grpc<Channel>, Status> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(grpc)
}

fn path_of(path: &str) -> PathAndQuery {
    PathAndQuery::from_str(path).unwrap()
}

/// Messages that are taken as they are.
#[derive(Clone, Copy, Debug)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        prost::bytes::BufMut::put_slice(buffer, &item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = prost::bytes::Buf::remaining(buffer);
        let mut item = vec![0; length];
        prost::bytes::Buf::copy_to_slice(buffer, &mut item);
        Ok(Some(item))
    }
}
