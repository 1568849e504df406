//! Fields of the commands on an order's notes and mails.

use order_proto::v1;

use super::Fields;
use super::envelope::Asking;
use super::names::OrderName;
use crate::commands::{AddNote, Command, Failure, NewNote, ResendMail};
use crate::grpc::caller::Caller;

const NOTE_CHARACTERS_MAX: usize = 5_000;
const ATTACHMENTS_MAX: usize = 10;
/// Of all attachments of a mail together.
pub(crate) const ATTACHMENT_BYTES_MAX: usize = 10_000_000;

/// Checks `AddOrderNote`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn add_note(
    mut request: v1::AddOrderNoteRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::AddOrderNoteRequest {
        name,
        note,
        send_email,
        attach_withdrawal_form,
        attachments,
        request_id: _,
        etag,
        validate_only: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    fields.check(note.is_some(), "note", "is required");
    let note = note.map(|note| fields.new_note("note", note));
    let etag = fields.etag(etag);
    fields.attachments(&attachments);
    let Some(note) = note else { return Err(fields.refusal()) };
    let command = AddNote {
        number,
        etag,
        note,
        send_email,
        attach_form: attach_withdrawal_form,
        files: attachments,
    };
    envelope.finish(fields, shop, Command::AddNote(Box::new(command)))
}

/// Checks `ResendMail`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn resend_mail(
    mut request: v1::ResendMailRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::ResendMailRequest { name, mail_id, request_id: _, etag, validate_only: _ } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    fields.check(mail_id > 0, "mail_id", "must be the number of a mail of the order");
    let command = ResendMail { number, etag: fields.etag(etag), mail: mail_id };
    envelope.finish(fields, shop, Command::ResendMail(command))
}

impl Fields {
    /// A note to add. Only audience and text are read.
    pub(super) fn new_note(&mut self, place: &str, note: v1::Note) -> NewNote {
        let v1::Note { id: _, audience, text, author: _, create_time: _, attachment_names: _ } =
            note;
        let audience = match self.term(&format!("{place}.audience"), audience) {
            v1::NoteAudience::Unspecified => v1::NoteAudience::Internal,
            audience => audience,
        };
        let text = self.paragraph(&format!("{place}.text"), text, 1..=NOTE_CHARACTERS_MAX);
        NewNote { audience, text }
    }

    fn attachments(&mut self, attachments: &[v1::Attachment]) {
        if attachments.len() > ATTACHMENTS_MAX {
            self.refuse("attachments", format!("has more than {ATTACHMENTS_MAX} entries"));
        }
        let bytes: usize = attachments.iter().map(|attachment| attachment.content.len()).sum();
        self.check(
            bytes <= ATTACHMENT_BYTES_MAX,
            "attachments",
            "have more than 10 MB together: 10,000,000 bytes",
        );
        for (index, attachment) in attachments.iter().take(ATTACHMENTS_MAX).enumerate() {
            let v1::Attachment { file_name, media_type, content } = attachment;
            let place = format!("attachments[{index}]");
            let field = format!("{place}.file_name");
            self.line(&field, file_name.clone(), 1..=100);
            let is_name = !file_name.contains(['/', '\\', ':']) && !file_name.starts_with('.');
            self.check(is_name, &field, "must be a file's name without a path");
            let has_ending = file_name.rsplit_once('.').is_some_and(|(_, end)| !end.is_empty());
            self.check(has_ending, &field, "must have an ending, e.g. .pdf");
            let field = format!("{place}.media_type");
            self.line(&field, media_type.clone(), 3..=100);
            self.check(is_media_type(media_type), &field, "must be like application/pdf");
            self.check(!content.is_empty(), &format!("{place}.content"), "must not be empty");
        }
    }
}

fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}
