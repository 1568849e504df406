//! What every command works with: the client, the shop, the output.

use order_sdk::{OrderClient, OrderName, ShopName, proto};
use uuid::Uuid;

use crate::arguments::{GlobalArguments, Language};
use crate::failure::Failure;
use crate::output::Output;

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: OrderClient,
    pub(crate) shop: ShopName,
    pub(crate) output: Output,
    pub(crate) language: Language,
    is_verbose: bool,
}

impl Session {
    /// Connects with the first call.
    pub(crate) fn new(arguments: &GlobalArguments) -> Result<Self, Failure> {
        let client = OrderClient::builder()
            .endpoint(&arguments.server)
            .timeout(arguments.timeout)
            .actor(arguments.actor())
            .language(arguments.lang.code())
            .connect_lazy()?;
        Ok(Self {
            client,
            shop: shop_name(&arguments.shop)?,
            output: Output::new(arguments.output),
            language: arguments.lang,
            is_verbose: arguments.verbose,
        })
    }

    /// An order by its number in the shop, or by its full name.
    pub(crate) fn order_name(&self, text: &str) -> Result<OrderName, Failure> {
        match text.parse::<i64>() {
            Ok(number) => Ok(self.shop.order(number)?),
            Err(_) => Ok(text.parse()?),
        }
    }

    /// The id of a change: the one given, or a new one.
    pub(crate) fn request_id(&self, given: Option<Uuid>) -> String {
        let id = given.unwrap_or_else(Uuid::now_v7).to_string();
        if self.is_verbose {
            Output::tell(&format!("request id: {id}"));
        }
        id
    }

    /// What a code says in the language asked for, or else in any.
    pub(crate) fn text_of<'a>(&self, page: &'a proto::Refusal) -> Option<&'a proto::RefusalText> {
        page.texts
            .get(self.language.code())
            .or_else(|| page.texts.get("en"))
            .or_else(|| page.texts.values().next())
    }
}

/// A shop by its id or its full name.
pub(crate) fn shop_name(text: &str) -> Result<ShopName, Failure> {
    let name = if text.starts_with("shops/") { text.parse() } else { ShopName::new(text) };
    Ok(name?)
}

/// An answer that lacks the resource it is about.
pub(crate) fn present<T>(resource: Option<T>) -> Result<T, Failure> {
    resource.ok_or_else(|| Failure::Other("the answer is empty".to_owned()))
}

/// The last part of a resource name.
pub(crate) fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
