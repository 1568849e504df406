//! The stand-in of a mail server as the tests start it, with the file of who vouches for it.

use std::net::Ipv4Addr;
use std::ops::Deref;
use std::path::PathBuf;

use order_tests::fakes;
pub(crate) use order_tests::fakes::smtp::{PASSWORD, PLAIN, Speech, USER};

use super::folder::Folder;

/// A mail server of a test's own; gone with this value.
pub(crate) struct MailServer {
    server: fakes::MailServer,
    folder: Folder,
}

impl MailServer {
    pub(crate) async fn start(speech: Speech) -> Self {
        Self::start_at(speech, 0).await
    }

    /// At this port; 0: any free one.
    pub(crate) async fn start_at(speech: Speech, port: u16) -> Self {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let server = fakes::MailServer::start_at(address, speech).await.unwrap();
        let folder = Folder::new();
        std::fs::write(folder.file("ca.pem"), server.authority()).unwrap();
        Self { server, folder }
    }

    /// The flags of a server that sends through it.
    pub(crate) fn flags(&self) -> Vec<String> {
        let port = self.port();
        let login = "shop%40mail.example:s3cret%3A%40%2F";
        let url = match self.speech() {
            Speech::Plain => format!("smtp://127.0.0.1:{port}"),
            Speech::Tls => format!("smtps://{login}@localhost:{port}"),
            Speech::StartTls => format!("smtp://{login}@localhost:{port}?tls=required"),
        };
        let authority = self.authority().display().to_string();
        vec!["--smtp-url".to_owned(), url, "--smtp-ca".to_owned(), authority]
    }

    pub(crate) fn port(&self) -> u16 {
        self.address().port()
    }

    /// The file of who vouches for it.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.file("ca.pem")
    }
}

impl Deref for MailServer {
    type Target = fakes::MailServer;

    fn deref(&self) -> &fakes::MailServer {
        &self.server
    }
}
