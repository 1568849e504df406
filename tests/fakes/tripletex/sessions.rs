//! Who is let through to Tripletex: sessions that die at midnight, and so many calls per period.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::lists::one;
use super::refusals::Refused;
use super::{CONSUMER_TOKEN, EMPLOYEE_TOKEN, Tripletex, path_of};
use crate::fakes::call::{Answer, Call};
use crate::fakes::provider::{Desk, Provider};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    #[serde(default)]
    consumer_token: String,
    #[serde(default)]
    employee_token: String,
    #[serde(default)]
    expiration_date: String,
}

/// How long a period is, is not told.
const PERIOD: SignedDuration = SignedDuration::from_secs(10);

impl Tripletex {
    pub(super) fn answer_let_through(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer {
        let is_login = path_of(call) == ["token", "session", ":create"];
        if !is_login && !self.is_in_session(call, desk.now) {
            return Refused::unauthenticated().answer();
        }
        if let Some(refusal) = desk.refusal.take() {
            return self.refuse(&refusal);
        }
        if desk.is_busy {
            return Refused::new(409, 10_000, "Locked").answer();
        }
        let outcome = match (is_login, call.method.as_str()) {
            (true, "POST") => match call.json::<Login>() {
                Ok(login) => self.log_in(&login, 201, desk.now),
                Err(_) => Err(Refused::unreadable()),
            },
            (true, _) => {
                let of = |name| call.parameter(name).unwrap_or_default();
                let login = Login {
                    consumer_token: of("consumerToken"),
                    employee_token: of("employeeToken"),
                    expiration_date: of("expirationDate"),
                };
                self.log_in(&login, 200, desk.now)
            }
            (false, _) => self.act(call, desk),
        };
        let answer = outcome.unwrap_or_else(|refused| refused.answer());
        if answer.headers.iter().any(|(name, _)| *name == "x-tlx-request-id") {
            return answer;
        }
        answer.with("x-tlx-request-id", uuid::Uuid::new_v4().to_string())
    }

    /// Counts a call; whether it is let through, and the headers that tell.
    pub(super) fn pace(&mut self, now: Timestamp) -> (bool, [(&'static str, String); 3]) {
        let (begin, _) = self.period;
        if now.duration_since(begin) >= PERIOD {
            self.period = (now, 0);
        }
        let (begin, calls) = &mut self.period;
        let is_let_through = *calls < self.limit;
        *calls = calls.saturating_add(1);
        let left = self.limit.saturating_sub(*calls);
        let reset = (PERIOD - now.duration_since(*begin)).as_secs().max(1);
        let headers = [
            ("X-Rate-Limit-Limit", self.limit.to_string()),
            ("X-Rate-Limit-Remaining", left.to_string()),
            ("X-Rate-Limit-Reset", reset.to_string()),
        ];
        (is_let_through, headers)
    }

    fn is_in_session(&self, call: &Call, now: Timestamp) -> bool {
        let basic = call.header("authorization").and_then(|text| text.strip_prefix("Basic "));
        let login = basic.and_then(|basic| BASE64.decode(basic).ok());
        let login = login.and_then(|login| String::from_utf8(login).ok()).unwrap_or_default();
        // The user is 0, nobody, or a client's company.
        let token = login.split_once(':').map_or("", |(_, token)| token);
        self.sessions.get(token).is_some_and(|end| now < *end)
    }

    fn log_in(&mut self, login: &Login, status: u16, now: Timestamp) -> Result<Answer, Refused> {
        if login.consumer_token != CONSUMER_TOKEN || login.employee_token != EMPLOYEE_TOKEN {
            return Err(Refused::unauthenticated());
        }
        let today = now.to_zoned_datetime(oslo()).date();
        let date: Result<Date, _> = login.expiration_date.parse();
        let date = date.ok().filter(|date| *date > today);
        let end = date.and_then(|date| date.to_zoned_datetime(oslo()).ok());
        let end = end
            .ok_or_else(|| Refused::because("expirationDate", "Må være senere enn dagens dato."))?;
        let token = BASE64.encode(json!({ "token": uuid::Uuid::new_v4().to_string() }).to_string());
        self.sessions.insert(token.clone(), end.timestamp());
        let id = self.company.new_id();
        let value = json!({
            "id": id, "version": 0, "url": format!("tripletex.no/v2/token/session/{id}"),
            "consumerToken": { "id": 1 }, "employeeToken": { "id": 2 },
            "expirationDate": login.expiration_date, "token": token,
        });
        Ok(one(status, &value))
    }
}

pub(super) fn oslo() -> TimeZone {
    TimeZone::get("Europe/Oslo").unwrap_or(TimeZone::UTC)
}
