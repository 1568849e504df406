//! Answers whose bytes are already encoded: stored orders go out as they are stored.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::encoding::{DecodeContext, WireType, encode_key, encode_varint, skip_field};
use prost::{DecodeError, Message};

/// An encoded message in shared parts. It is made to be sent; reading one skips every field.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Frame {
    parts: Vec<Bytes>,
}

impl Frame {
    /// The frame with these bytes after it. Protobuf joins messages by putting their bytes together.
    #[must_use]
    pub(crate) fn with_bytes(mut self, bytes: Bytes) -> Self {
        self.parts.push(bytes);
        self
    }

    /// The frame with `message`'s own fields after it.
    #[must_use]
    pub(crate) fn with_fields(self, message: &impl Message) -> Self {
        self.with_bytes(message.encode_to_vec().into())
    }

    /// The frame with a field `tag` that holds the message made of `parts`.
    #[must_use]
    pub(crate) fn with_message(mut self, tag: u32, parts: impl IntoIterator<Item = Bytes>) -> Self {
        let parts: Vec<Bytes> = parts.into_iter().collect();
        let length: usize = parts.iter().map(Bytes::len).sum();
        let mut head = BytesMut::with_capacity(12);
        encode_key(tag, WireType::LengthDelimited, &mut head);
        encode_varint(u64::try_from(length).unwrap_or(u64::MAX), &mut head);
        self.parts.push(head.freeze());
        self.parts.extend(parts);
        self
    }

    /// All bytes as one.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// The parts, shared.
    pub(crate) fn into_parts(self) -> Vec<Bytes> {
        self.parts
    }
}

impl Message for Frame {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        for part in &self.parts {
            buf.put_slice(part);
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, buf, ctx)
    }

    fn encoded_len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    fn clear(&mut self) {
        self.parts.clear();
    }
}
