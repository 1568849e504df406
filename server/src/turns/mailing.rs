//! The mails of a shop's work during a turn: their rows, their effects, and who they are to.

use order_proto::v1;
use order_rules::effects::System;
use order_rules::mail::{Files, Mail, MailFacts};
use order_rules::order::Order;
use prost::Message;

use super::desk::{Desk, Extra, OrderFile};
use super::rebuild::FilesRecord;
use super::record;
use crate::shops::Shop;
use crate::shops::persons::PersonName;
use crate::store::rows::{EffectRow, MailFilesRow, MailRow, key};
use crate::terms::{Term, files_stored, system_stored};

/// What is known of a mail beside what the rules look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct MailSlip {
    /// Of the order's personal data: who it goes to, and the note.
    pub personal_version: i32,
    /// A digest of the address it goes to; empty once that was erased.
    pub recipient: Vec<u8>,
    /// Of the event that tells of it.
    pub revision: i64,
    pub message_id: String,
}

impl Extra {
    /// The Message-ID of a mail.
    pub(crate) fn message_id(&self, mail: i64) -> &str {
        self.slips.get(&mail).map_or("", |slip| slip.message_id.as_str())
    }

    /// What is personal of the order.
    pub(crate) fn personal_part(&self) -> v1::Order {
        v1::Order::decode(self.personal.clone()).unwrap_or_default()
    }
}

impl Desk {
    /// The mails that a decision has planned: each is an effect.
    pub(super) fn put_mails(&mut self, number: i64, mails: &[i64]) {
        let (shop_id, revision) = (self.shop.row.shop_id, self.next_revision());
        for &id in mails {
            let Some(file) = self.orders.get_mut(&number) else {
                return self.note_defect("a mail is planned of an order that is not there");
            };
            let Some(mail) = file.order.mails.iter().find(|mail| mail.id == id) else {
                self.note_defect("a mail is planned that is not there");
                continue;
            };
            let effect = effect(shop_id, &file.order, mail);
            let message_id = crate::mail::message_id(&self.shop, mail);
            let slip = MailSlip { revision, message_id, ..MailSlip::default() };
            file.extra.slips.insert(id, slip);
            self.command_mails.push((number, id));
            self.put_effect(id, effect);
        }
    }

    /// The id that the order's next note gets.
    pub(crate) fn next_note(&self, number: i64) -> i32 {
        let notes = self.orders.get(&number).map(|file| file.extra.personal_part().notes.len());
        i32::try_from(notes.unwrap_or_default()).unwrap_or(i32::MAX).saturating_add(1)
    }

    /// What mailing the customer of an order depends on.
    pub(crate) fn mail_facts(&self, number: i64) -> MailFacts {
        let file = self.orders.get(&number);
        let email = file.and_then(|file| file.extra.personal_part().customer).map(|one| one.email);
        crate::mail::facts(&self.shop, &email.unwrap_or_default())
    }

    /// Keeps the files that go with a mail until it is sent.
    pub(crate) fn put_files(&mut self, mail: i64, files: &[v1::Attachment]) {
        let record = FilesRecord { files: files.to_vec() };
        let mail_key = key(self.shop.row.shop_id, mail);
        self.changes.mail_files.push(MailFilesRow { mail_key, files: record.encode_to_vec() });
    }

    /// The files of a mail go with another from now on.
    pub(crate) fn move_files(&mut self, from: i64, to: i64) {
        let key = |mail| key(self.shop.row.shop_id, mail);
        self.changes.mail_files_moved.push((key(from), key(to)));
    }

    /// A mail is to whom the order names when its command is over.
    pub(super) fn address_mails(&mut self) {
        for (number, mail) in std::mem::take(&mut self.command_mails) {
            let Some(file) = self.orders.get_mut(&number) else { continue };
            let version = file.extra.personal_version;
            let recipient = recipient(&self.shop, &file.extra.personal_part());
            if let Some(slip) = file.extra.slips.get_mut(&mail) {
                slip.personal_version = version;
                slip.recipient = recipient;
            }
        }
    }
}

/// A digest of the address that the customer has.
pub(crate) fn recipient(shop: &Shop, personal: &v1::Order) -> Vec<u8> {
    let email = personal.customer.as_ref().map(|customer| customer.email.clone());
    shop.person(&PersonName::Email(email.unwrap_or_default()))
}

/// The mails that differ from those stored.
pub(super) fn rows(shop_id: i64, file: &OrderFile) -> Vec<MailRow> {
    let stored = file.stored.as_ref();
    let is_stored =
        |mail: &&Mail| stored.is_some_and(|stored| stored.mails.iter().any(|other| other == *mail));
    let changed = file.order.mails.iter().filter(|mail| !is_stored(mail));
    changed
        .filter_map(|one| Some(row(shop_id, file, one, file.extra.slips.get(&one.id)?)))
        .collect()
}

fn row(shop_id: i64, file: &OrderFile, mail: &Mail, slip: &MailSlip) -> MailRow {
    MailRow {
        mail_key: key(shop_id, mail.id),
        order_key: key(shop_id, file.order.number.0),
        kind: mail.kind.stored(),
        state: mail.state.stored(),
        has_form: mail.has_form,
        note_id: mail.note,
        files: files_stored(mail.files),
        is_to_old_address: mail.is_to_old_address,
        personal_version: slip.personal_version,
        recipient: slip.recipient.clone(),
        revision: slip.revision,
        message_id: slip.message_id.clone(),
        requested_at: mail.requested_at.0,
        resolved_at: mail.resolved_at.map(|time| time.0),
    }
}

/// Mails whose files are no longer needed.
pub(super) fn forgotten_files(shop_id: i64, file: &OrderFile) -> Vec<i64> {
    let had = |id: i64| {
        let stored = file.stored.iter().flat_map(|stored| &stored.mails);
        stored.into_iter().any(|mail| mail.id == id && mail.files == Files::Kept)
    };
    let gone = file.order.mails.iter().filter(|mail| mail.files == Files::Gone && had(mail.id));
    gone.map(|mail| key(shop_id, mail.id)).collect()
}

/// The effect of a mail that was just planned.
fn effect(shop_id: i64, order: &Order, mail: &Mail) -> EffectRow {
    EffectRow {
        effect_key: key(shop_id, mail.id),
        shop_id,
        system: system_stored(System::Mail),
        payment_key: None,
        order_key: key(shop_id, order.number.0),
        kind: mail.kind.stored(),
        amount_minor: 0,
        ..record::planned(mail.requested_at, mail.requested_at)
    }
}

/// A mail as it goes out: what it is, not to whom or in which words.
pub(super) fn message(mail: &Mail, message_id: &str) -> v1::Mail {
    let time = crate::commands::timestamp;
    v1::Mail {
        id: mail.id,
        kind: mail.kind.contract().into(),
        state: mail.state.contract().into(),
        has_withdrawal_form: mail.has_form,
        is_to_old_address: mail.is_to_old_address,
        request_time: Some(time(mail.requested_at)),
        resolve_time: mail.resolved_at.map(time),
        message_id: message_id.to_owned(),
        note_id: mail.note.unwrap_or_default(),
    }
}
