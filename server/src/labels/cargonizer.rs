//! Logistra Cargonizer.
//!
//! It has no keys: what is asked twice is done twice. So a consignment carries our reference, whose
//! like nobody else has, and is looked for by it before it is made; a search there finds parts of
//! references, so what it finds is compared to the last character. A consignment is made open: it is
//! transferred to the carrier from Cargonizer, when the goods leave.

mod answers;
mod reading;
#[cfg(test)]
mod tests;
mod writing;

use order_proto::v1::{CargonizerEndpoint, CargonizerIntegration};
use order_rules::labels::Consignment;
use order_rules::refusals::Code;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Body, Method, Request, StatusCode, Url};
use secrecy::ExposeSecret;
use uuid::Uuid;

use self::answers::{Refused, refused};
use super::{Asked, LabelMaker, Options};
use crate::links::{Link, Trail};
use crate::outside::{Answer, Lost};
use crate::providers::Tested;
use crate::systems::{Decline, Hold, Report, Sighting};

/// A user of Cargonizer at work for one sender; clones share its connections.
#[derive(Clone, Debug)]
pub(crate) struct Cargonizer {
    link: Link,
    /// Without a slash at the end.
    base: String,
    /// Id of the managership: the user for this sender.
    sender: String,
}

/// Why there is nothing to read.
enum Unread {
    Lost(Lost),
    Refused(Refused),
    /// The answer is not what it should be.
    Strange(&'static str),
}

const KEY: HeaderName = HeaderName::from_static("x-cargonizer-key");
const SENDER: HeaderName = HeaderName::from_static("x-cargonizer-sender");
/// The secret among the fields of its integration.
const API_KEY: &str = "api_key";
const PDF: &[u8] = b"%PDF-";
const IDS: &str = "consignment_ids[]";
const NOT_SHOWN: &str = "an answer of success that does not show the consignment";

impl Cargonizer {
    pub(super) fn new(link: Link, setup: &CargonizerIntegration) -> Self {
        Self { link, base: base(setup), sender: setup.sender_id.clone() }
    }

    pub(super) const fn revision(&self) -> i64 {
        self.link.revision
    }

    pub(super) const fn trail(&self) -> &Trail {
        &self.link.trail
    }

    /// The consignment under this reference, if there is one.
    async fn find(&self, reference: &str, key: Uuid) -> Result<Option<Consignment>, Unread> {
        let answer = self.get("/consignments.xml", &[("text", reference)]).await?;
        let found = reading::consignments(&answer.body)
            .ok_or(Unread::Strange("what was found cannot be understood"))?;
        let own = found.into_iter().filter(|one| one.is(reference, key));
        // Were it there twice, the first is the one that was printed.
        Ok(own.min_by_key(|one| one.number_of_id()).map(reading::Told::into_consignment))
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Unread> {
        let request = self.request(Method::GET, path, query, None);
        let request = request.ok_or(Unread::Strange("the call cannot be written"))?;
        let answer = self.link.send(request).await.map_err(Unread::Lost)?;
        match answer.status.is_success() {
            true => Ok(answer),
            false => Err(Unread::Refused(refused(&answer))),
        }
    }

    /// `None`: something cannot stand in a header or an address.
    fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<String>,
    ) -> Option<Request> {
        let mut url = Url::parse(&format!("{}{path}", self.base)).ok()?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::new(method, url);
        let headers = request.headers_mut();
        let key = self.link.secret(API_KEY);
        let mut key = HeaderValue::from_str(key.expose_secret()).ok()?;
        key.set_sensitive(true);
        headers.insert(KEY, key);
        headers.insert(SENDER, HeaderValue::from_str(&self.sender).ok()?);
        if let Some(body) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
            *request.body_mut() = Some(Body::from(body));
        }
        Some(request)
    }

