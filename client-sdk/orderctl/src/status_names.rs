//! Statuses by what people call them.

use order_sdk::{StatusName, proto};

use crate::failure::Failure;
use crate::labels::Label;
use crate::session::{Session, last_part, present};

/// The statuses of the shop.
#[derive(Debug)]
pub(crate) struct StatusNames {
    statuses: Vec<proto::OrderStatus>,
}

impl StatusNames {
    pub(crate) async fn load(session: &Session) -> Result<Self, Failure> {
        let request = proto::ListOrderStatusesRequest { parent: (&session.shop).into() };
        Ok(Self::of(session.client.list_order_statuses(request).await?.order_statuses))
    }

    pub(crate) fn of(statuses: Vec<proto::OrderStatus>) -> Self {
        Self { statuses }
    }

    /// The status of this id, full name, or name for staff or customers in any language, whatever
    /// its case; or the one with a tag, which is written in capitals as in the contract.
    pub(crate) fn find(&self, text: &str) -> Result<StatusName, Failure> {
        self.known(text)?.ok_or_else(|| self.unknown(text))
    }

    /// The same, or else the one that took the place of what had this id or full name.
    pub(crate) async fn meant(&self, session: &Session, text: &str) -> Result<StatusName, Failure> {
        if let Some(status) = self.known(text)? {
            return Ok(status);
        }
        let id = text.trim().to_lowercase();
        let named = text.parse::<StatusName>().or_else(|_| session.shop.status(id));
        let replacement = match named {
            Ok(name) => stands_for(session, &name).await?,
            // No status was ever called so.
            Err(_) => None,
        };
        replacement.ok_or_else(|| self.unknown(text))
    }

    fn known(&self, text: &str) -> Result<Option<StatusName>, Failure> {
        if let Some(status) = self.tagged(text)? {
            return Ok(Some(status));
        }
        let wanted = text.trim().to_lowercase();
        let by_id = self
            .statuses
            .iter()
            .find(|status| status.name == text || last_part(&status.name).to_lowercase() == wanted);
        if let Some(status) = by_id {
            return Ok(Some(status.name.parse()?));
        }
        let is_called = |status: &&proto::OrderStatus| {
            let names = status.admin_names.values().chain(status.customer_names.values());
            names.into_iter().any(|name| name.trim().to_lowercase() == wanted)
        };
        let found: Vec<&proto::OrderStatus> = self.statuses.iter().filter(is_called).collect();
        match found.as_slice() {
            [status] => Ok(Some(status.name.parse()?)),
            [] => Ok(None),
            several => Err(Failure::Usage(format!("{text:?} may be any of: {}", ids(several)))),
        }
    }

    fn unknown(&self, text: &str) -> Failure {
        let there_are = ids(&self.statuses.iter().collect::<Vec<_>>());
        Failure::Usage(format!("no status is called {text:?}; there are: {there_are}"))
    }

    /// The one status with this tag; none when it is no tag.
    fn tagged(&self, text: &str) -> Result<Option<StatusName>, Failure> {
        use proto::StatusTag::{Cancelled, Completed, Default};
        let Some(tag) = [Default, Completed, Cancelled].into_iter().find(|tag| tag.label() == text)
        else {
            return Ok(None);
        };
        let tagged = self.statuses.iter().filter(|status| status.tag() == tag);
        match tagged.collect::<Vec<_>>().as_slice() {
            [] => Ok(None),
            [status] => Ok(Some(status.name.parse()?)),
            several => Err(Failure::Usage(format!(
                "several statuses have the tag {text}: {}",
                ids(several)
            ))),
        }
    }

    /// What staff call the status of this name, in a language or else in any: `Sendt`.
    pub(crate) fn title<'a>(&'a self, name: &'a str, language: &str) -> &'a str {
        self.statuses
            .iter()
            .find(|status| status.name == name)
            .and_then(|status| {
                let names = &status.admin_names;
                names.get(language).or_else(|| names.values().next())
            })
            .map_or_else(|| last_part(name), String::as_str)
    }
}

/// The status that a name stands for: its own, or the one that replaced that; none where there is none.
async fn stands_for(session: &Session, name: &StatusName) -> Result<Option<StatusName>, Failure> {
    let request = proto::GetOrderStatusRequest { name: name.into() };
    match session.client.get_order_status(request).await {
        Ok(answer) => Ok(Some(present(answer.order_status)?.name.parse()?)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the order has the status, or the one that replaced it.
pub(crate) async fn has_status(
    session: &Session,
    order: &proto::Order,
    status: &StatusName,
) -> bool {
    let is_it = |name: &StatusName| order.status == name.to_string();
    // Where nobody can be asked, the name is taken for its own.
    is_it(status) || matches!(stands_for(session, status).await, Ok(Some(name)) if is_it(&name))
}

fn ids(statuses: &[&proto::OrderStatus]) -> String {
    let ids: Vec<&str> = statuses.iter().map(|status| last_part(&status.name)).collect();
    ids.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(id: &str, admin: &[(&str, &str)], customer: &[(&str, &str)]) -> proto::OrderStatus {
        let names = |names: &[(&str, &str)]| {
            names.iter().map(|(code, name)| ((*code).to_owned(), (*name).to_owned())).collect()
        };
        proto::OrderStatus {
            name: format!("shops/default/orderStatuses/{id}"),
            admin_names: names(admin),
            customer_names: names(customer),
            ..Default::default()
        }
    }

    #[test]
    fn a_status_is_found_by_whatever_it_is_called_and_never_guessed() {
        let names = StatusNames::of(vec![
            status("sent", &[("nb", "Sendt"), ("en", "Sent")], &[("nb", "På vei til deg")]),
            status("cancelled", &[("nb", "Kansellert")], &[("nb", "Avsluttet")]),
            status("returned", &[("nb", "Returnert")], &[("nb", "Avsluttet")]),
        ]);
        for text in ["sent", "SENDT", "Sent", "på vei til DEG", "shops/default/orderStatuses/sent"]
        {
            assert_eq!(names.find(text).expect(text).id(), "sent");
        }
        let told = |text| names.find(text).expect_err("no such status").to_string();
        assert!(told("shipped").contains("sent, cancelled, returned"));
        assert!(told("avsluttet").ends_with("any of: cancelled, returned"));
        assert_eq!(names.title("shops/default/orderStatuses/cancelled", "en"), "Kansellert");
        assert_eq!(names.title("shops/default/orderStatuses/gone", "en"), "gone");
    }

    #[test]
    fn a_tag_in_capitals_is_the_one_status_with_it() {
        use proto::StatusTag::{Cancelled, Completed};
        let tagged = |id: &str, tag: proto::StatusTag| proto::OrderStatus {
            tag: tag.into(),
            ..status(id, &[], &[])
        };
        // What it is called does not matter: a remedy names the tag.
        let names = StatusNames::of(vec![
            status("completed", &[], &[]),
            tagged("sent", Completed),
            tagged("cancelled", Cancelled),
            tagged("lost", Cancelled),
        ]);
        assert_eq!(names.find("COMPLETED").expect("one has the tag").id(), "sent");
        assert_eq!(names.find("completed").expect("one is called so").id(), "completed");
        let told = names.find("CANCELLED").expect_err("two have the tag").to_string();
        assert!(told.ends_with("the tag CANCELLED: cancelled, lost"), "{told}");
    }
}
