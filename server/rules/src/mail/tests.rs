//! Notes, flags and what becomes of mails.

use super::{
    AddNote, Audience, Files, Mail, MailFacts, MailKind, MailOutcome, MailState, add_note,
    address_changed, record, resend, withdraw_unsent,
};
use crate::decision::{Case, Change, Ids};
use crate::fixtures::order;
use crate::order::Micros;
use crate::refusals::Code;

const NOW: Micros = Micros(7);
const READY: MailFacts =
    MailFacts { has_seller: true, has_address: true, mails_notes: false, attaches_form: false };
const DEFAULTS: MailFacts = MailFacts { mails_notes: true, attaches_form: true, ..READY };

fn case() -> Case {
    Case { order: order(1001, 10_000), payments: Vec::new() }
}

fn note(audience: Audience, send_email: Option<bool>, attach_form: Option<bool>) -> AddNote {
    AddNote { audience, note: 3, send_email, attach_form, has_files: false }
}

fn mailed() -> (Case, i64) {
    let command = note(Audience::Customer, Some(true), Some(true));
    let decision = add_note(&case(), &READY, &command, &mut Ids(50), NOW).unwrap();
    let id = decision.mails[0];
    (decision.case, id)
}

fn states(case: &Case) -> Vec<MailState> {
    case.order.mails.iter().map(|mail| mail.state).collect()
}

fn open_codes(case: &Case) -> Vec<Code> {
    let open = case.order.problems.iter().filter(|problem| problem.closed_at.is_none());
    open.map(|problem| problem.code).collect()
}

#[test]
fn flags_go_with_audience_mail_and_shop() {
    use Audience::{Customer, Internal, Warehouse};
    // Audience, send, form, defaults; mails and forms.
    for (audience, send, form, facts, mails) in [
        (Internal, None, None, DEFAULTS, vec![]),
        (Warehouse, None, None, DEFAULTS, vec![]),
        (Customer, None, None, READY, vec![]),
        (Customer, None, None, DEFAULTS, vec![true]),
        (Customer, Some(false), None, DEFAULTS, vec![]),
        (Customer, Some(true), None, READY, vec![false]),
        (Customer, Some(true), Some(true), READY, vec![true]),
        (Customer, None, Some(false), DEFAULTS, vec![false]),
    ] {
        let command = note(audience, send, form);
        let decision = add_note(&case(), &facts, &command, &mut Ids(50), NOW).unwrap();
        let forms: Vec<bool> = decision.case.order.mails.iter().map(|mail| mail.has_form).collect();
        assert_eq!(forms, mails, "{command:?} {facts:?}");
        assert_eq!(decision.changes[0], Change::NoteAdded);
        assert_eq!(decision.mails.len(), mails.len());
    }
    for (audience, send, form, field) in [
        (Internal, Some(true), None, "send_email"),
        (Warehouse, Some(true), None, "send_email"),
        (Customer, None, Some(true), "attach_withdrawal_form"),
        (Customer, Some(false), Some(true), "attach_withdrawal_form"),
    ] {
        let refused =
            add_note(&case(), &READY, &note(audience, send, form), &mut Ids(50), NOW).unwrap_err();
        assert_eq!(refused.violations[0].field, field);
    }
    let files = AddNote { has_files: true, ..note(Internal, None, None) };
    let refused = add_note(&case(), &READY, &files, &mut Ids(50), NOW).unwrap_err();
    assert_eq!(refused.violations[0].field, "attachments");
}

#[test]
fn a_mail_needs_a_seller_and_an_address() {
    for (facts, code) in [
        (MailFacts { has_seller: false, ..READY }, Code::SellerDetailsMissing),
        (MailFacts { has_address: false, ..READY }, Code::EmailMissing),
    ] {
        let command = note(Audience::Customer, Some(true), None);
        let refused = add_note(&case(), &facts, &command, &mut Ids(50), NOW).unwrap_err();
        assert_eq!(refused.code, code);
        let silent = note(Audience::Customer, None, None);
        assert!(add_note(&case(), &facts, &silent, &mut Ids(50), NOW).is_ok());
    }
}

