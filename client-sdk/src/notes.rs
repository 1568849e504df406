//! Adding a note to an order, piece by piece.

use crate::client::OrderClient;
use crate::error::Error;
use crate::names::OrderName;
use crate::proto;
use crate::tokens::Etag;

/// A note to add. Begun by [`OrderClient::new_note`].
#[derive(Clone, Debug)]
#[must_use = "nothing is added until it is sent"]
pub struct NoteDraft {
    client: OrderClient,
    request: proto::AddOrderNoteRequest,
}

impl NoteDraft {
    pub(crate) fn new(
        client: OrderClient,
        order: &OrderName,
        audience: proto::NoteAudience,
        text: impl Into<String>,
    ) -> Self {
        let request = proto::AddOrderNoteRequest {
            name: order.into(),
            note: Some(proto::Note {
                audience: audience.into(),
                text: text.into(),
                ..proto::Note::default()
            }),
            ..proto::AddOrderNoteRequest::default()
        };
        Self { client, request }
    }

    /// Whether the customer is mailed; as the shop says where it is left open.
    pub fn send_email(mut self, is_mailed: bool) -> Self {
        self.request.send_email = Some(is_mailed);
        self
    }

    /// Whether the withdrawal form goes with the mail; as the shop says where it is left open.
    pub fn withdrawal_form(mut self, is_attached: bool) -> Self {
        self.request.attach_withdrawal_form = Some(is_attached);
        self
    }

    /// A file that goes with the mail; all together at most 10 MB.
    pub fn attach(
        mut self,
        file_name: impl Into<String>,
        media_type: impl Into<String>,
        content: Vec<u8>,
    ) -> Self {
        self.request.attachments.push(proto::Attachment {
            file_name: file_name.into(),
            media_type: media_type.into(),
            content: content.into(),
        });
        self
    }

    /// UUID of this command; one is made when it is sent without.
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request.request_id = request_id.into();
        self
    }

    /// Be refused with `ETAG_MISMATCH` when the order has changed since.
    pub fn etag(mut self, etag: Etag) -> Self {
        self.request.etag = etag.into();
        self
    }

    /// Only check: the answer holds the order as it would be and the plan.
    pub fn validate_only(mut self) -> Self {
        self.request.validate_only = true;
        self
    }

    /// Adds the note.
    pub async fn send(self) -> Result<proto::AddOrderNoteResponse, Error> {
        self.client.add_order_note(self.request).await
    }
}