    /// Looks for it, and makes what is not there.
    async fn find_or_make(&self, asked: &Asked) -> Report<Consignment> {
        match self.find(&asked.reference, asked.key).await {
            Ok(Some(known)) => return Report::Done(known),
            Ok(None) => {}
            Err(unread) => return self.unread(unread),
        }
        let body = writing::consignment(asked);
        let request =
            body.and_then(|body| self.request(Method::POST, "/consignments.xml", &[], Some(body)));
        self.write(request, |answer| match made(answer, asked) {
            Report::Doubt => self.link.left_open(NOT_SHOWN, Report::Doubt),
            report => report,
        })
        .await
    }

    /// Asked for and told in what way it ended; `done` is what a success means.
    async fn write<Yes>(
        &self,
        request: Option<Request>,
        done: impl FnOnce(&Answer) -> Report<Yes>,
    ) -> Report<Yes> {
        let Some(request) = request else { return Report::TryLater { after: None } };
        match self.link.send(request).await {
            Err(Lost::NotSent(_)) => Report::TryLater { after: None },
            Err(Lost::Unknown(_)) => Report::Unknown,
            Ok(answer) if answer.status.is_success() || answer.status.is_redirection() => {
                done(&answer)
            }
            Ok(answer) => {
                let no = refused(&answer);
                self.link.trail.tell(&no.decline.reason);
                match answer.status {
                    _ if no.is_about_credentials => Report::Held(self.link.hold(no.decline.reason)),
                    StatusCode::TOO_MANY_REQUESTS => Report::TryLater { after: no.after },
                    _ if no.is_in_doubt => Report::doubtful(answer.status),
                    _ => Report::Declined(no.decline),
                }
            }
        }
    }

    /// What it means for what is to be made that nobody could look for it.
    fn unread<Yes>(&self, unread: Unread) -> Report<Yes> {
        self.link.trail.tell(&unread.words());
        match unread {
            Unread::Refused(no) if no.is_about_credentials => {
                Report::Held(self.link.hold(no.decline.reason))
            }
            Unread::Refused(no) if no.is_temporary => Report::TryLater { after: no.after },
            Unread::Refused(no) => Report::Declined(no.decline),
            Unread::Lost(_) | Unread::Strange(_) => Report::TryLater { after: None },
        }
    }

    /// The credentials, as far as a look shows.
    async fn checked(&self) -> Result<(), Tested> {
        let told = |unread| match unread {
            Unread::Lost(lost) => Tested::Unreachable(lost.to_string()),
            Unread::Refused(no) if no.is_about_credentials => {
                Tested::CredentialsRefused(no.decline.reason)
            }
            Unread::Refused(no) if no.is_temporary => Tested::Unreachable(no.decline.reason),
            Unread::Refused(no) => Tested::UnexpectedAnswer(no.decline.reason),
            Unread::Strange(what) => Tested::UnexpectedAnswer(what.to_owned()),
        };
        let profile = self.get("/profile.xml", &[]).await.map_err(told)?;
        let senders = reading::managerships(&profile.body)
            .ok_or_else(|| told(Unread::Strange("the profile cannot be understood")))?;
        if !senders.contains(&self.sender) {
            let what = "the key is right, but the sender id is none of its managerships";
            return Err(Tested::CredentialsRefused(what.to_owned()));
        }
        let agreements = self.get("/transport_agreements.xml", &[]).await.map_err(told)?;
        match reading::products(&agreements.body) {
            Some(_) => Ok(()),
            None => Err(told(Unread::Strange("the agreements cannot be understood"))),
        }
    }
}

impl LabelMaker for Cargonizer {
    async fn make(&self, asked: &Asked) -> Report<Consignment> {
        let report = self.find_or_make(asked).await;
        self.link.trail.retell(|words| writing::impersonal(words, asked));
        impersonal(report, asked)
    }

    async fn look_up(&self, reference: &str, key: Uuid) -> Sighting<Consignment> {
        let unread = match self.find(reference, key).await {
            Ok(Some(known)) => return Sighting::Happened(known),
            Ok(None) => return Sighting::Absent,
            Err(unread) => unread,
        };
        self.link.trail.tell(&unread.words());
        match unread {
            Unread::Refused(Refused { is_temporary: true, after: Some(_), .. }) => Sighting::Busy,
            Unread::Lost(_) | Unread::Refused(Refused { is_temporary: true, .. }) => {
                Sighting::NoAnswer
            }
            // It may have been made under other credentials than these.
            Unread::Refused(_) | Unread::Strange(_) => Sighting::Doubt,
        }
    }

