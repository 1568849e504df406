//! What stands in a written mail: headers that nobody can break out of, parts, files.

use order_proto::v1;
use order_rules::mail::MailKind;

use super::Letter;
use crate::mail::matter::Matter;

fn matter() -> Matter {
    Matter {
        kind: Some(MailKind::Note),
        message_id: "0192f0c1@kopper.example".to_owned(),
        requested_at: 1_764_111_600_000_000,
        note_id: 1,
        order: v1::Order {
            number: 1001,
            customer: Some(v1::Customer {
                full_name: "Åse Øystein-Blåbær, jr.".to_owned(),
                email: "ase@example.com".to_owned(),
                ..v1::Customer::default()
            }),
            notes: vec![v1::Note {
                id: 1,
                audience: v1::NoteAudience::Customer.into(),
                text: "Hei på deg".to_owned(),
                ..v1::Note::default()
            }],
            ..v1::Order::default()
        },
        settings: v1::ShopSettings {
            language_code: "nb".to_owned(),
            time_zone: "Europe/Oslo".to_owned(),
            seller: Some(v1::Seller {
                name: "Kopper AS".to_owned(),
                email: "hei@kopper.example".to_owned(),
                ..v1::Seller::default()
            }),
            ..v1::ShopSettings::default()
        },
        ..Matter::default()
    }
}

fn written(matter: &Matter) -> String {
    String::from_utf8(Letter::write(matter).unwrap().bytes).unwrap()
}

#[test]
fn a_mail_says_who_what_and_when() {
    let text = written(&matter());
    for line in [
        "From: \"Kopper AS\" <hei@kopper.example>\r\n",
        "Message-ID: <0192f0c1@kopper.example>\r\n",
        "Date: Tue, 25 Nov 2025 23:00:00 +0000\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: multipart/alternative;",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.is_ascii());
    assert!(!text.contains("Blåbær") && text.contains("<ase@example.com>"));
}

#[test]
fn nothing_breaks_out_of_its_line() {
    type Break = fn(&mut Matter);
    let breaks: [Break; 5] = [
        |matter| customer(matter).email = "ase@example.com\r\nBcc: all@example.com".to_owned(),
        |matter| customer(matter).email = "ase@example.com, all@example.com".to_owned(),
        |matter| customer(matter).email = "Åse <ase@example.com>".to_owned(),
        |matter| customer(matter).full_name = "Åse\r\nBcc: all@example.com".to_owned(),
        |matter| matter.settings.seller.as_mut().unwrap().email = "hei@kopper.example\n".to_owned(),
    ];
    for break_out in breaks {
        let mut matter = matter();
        break_out(&mut matter);
        let refused = Letter::write(&matter).unwrap_err();
        assert!(!refused.contains("all@"), "{refused}");
    }
    let mut matter = matter();
    let own = v1::MailTemplate {
        subject: "{{ note }}".to_owned(),
        text: "x".to_owned(),
        ..v1::MailTemplate::default()
    };
    matter.settings.mail_templates.insert("note.nb".to_owned(), own);
    matter.order.notes[0].text = "Hei\r\nBcc: all@example.com".to_owned();
    assert!(written(&matter).contains("Subject: Hei Bcc: all@example.com\r\n"));
}

fn customer(matter: &mut Matter) -> &mut v1::Customer {
    matter.order.customer.as_mut().unwrap()
}

#[test]
fn form_and_files_are_attached_under_their_names() {
    let mut matter = matter();
    matter.has_form = true;
    matter.files = vec![v1::Attachment {
        file_name: "bruksanvisning på norsk.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        content: b"%PDF-1.7 x".to_vec().into(),
    }];
    let text = written(&matter);
    assert!(text.contains("Content-Type: multipart/mixed;"));
    assert!(text.contains("filename=\"Angreskjema-1001.pdf\""), "{text}");
    assert!(text.contains("filename*0*=utf-8''bruksanvisning%20p%C3%A5%20norsk.pdf"), "{text}");
    assert_eq!(text.matches("Content-Type: application/pdf\r\n").count(), 2);
}