#[test]
fn a_sent_form_is_dated_once() {
    let (case, id) = mailed();
    let sent = record(&case, id, &MailOutcome::Sent, &mut Ids(60), Micros(9)).case;
    assert_eq!(sent.order.withdrawal.form_sent_at, Some(Micros(9)));
    let again = resend(&sent, &READY, id, &mut Ids(70), Micros(10)).unwrap().case;
    let id = again.order.mails[1].id;
    let later = record(&again, id, &MailOutcome::Sent, &mut Ids(80), Micros(11)).case;
    assert_eq!(later.order.withdrawal.form_sent_at, Some(Micros(9)));
}

#[test]
fn a_refused_or_unknown_mail_is_a_problem_until_it_is_sent_again() {
    let declined = MailOutcome::Declined { reason: "550 no such user".to_owned() };
    for (outcome, code) in
        [(declined, Code::MailDeclined), (MailOutcome::Unknown, Code::MailUnknown)]
    {
        let (case, id) = mailed();
        let pending = resend(&case, &READY, id, &mut Ids(60), NOW).unwrap_err();
        assert_eq!(pending.code, Code::EffectPending);
        let bad = record(&case, id, &outcome, &mut Ids(60), NOW).case;
        assert_eq!(open_codes(&bad), [code]);
        assert_eq!(bad.order.withdrawal.form_sent_at, None);
        let again = resend(&bad, &READY, id, &mut Ids(70), NOW).unwrap();
        assert_eq!(open_codes(&again.case), []);
        assert_eq!(again.mails.len(), 1);
        assert!(again.case.order.mails[1].has_form && again.case.order.mails[1].note == Some(3));
        assert_eq!(again.withdrawn.is_empty(), outcome != MailOutcome::Unknown);
    }
}

#[test]
fn a_mail_that_waits_is_told_of_once_for_every_cause_until_it_goes_on() {
    let (case, id) = mailed();
    let held = |code| MailOutcome::Held {
        code,
        integration: "post".to_owned(),
        reason: "535 who are you".to_owned(),
    };
    let waiting = MailOutcome::Waiting { reason: "no answer".to_owned() };
    let refused = held(Code::IntegrationUnauthorized);
    let told = record(&case, id, &refused, &mut Ids(60), NOW).case;
    assert_eq!(open_codes(&told), [Code::IntegrationUnauthorized]);
    assert_eq!(states(&told), [MailState::Pending]);
    let details = &told.order.problems[0].details;
    for (key, value) in [("provider", "post"), ("provider_reason", "535 who are you")] {
        assert!(details.contains(&(key.into(), value.to_owned())), "{details:?}");
    }
    assert!(record(&told, id, &refused, &mut Ids(70), NOW).is_noop(), "once");
    let told = record(&told, id, &waiting, &mut Ids(70), NOW).case;
    assert_eq!(open_codes(&told), [Code::MailWaiting]);
    let told = record(&told, id, &held(Code::IntegrationDisabled), &mut Ids(80), NOW).case;
    assert_eq!(open_codes(&told), [Code::IntegrationDisabled]);
    for outcome in [MailOutcome::Sent, MailOutcome::Unknown] {
        let over = record(&told, id, &outcome, &mut Ids(90), NOW).case;
        assert!(!open_codes(&over).contains(&Code::IntegrationDisabled));
        let late = record(&over, id, &refused, &mut Ids(99), NOW);
        assert!(late.is_noop(), "what is over waits for nothing");
    }
    let erased = withdraw_unsent(&told, |_| true, &mut Ids(90), NOW).case;
    assert_eq!((states(&erased), open_codes(&erased)), (vec![MailState::Withdrawn], vec![]));
}

