//! §3 Notes and mail: what may be mailed, what became of it, and what a person must do about it.

#[cfg(test)]
mod tests;

use crate::changing::is_hold;
use crate::decision::{Case, Change, Decision, Ids};
use crate::draft::{About, Draft};
use crate::order::{Micros, Order, Problem};
use crate::refusals::{Code, Refusal};

/// What a mail to the customer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailKind {
    OrderConfirmation,
    StatusChanged,
    Note,
}

/// How far a mail has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    Pending,
    Sent,
    Declined,
    /// Nobody knows whether the mail server has taken it, and it is not sent again by itself (3.4).
    Unknown,
    /// Taken back before it was sent.
    Withdrawn,
}

/// What goes with a mail besides the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    None,
    Kept,
    /// Dropped when the mail was sent.
    Gone,
}

/// A mail about an order, without address and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub id: i64,
    pub kind: MailKind,
    pub state: MailState,
    /// The withdrawal form is attached (3.2).
    pub has_form: bool,
    /// The note it carries; `None` once that was erased: its number is given again.
    pub note: Option<i32>,
    pub files: Files,
    /// It goes to an address that the order has no longer (3.3).
    pub is_to_old_address: bool,
    pub requested_at: Micros,
    pub resolved_at: Option<Micros>,
}

/// A mail to plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewMail {
    pub kind: MailKind,
    pub has_form: bool,
    pub note: Option<i32>,
    pub files: Files,
}

/// Who a note is for (3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Internal,
    Warehouse,
    Customer,
}

/// What mailing depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailFacts {
    /// The shop's settings have the seller's name, address and e-mail.
    pub has_seller: bool,
    /// The order has an address to write to.
    pub has_address: bool,
    /// What a note for the customer does where the caller does not say.
    pub mails_notes: bool,
    pub attaches_form: bool,
}

/// A note as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddNote {
    pub audience: Audience,
    /// The id it gets.
    pub note: i32,
    /// `None`: the shop's default.
    pub send_email: Option<bool>,
    pub attach_form: Option<bool>,
    pub has_files: bool,
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailOutcome {
    Sent,
    /// With the mail server's own words.
    Declined {
        reason: String,
    },
    /// It waits for the shop's mail server, of this integration, until something is done about it.
    Held {
        code: Code,
        integration: String,
        reason: String,
    },
    /// It has waited for long.
    Waiting {
        reason: String,
    },
    Unknown,
}

impl NewMail {
    /// A mail of this kind with nothing else.
    #[must_use]
    pub const fn of(kind: MailKind) -> Self {
        Self { kind, has_form: false, note: None, files: Files::None }
    }
}

impl Mail {
    /// Whether it may still go out.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == MailState::Pending
    }
}

/// Refuses a mail that has nobody to come from or go to.
///
/// # Errors
/// `SELLER_DETAILS_MISSING` (3.2), `EMAIL_MISSING`.
pub fn check_may_mail(facts: &MailFacts) -> Result<(), Refusal> {
    if !facts.has_seller {
        return Err(Refusal::new(Code::SellerDetailsMissing));
    }
    if !facts.has_address {
        return Err(Refusal::new(Code::EmailMissing));
    }
    Ok(())
}

/// Adds a note, and mails it where the caller or else the shop says so (3.1).
///
/// # Errors
/// `INVALID_REQUEST` where flags do not fit, `SELLER_DETAILS_MISSING`, `EMAIL_MISSING`.
pub fn add_note(
    case: &Case,
    facts: &MailFacts,
    command: &AddNote,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    let is_for_customer = command.audience == Audience::Customer;
    let is_mailed = command.send_email.unwrap_or(is_for_customer && facts.mails_notes);
    let has_form = command.attach_form.unwrap_or(is_mailed && facts.attaches_form);
    check_flags(command, is_mailed, has_form)?;
    let mut draft = Draft::new(case.clone(), ids, now);
    draft.changes.push(Change::NoteAdded);
    if is_mailed {
        check_may_mail(facts)?;
        let files = if command.has_files { Files::Kept } else { Files::None };
        let note = Some(command.note);
        plan(&mut draft, NewMail { kind: MailKind::Note, has_form, note, files });
    }
    Ok(draft.finish())
}