    async fn print(&self, consignment: &str, printer: &str) -> Report<()> {
        let query = [("printer_id", printer), (IDS, consignment)];
        let request = self.request(Method::POST, "/consignments/label_direct", &query, None);
        let done = |answer: &Answer| match answers::hidden(answer) {
            Some(no) => Report::Declined(no),
            None => Report::Done(()),
        };
        match self.write(request, done).await {
            Report::Declined(Decline { code: Code::NotFoundAtProvider, reason }) => {
                Report::Declined(Decline { code: Code::PrinterUnavailable, reason })
            }
            report => report,
        }
    }

    async fn pdf(&self, consignment: &str) -> Result<Vec<u8>, Decline> {
        let answer = self.get("/consignments/label_pdf", &[(IDS, consignment)]).await;
        let answer = answer.map_err(Unread::into_decline)?;
        match answer.body.starts_with(PDF) {
            true => Ok(answer.body),
            false => Err(answers::hidden(&answer).unwrap_or_else(|| {
                Unread::Strange("what should be a label is no PDF").into_decline()
            })),
        }
    }

    async fn options(&self) -> Result<Options, Decline> {
        let agreements = self.get("/transport_agreements.xml", &[]).await;
        let agreements = agreements.map_err(Unread::into_decline)?;
        let printers = self.get("/printers.xml", &[]).await.map_err(Unread::into_decline)?;
        let products = reading::products(&agreements.body);
        let printers = reading::printers(&printers.body);
        products
            .zip(printers)
            .map(|(products, printers)| Options { products, printers })
            .ok_or_else(|| Unread::Strange("what is offered cannot be understood").into_decline())
    }

    async fn test(&self) -> Tested {
        match self.checked().await {
            Ok(()) => Tested::Works,
            Err(tested) => tested,
        }
    }
}

impl Unread {
    fn words(&self) -> String {
        match self {
            Self::Refused(no) => no.decline.reason.clone(),
            Self::Lost(lost) => lost.to_string(),
            Self::Strange(what) => (*what).to_owned(),
        }
    }

    fn into_decline(self) -> Decline {
        let reason = self.words();
        match self {
            Self::Refused(no) => no.decline,
            Self::Lost(_) | Self::Strange(_) => {
                Decline { code: Code::UnknownProviderError, reason }
            }
        }
    }
}

fn base(setup: &CargonizerIntegration) -> String {
    match setup.endpoint() {
        CargonizerEndpoint::Production | CargonizerEndpoint::Unspecified => {
            "https://api.cargonizer.no".to_owned()
        }
        CargonizerEndpoint::Sandbox => "https://sandbox.cargonizer.no".to_owned(),
        CargonizerEndpoint::StandIn => setup.stand_in_url.trim_end_matches('/').to_owned(),
    }
}

/// What the answer to a new consignment says: it is made where it is shown, whatever else is said with
/// it. A success that neither shows it nor hides a refusal is looked for.
fn made(answer: &Answer, asked: &Asked) -> Report<Consignment> {
    let told = reading::consignments(&answer.body).unwrap_or_default();
    let own = told.into_iter().find(|one| one.is(&asked.reference, asked.key));
    match (own, answers::hidden(answer)) {
        (Some(own), _) => Report::Done(own.into_consignment()),
        (None, Some(no)) => Report::Declined(no),
        (None, None) => Report::Doubt,
    }
}

/// A refusal without the words that say who gets the goods.
fn impersonal<Yes>(report: Report<Yes>, asked: &Asked) -> Report<Yes> {
    match report {
        Report::Declined(Decline { code, reason }) => {
            Report::Declined(Decline { code, reason: writing::impersonal(&reason, asked) })
        }
        Report::Held(hold) => {
            let reason = writing::impersonal(&hold.reason, asked);
            Report::Held(Hold { reason, ..hold })
        }
        report => report,
    }
}
