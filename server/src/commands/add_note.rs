//! `AddOrderNote` and `ResendMail`, and what became of mails (§3).

use order_proto::v1;
use order_rules::decision::{Decision, Ids};
use order_rules::effects::EffectState;
use order_rules::mail::{self, Audience, Files, MailOutcome};
use order_rules::refusals::{Refusal, Violation};

use super::{AddNote, Answer, NewNote, RecordMail, ResendMail, plan_of, timestamp};
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::terms::Term;
use crate::turns::desk::Desk;

/// Notes an order may have.
const NOTES_MAX: usize = 200;

impl AddNote {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let case = desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let mut note = checked(desk, self.number, &self.note)?;
        note.attachment_names = self.files.iter().map(|file| file.file_name.clone()).collect();
        let command = mail::AddNote {
            audience: Audience::from_contract(self.note.audience).unwrap_or(Audience::Internal),
            note: desk.next_note(self.number),
            send_email: self.send_email,
            attach_form: self.attach_form,
            has_files: !self.files.is_empty(),
        };
        let (facts, mut ids) = (desk.mail_facts(self.number), desk.ids());
        let decision = mail::add_note(&case, &facts, &command, &mut ids, desk.now)?;
        let mails = decision.mails.clone();
        let answer = apply(desk, self.number, decision, &ids);
        add(desk, self.number, note);
        for mail in mails.into_iter().filter(|_| command.has_files) {
            desk.put_files(mail, &self.files);
        }
        Ok(Answer { plan: answer.plan, ..desk.answer(Some(self.number)) })
    }
}

impl ResendMail {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let case = desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let (facts, mut ids) = (desk.mail_facts(self.number), desk.ids());
        let decision = mail::resend(&case, &facts, self.mail, &mut ids, desk.now)?;
        let with_files = decision
            .case
            .order
            .mails
            .iter()
            .find(|mail| decision.mails.contains(&mail.id) && mail.files == Files::Kept);
        if let Some(mail) = with_files {
            desk.move_files(self.mail, mail.id);
        }
        Ok(apply(desk, self.number, decision, &ids))
    }
}

impl RecordMail {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let case = desk.case(self.number)?;
        // A result under another attempt than the one that is out is not applied: whoever has the
        // mail now will find out. That it waits is told once and true under any attempt.
        let is_waiting =
            matches!(self.outcome, MailOutcome::Held { .. } | MailOutcome::Waiting { .. });
        let is_current = desk
            .effects
            .get(&self.mail)
            .is_some_and(|effect| is_waiting || effect.attempt == self.attempt);
        if !is_current {
            return Ok(desk.answer(Some(self.number)));
        }
        match &self.outcome {
            MailOutcome::Sent => desk.finish_effect(self.mail, EffectState::Done),
            MailOutcome::Declined { .. } => desk.finish_effect(self.mail, EffectState::Declined),
            MailOutcome::Held { .. } | MailOutcome::Waiting { .. } | MailOutcome::Unknown => {}
        }
        let mut ids = desk.ids();
        let decision = mail::record(&case, self.mail, &self.outcome, &mut ids, desk.now);
        Ok(apply(desk, self.number, decision, &ids))
    }
}

/// Makes a decision about notes and mails the truth.
fn apply(desk: &mut Desk, number: i64, decision: Decision, ids: &Ids) -> Answer {
    let plan = plan_of(&decision);
    desk.apply(decision, ids);
    Answer { plan, ..desk.answer(Some(number)) }
}

/// The note as it will stand on the order, if there is room for it.
pub(super) fn checked(desk: &Desk, number: i64, note: &NewNote) -> Result<v1::Note, Refusal> {
    let written = desk.orders.get(&number).map_or(0, |file| file.extra.personal_part().notes.len());
    if written >= NOTES_MAX {
        return Err(Refusal::fields(vec![Violation {
            field: "note".to_owned(),
            description: format!("the order has {NOTES_MAX} notes already"),
        }]));
    }
    Ok(v1::Note {
        id: 0,
        audience: note.audience.into(),
        text: note.text.clone(),
        author: desk.actor().to_owned(),
        create_time: None,
        attachment_names: Vec::new(),
    })
}

/// Adds a note to an order, as its next personal version.
pub(super) fn add(desk: &mut Desk, number: i64, mut note: v1::Note) {
    let id = desk.next_note(number);
    let Some(file) = desk.orders.get(&number) else { return };
    let mut personal = file.extra.personal_part();
    note.id = id;
    note.create_time = Some(timestamp(desk.now));
    personal.notes.push(note);
    desk.put_personal(number, &personal);
}