/// Confirms an order that is being placed, with the form (3.6). One without an address gets none.
pub fn confirm_order(decision: &mut Decision, facts: &MailFacts, ids: &mut Ids, now: Micros) {
    if check_may_mail(facts).is_err() {
        return;
    }
    let mail = NewMail { has_form: true, ..NewMail::of(MailKind::OrderConfirmation) };
    let id = add(&mut decision.case.order, mail, ids, now);
    decision.mails.push(id);
    decision.changes.push(Change::MailRequested { mail: id });
}

/// Sends a mail again, as another mail, to the address that the order has now (3.3).
///
/// # Errors
/// `MAIL_NOT_FOUND`, `EFFECT_PENDING`, `MAIL_FILES_GONE`, `SELLER_DETAILS_MISSING`, `EMAIL_MISSING`.
pub fn resend(
    case: &Case,
    facts: &MailFacts,
    mail: i64,
    ids: &mut Ids,
    now: Micros,
) -> Result<Decision, Refusal> {
    let Some(known) = case.order.mails.iter().find(|known| known.id == mail) else {
        return Err(Refusal::new(Code::MailNotFound).with("mail", mail));
    };
    if known.is_open() {
        return Err(Refusal::new(Code::EffectPending).with("mail", mail));
    }
    let is_note_gone = known.kind == MailKind::Note && known.note.is_none();
    if known.files == Files::Gone || is_note_gone {
        return Err(Refusal::new(Code::MailFilesGone).with("mail", mail));
    }
    check_may_mail(facts)?;
    let Mail { kind, has_form, note, files, state, .. } = *known;
    let mut draft = Draft::new(case.clone(), ids, now);
    // The files go along with the new mail.
    if let Some(known) = draft.case.order.mails.iter_mut().find(|known| known.id == mail)
        && files == Files::Kept
    {
        known.files = Files::Gone;
    }
    plan(&mut draft, NewMail { kind, has_form, note, files });
    if state == MailState::Unknown {
        draft.withdrawn.push(mail);
    }
    draft.close_problems(|problem| is_about(problem.code) && problem.operation == Some(mail));
    Ok(draft.finish())
}

/// Records what became of a mail (3.4).
#[must_use]
pub fn record(
    case: &Case,
    mail: i64,
    outcome: &MailOutcome,
    ids: &mut Ids,
    now: Micros,
) -> Decision {
    let mut draft = Draft::new(case.clone(), ids, now);
    let state = match outcome {
        MailOutcome::Sent => MailState::Sent,
        MailOutcome::Declined { .. } => MailState::Declined,
        MailOutcome::Unknown => MailState::Unknown,
        MailOutcome::Held { code, integration, reason } => {
            let details =
                vec![("provider", integration.clone()), ("provider_reason", reason.clone())];
            tell_of_waiting(&mut draft, mail, *code, details);
            return draft.finish();
        }
        MailOutcome::Waiting { reason } => {
            let details = vec![("provider_reason", reason.clone())];
            tell_of_waiting(&mut draft, mail, Code::MailWaiting, details);
            return draft.finish();
        }
    };
    let order = &mut draft.case.order;
    let known = order.mails.iter_mut().find(|known| known.id == mail);
    // What is known to be sent or refused is not unlearnt.
    let Some(known) =
        known.filter(|known| matches!(known.state, MailState::Pending | MailState::Unknown))
    else {
        return draft.finish();
    };
    if known.state == state {
        return draft.finish();
    }
    known.state = state;
    known.resolved_at = Some(now);
    let has_form = known.has_form;
    if state == MailState::Sent {
        if known.files == Files::Kept {
            known.files = Files::Gone;
        }
        if has_form {
            order.withdrawal.form_sent_at.get_or_insert(now);
        }
    }
    draft.changes.push(Change::MailResolved { mail });
    let about = About { payment: None, operation: Some(mail) };
    draft.close_problems(|problem| is_about(problem.code) && problem.operation == about.operation);
    match outcome {
        MailOutcome::Sent | MailOutcome::Held { .. } | MailOutcome::Waiting { .. } => {}
        MailOutcome::Declined { reason } => {
            let details = vec![("mail", mail.to_string()), ("provider_reason", reason.clone())];
            draft.open_another_problem(Code::MailDeclined, about, details);
        }
        MailOutcome::Unknown => {
            let details = vec![("mail", mail.to_string())];
            draft.open_another_problem(Code::MailUnknown, about, details);
        }
    }
    draft.finish()
}

