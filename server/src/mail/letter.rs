//! A mail as it goes over the wire: addresses, headers, text and HTML, form and files.

#[cfg(test)]
mod tests;

use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use order_proto::v1;
use order_rules::contact;
use order_rules::order::Micros;

use super::form;
use super::matter::Matter;
use super::wording::{self, Words};
use crate::clock;

/// A written mail.
#[derive(Debug)]
pub(crate) struct Letter {
    /// Without its brackets.
    pub message_id: String,
    /// Who the server is told it comes from and goes to.
    pub envelope: Envelope,
    pub bytes: Vec<u8>,
}

impl Letter {
    /// Writes the mail.
    ///
    /// # Errors
    /// What is missing or wrong, without the customer's data: nobody can take such a mail.
    pub(super) fn write(matter: &Matter) -> Result<Self, String> {
        let seller = matter.settings.seller.clone().unwrap_or_default();
        let customer = matter.order.customer.clone().unwrap_or_default();
        let from = mailbox(&seller.name, &seller.email).ok_or("the shop has no seller's e-mail")?;
        let to = mailbox(&customer.full_name, &customer.email)
            .ok_or("the order has no e-mail address")?;
        let Words { subject, text, html } = wording::words(matter)?;
        let envelope = Envelope::new(Some(from.email.clone()), vec![to.email.clone()])
            .map_err(|error| error.to_string())?;
        let body = body(text, html);
        let attachments = attachments(matter)?;
        let message = Message::builder()
            .from(from)
            .to(to)
            .subject(subject)
            .message_id(Some(format!("<{}>", matter.message_id)))
            .date(clock::system_time(Micros(matter.requested_at)))
            // Absent robots need not answer.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .envelope(envelope.clone());
        let message = match attachments.is_empty() {
            true => message.multipart(body),
            false => {
                let mixed = MultiPart::mixed().multipart(body);
                message.multipart(attachments.into_iter().fold(mixed, MultiPart::singlepart))
            }
        };
        let message = message.map_err(|error| error.to_string())?;
        let bytes = message.formatted();
        Ok(Self { message_id: matter.message_id.clone(), envelope, bytes })
    }
}

/// One address that mail can be sent to, with a name that cannot break out of its line.
fn mailbox(name: &str, email: &str) -> Option<Mailbox> {
    if !contact::is_valid_email(email) || name.chars().any(char::is_control) {
        return None;
    }
    let address: Address = email.parse().ok()?;
    let name = name.trim();
    Some(Mailbox::new((!name.is_empty()).then(|| name.to_owned()), address))
}

fn body(text: String, html: Option<String>) -> MultiPart {
    match html {
        Some(html) => MultiPart::alternative_plain_html(text, html),
        None => MultiPart::alternative().singlepart(SinglePart::plain(text)),
    }
}

fn attachments(matter: &Matter) -> Result<Vec<SinglePart>, String> {
    let mut parts = Vec::new();
    if matter.has_form {
        let form = form::withdrawal_form(matter);
        let pdf = ContentType::parse("application/pdf").map_err(|error| error.to_string())?;
        parts.push(Attachment::new(form.file_name).body(form.pdf, pdf));
    }
    for file in &matter.files {
        let v1::Attachment { file_name, media_type, content } = file;
        let kind = ContentType::parse(media_type)
            .or_else(|_| ContentType::parse("application/octet-stream"))
            .map_err(|error| error.to_string())?;
        parts.push(Attachment::new(file_name.clone()).body(content.to_vec(), kind));
    }
    Ok(parts)
}
