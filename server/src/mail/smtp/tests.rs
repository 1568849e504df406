//! Whom mails go to, what servers' words give away, and what silence means before the text and after.

use std::net::Ipv4Addr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;

#[test]
fn a_shops_mail_server_is_not_in_our_own_network() {
    let addresses = [("8.8.8.8", true, true), ("10.0.0.1", false, false)];
    for (address, is_public, is_near) in addresses.into_iter().chain([
        ("127.0.0.1", false, true),
        ("::ffff:127.0.0.1", false, true),
        ("::1", false, true),
        ("169.254.169.254", false, false),
    ]) {
        let address: IpAddr = address.parse().unwrap();
        assert!(Reach::Anywhere.includes(address));
        assert_eq!(Reach::Public { or_loopback: false }.includes(address), is_public);
        assert_eq!(Reach::Public { or_loopback: true }.includes(address), is_near);
    }
}

#[test]
fn a_servers_words_name_nobody() {
    let words = "550 5.1.1 <kari@example.com>: Recipient address rejected: kari@example.com";
    assert_eq!(without_addresses(words), "550 5.1.1 <…> Recipient address rejected: <…>");
}

/// Answers so many lines of the client as a mail server does, and is silent then.
async fn silent_after(lines: usize) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        if lines > 0 {
            stream.write_all(b"220 ready\r\n").await.unwrap();
        }
        let (mut line, mut answered) = (String::new(), 1);
        while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            let word: &[u8] = if line == "DATA\r\n" { b"354 go on\r\n" } else { b"250 ok\r\n" };
            line.clear();
            if answered < lines {
                answered += 1;
                stream.write_all(word).await.unwrap();
            }
        }
    });
    port
}

#[tokio::test]
async fn silence_before_the_text_is_no_harm_and_after_it_nobody_knows() {
    let envelope = Envelope::new(
        Some("hei@kopper.example".parse().unwrap()),
        vec!["kari@example.com".parse().unwrap()],
    );
    let letter = Letter {
        message_id: "1@kopper.example".to_owned(),
        envelope: envelope.unwrap(),
        bytes: b"Subject: Hei\r\n\r\nHei\r\n".to_vec(),
    };
    let silence = Handed::Waits(Cause::Silence, "no answer in time".to_owned());
    // Greeting, EHLO, MAIL, RCPT, and DATA, which is the word that the text may come.
    for (lines, handed) in (0..5).map(|lines| (lines, &silence)).chain([(5, &Handed::Unknown)]) {
        let port = silent_after(lines).await;
        let url: SmtpUrl = format!("smtp://127.0.0.1:{port}").parse().unwrap();
        let patience = Duration::from_millis(if lines < 5 { 200 } else { 10_000 });
        let mut smtp = Smtp::new(url, Reach::Anywhere, None, patience);
        smtp.text = Duration::from_millis(200);
        assert_eq!(smtp.send(&letter).await, *handed, "silent after {lines} lines");
    }
}