/// The problem that a mail waits, told once; another cause takes its place.
fn tell_of_waiting(
    draft: &mut Draft<'_>,
    mail: i64,
    code: Code,
    mut details: Vec<(&'static str, String)>,
) {
    let about = About { payment: None, operation: Some(mail) };
    let is_its_own = |known: &Problem| known.operation == Some(mail) && is_about(known.code);
    let is_waiting = draft.case.order.mails.iter().any(|known| known.id == mail && known.is_open());
    let mut open = draft.case.order.problems.iter().filter(|known| known.closed_at.is_none());
    if !is_waiting || open.any(|known| is_its_own(known) && known.code == code) {
        return;
    }
    draft.close_problems(is_its_own);
    details.insert(0, ("mail", mail.to_string()));
    draft.open_another_problem(code, about, details);
}

/// Whether the mail of a problem still waits.
pub(crate) fn still_waits(order: &Order, problem: &Problem) -> bool {
    order.mails.iter().any(|mail| Some(mail.id) == problem.operation && mail.is_open())
}

/// The order has another address: what was mailed so far went, or goes, to the old one, unless
/// `is_to_this` says that it is this one (3.3).
pub fn address_changed(order: &mut Order, is_to_this: impl Fn(i64) -> bool) {
    for mail in &mut order.mails {
        mail.is_to_old_address = !is_to_this(mail.id);
    }
}

/// Takes back every mail that has not been handed over, and forgets the notes and files of all: the
/// end of a person's data. `is_unsent` says which effects nobody has begun with.
pub fn withdraw_unsent(
    case: &Case,
    is_unsent: impl Fn(i64) -> bool,
    ids: &mut Ids,
    now: Micros,
) -> Decision {
    let mut draft = Draft::new(case.clone(), ids, now);
    let mut withdrawn = Vec::new();
    for mail in &mut draft.case.order.mails {
        mail.note = None;
        if mail.files == Files::Kept {
            mail.files = Files::Gone;
        }
        if mail.is_open() && is_unsent(mail.id) {
            mail.state = MailState::Withdrawn;
            mail.resolved_at = Some(now);
            withdrawn.push(mail.id);
        }
    }
    for mail in withdrawn {
        draft.changes.push(Change::MailResolved { mail });
        draft.withdrawn.push(mail);
        draft.close_problems(|known| is_about(known.code) && known.operation == Some(mail));
    }
    draft.finish()
}

/// Plans a mail in a decision that is being made.
pub(crate) fn plan(draft: &mut Draft<'_>, mail: NewMail) {
    let id = add(&mut draft.case.order, mail, draft.ids, draft.now);
    draft.mails.push(id);
    draft.changes.push(Change::MailRequested { mail: id });
}

fn add(order: &mut Order, mail: NewMail, ids: &mut Ids, now: Micros) -> i64 {
    let NewMail { kind, has_form, note, files } = mail;
    let id = ids.take();
    order.mails.push(Mail {
        id,
        kind,
        state: MailState::Pending,
        has_form,
        note,
        files,
        is_to_old_address: false,
        requested_at: now,
        resolved_at: None,
    });
    id
}

const fn is_about(code: Code) -> bool {
    is_hold(code) || matches!(code, Code::MailDeclined | Code::MailUnknown | Code::MailWaiting)
}

/// 3.1: a mail is for the customer, the form needs the mail, and so do files.
fn check_flags(command: &AddNote, is_mailed: bool, has_form: bool) -> Result<(), Refusal> {
    use crate::refusals::Violation;
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, description: &str| {
        wrong.push(Violation { field: field.to_owned(), description: description.to_owned() });
    };
    if is_mailed && command.audience != Audience::Customer {
        refuse("send_email", "needs a note for the customer: audience CUSTOMER");
    }
    if has_form && !is_mailed {
        refuse("attach_withdrawal_form", "needs the mail: send_email");
    }
    if command.has_files && !is_mailed {
        refuse("attachments", "need the mail: send_email");
    }
    if wrong.is_empty() { Ok(()) } else { Err(Refusal::fields(wrong)) }
}