#[test]
fn what_is_known_is_not_unlearnt_and_two_problems_stand_side_by_side() {
    let (case, id) = mailed();
    let unknown = record(&case, id, &MailOutcome::Unknown, &mut Ids(60), NOW).case;
    let again = record(&unknown, id, &MailOutcome::Unknown, &mut Ids(65), NOW);
    assert!(again.is_noop());
    let sent = record(&unknown, id, &MailOutcome::Sent, &mut Ids(70), NOW).case;
    assert_eq!((states(&sent), open_codes(&sent)), (vec![MailState::Sent], vec![]));
    assert!(record(&sent, id, &MailOutcome::Unknown, &mut Ids(80), NOW).is_noop());

    let mut two = case;
    let other = Mail { id: 99, ..two.order.mails[0].clone() };
    two.order.mails.push(other);
    let one = record(&two, id, &MailOutcome::Unknown, &mut Ids(60), NOW).case;
    let both = record(&one, 99, &MailOutcome::Unknown, &mut Ids(70), NOW).case;
    assert_eq!(open_codes(&both), [Code::MailUnknown, Code::MailUnknown]);
}

#[test]
fn files_go_with_the_mail_until_it_is_sent() {
    let command = AddNote { has_files: true, ..note(Audience::Customer, Some(true), Some(false)) };
    let planned = add_note(&case(), &READY, &command, &mut Ids(50), NOW).unwrap();
    let (case, id) = (planned.case, planned.mails[0]);
    let declined = MailOutcome::Declined { reason: "full".to_owned() };
    let declined = record(&case, id, &declined, &mut Ids(60), NOW).case;
    let again = resend(&declined, &READY, id, &mut Ids(70), NOW).unwrap().case;
    let files: Vec<Files> = again.order.mails.iter().map(|mail| mail.files).collect();
    assert_eq!(files, [Files::Gone, Files::Kept]);
    let sent = record(&again, again.order.mails[1].id, &MailOutcome::Sent, &mut Ids(80), NOW).case;
    let refused = resend(&sent, &READY, sent.order.mails[1].id, &mut Ids(90), NOW).unwrap_err();
    assert_eq!(refused.code, Code::MailFilesGone);
    let unknown = resend(&sent, &READY, 1, &mut Ids(90), NOW).unwrap_err();
    assert_eq!(unknown.code, Code::MailNotFound);
}

#[test]
fn a_new_address_shows_what_went_to_the_old_one() {
    let (mut case, id) = mailed();
    address_changed(&mut case.order, |_| false);
    assert!(case.order.mails[0].is_to_old_address);
    let mut back = case.order.clone();
    address_changed(&mut back, |mail| mail == id);
    assert!(!back.mails[0].is_to_old_address, "changed away and back");
    let declined = MailOutcome::Declined { reason: String::new() };
    let declined = record(&case, id, &declined, &mut Ids(60), NOW).case;
    let again = resend(&declined, &READY, id, &mut Ids(70), NOW).unwrap().case;
    assert!(!again.order.mails[1].is_to_old_address);
}

#[test]
fn the_end_of_a_persons_data_takes_back_what_nobody_has_begun_to_send() {
    let (mut case, id) = mailed();
    let begun = Mail { id: 99, files: Files::Kept, ..case.order.mails[0].clone() };
    case.order.mails.push(begun);
    let decision = withdraw_unsent(&case, |mail| mail == id, &mut Ids(60), NOW);
    assert_eq!(states(&decision.case), [MailState::Withdrawn, MailState::Pending]);
    assert_eq!(decision.case.order.mails[1].files, Files::Gone);
    assert_eq!(decision.withdrawn, [id]);
    assert_eq!(decision.case.order.mails[0].kind, MailKind::Note);
    // Its note is gone: the number may be that of another by now, written for others.
    assert!(decision.case.order.mails.iter().all(|mail| mail.note.is_none()));
    let again = resend(&decision.case, &READY, id, &mut Ids(70), NOW).unwrap_err();
    assert_eq!(again.code, Code::MailFilesGone);
}
