//! Conversations with the mail server, line by line.

use super::*;
use crate::fakes::until;

/// Somebody who has a mail to hand over.
struct Caller(BufReader<TcpStream>);

impl Caller {
    async fn call(server: &MailServer) -> Self {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let mut caller = Self(BufReader::new(stream));
        assert_eq!(caller.hear().await.unwrap(), "220 ready");
        caller
    }

    async fn hear(&mut self) -> Option<String> {
        line(&mut self.0).await
    }

    /// The last line of the answer; `None` when there is none any more.
    async fn say(&mut self, said: &str) -> Option<String> {
        self.0.write_all(format!("{said}\r\n").as_bytes()).await.ok()?;
        loop {
            let heard = self.hear().await?;
            if heard.as_bytes().get(3) != Some(&b'-') {
                return Some(heard);
            }
        }
    }

    /// The number that a mail to this address comes to; empty where there is no answer.
    async fn mail(&mut self, to: &str, text: &str) -> String {
        let recipient = format!("RCPT TO:<{to}>");
        for said in ["EHLO there", "MAIL FROM:<shop@example.com>", recipient.as_str()] {
            let number = self.number(said).await;
            if number != "250" {
                return number;
            }
        }
        let number = self.number("DATA").await;
        if number != "354" {
            return number;
        }
        self.number(&format!("{text}\r\n.")).await
    }

    async fn number(&mut self, said: &str) -> String {
        self.say(said).await.unwrap_or_default().chars().take(3).collect()
    }
}

#[tokio::test]
async fn a_mail_is_taken_as_it_was_sent() {
    let server = MailServer::start(Speech::Plain).await.unwrap();
    let mut told = server.listen();
    let mut caller = Caller::call(&server).await;
    let text = "Subject: Hei\r\n\r\n..\r\n..dot";
    assert_eq!(caller.mail("kari@example.com", text).await, "250");
    let taken = server.taken("kari@example.com");
    assert_eq!(taken.len(), 1);
    // A dot is sent twice where a line begins with one.
    assert_eq!(taken[0].text, "Subject: Hei\n\n.\n.dot\n");
    assert_eq!(told.recv().await.unwrap(), taken[0]);
    assert_eq!(caller.number("QUIT").await, "221");
}

#[test]
fn a_subject_is_told_as_it_is_read() {
    for (head, subject) in [
        ("Subject: Order 1001", "Order 1001"),
        ("From: a@example.com\nSubject: Om\n ordre 1001\nTo: b@example.com", "Om ordre 1001"),
        ("Subject: =?utf-8?b?Qmw=?=\n =?utf-8?b?w6XCsA==?= 1001", "Blå° 1001"),
        ("Subject: =?utf-8?b?*?=", "=?utf-8?b?*?="),
        ("From: a@example.com", ""),
    ] {
        let taken = Taken { to: String::new(), text: format!("{head}\n\nSubject: not this\n") };
        assert_eq!(taken.subject(), subject, "{head}");
    }
}

#[tokio::test]
async fn each_word_is_done_to_its_mail() {
    let server = MailServer::start(Speech::Plain).await.unwrap();
    // Twice each, and how often it is taken.
    for (word, numbers, taken) in [
        ("", ["250", "250"], 2),
        ("+nothing", ["250", "250"], 2),
        ("+reject", ["550", "550"], 0),
        ("+busy", ["451", "250"], 1),
        ("+say-421", ["421", "250"], 1),
        ("+hang-up", ["", "250"], 1),
        ("+later", ["451", "250"], 1),
        ("+full", ["552", "552"], 0),
        ("+vanish", ["", ""], 2),
    ] {
        let to = format!("kari{word}@example.com");
        for number in numbers {
            let mut caller = Caller::call(&server).await;
            assert_eq!(caller.mail(&to, "Hei").await, number, "{word}");
        }
        assert_eq!(server.taken(&to).len(), taken, "{word}");
    }
    for (word, told) in WORDS {
        assert_ne!(Fate::of(&format!("kari{word}@example.com")), Fate::Taken, "{word}: {told}");
    }
}

#[tokio::test]
async fn what_is_silent_is_left() {
    let server = MailServer::start(Speech::Plain).await.unwrap();
    let to = "kari+hung@example.com";
    let mut caller = Caller::call(&server).await;
    assert_eq!(caller.number("EHLO there").await, "250");
    assert_eq!(caller.number(&format!("RCPT TO:<{to}>")).await, "250");
    caller.0.write_all(b"DATA\r\n").await.unwrap();
    until(async || server.silence().begun == 1).await;
    drop(caller);
    until(async || server.silence() == Silence { begun: 1, left: 1 }).await;
    assert!(server.taken(to).is_empty());
}

#[tokio::test]
async fn a_line_without_end_ends_the_conversation() {
    let server = MailServer::start(Speech::Plain).await.unwrap();
    let mut caller = Caller::call(&server).await;
    let long = "x".repeat(usize::try_from(LINE_BYTES_MAX).unwrap() + 1);
    assert_eq!(caller.say(&long).await, None);
}
