//! How a shop is set up for the stand-ins: lines for a shell.

use super::{adyen, cargonizer, klarna, tripletex, vipps};

/// Where the service is that calls a stand-in.
#[derive(Clone, Debug)]
pub struct Service {
    /// Last part of the shop's name.
    pub shop: String,
    /// Where it takes webhooks: an address with a port.
    pub webhooks: String,
}

/// What one stand-in needs.
struct Recipe {
    /// The shop's name for it.
    id: &'static str,
    kind: &'static str,
    /// Flags that say where it is.
    place: String,
    fields: &'static [(&'static str, &'static str)],
    /// Made up, and nobody's.
    secrets: &'static [(&'static str, &'static str)],
    /// What else there is to do.
    more: String,
}

/// Makes the integration with the stand-in of this name at this address, with all that it needs. Nothing
/// where there is no such stand-in.
#[must_use]
pub fn recipe(name: &str, url: &str, service: &Service) -> String {
    let Some(Recipe { id, kind, place, fields, secrets, more }) = known(name, url, service) else {
        return String::new();
    };
    let environment = secrets.iter().map(|(field, secret)| {
        format!("ORDERCTL_SECRET_{}={} ", field.to_uppercase(), quoted(secret))
    });
    let fields = fields.iter().map(|(field, value)| format!(" --set {field}={}", quoted(value)));
    format!(
        "{}orderctl --shop {} integrations create {id} --kind {kind} {place}{}\n{more}",
        environment.collect::<String>(),
        service.shop,
        fields.collect::<String>(),
    )
}

fn known(name: &str, url: &str, Service { shop, webhooks }: &Service) -> Option<Recipe> {
    let place = format!("--endpoint stand-in --stand-in-url {url}");
    let recipe =
        |id, kind, fields, secrets, more| Recipe { id, kind, place, fields, secrets, more };
    Some(match name {
        "klarna" | "kustom" => recipe(
            if name == "klarna" { "kco" } else { "kustom" },
            "klarna",
            &[("username", klarna::USER)],
            &[("password", klarna::PASSWORD)],
            String::new(),
        ),
        "vipps" => recipe(
            "mobilepay",
            "vipps",
            &[("client_id", vipps::CLIENT_ID), ("merchant_serial_number", vipps::MSN)],
            &[
                ("client_secret", vipps::CLIENT_SECRET),
                ("subscription_key", vipps::SUBSCRIPTION_KEY),
                ("webhook_secret", vipps::WEBHOOK_SECRET),
            ],
            format!(
                "curl -fsS -X PUT {url}/control/webhook \
                 -d '{{\"url\": \"http://{webhooks}/webhooks/{shop}/mobilepay\", \
                 \"secret\": \"{}\"}}'\n",
                vipps::WEBHOOK_SECRET
            ),
        ),
        "adyen" => recipe(
            "card-no",
            "adyen",
            &[("merchant_account", adyen::MERCHANT_ACCOUNT)],
            &[("api_key", adyen::API_KEY), ("hmac_key", adyen::HMAC_KEY)],
            format!(
                "curl -fsS -X PUT {url}/control/webhook \
                 -d '{{\"url\": \"http://{webhooks}/webhooks/{shop}/card-no\"}}'\n"
            ),
        ),
        "tripletex" => recipe(
            "tripletex",
            "tripletex",
            &[],
            &[
                ("consumer_token", tripletex::CONSUMER_TOKEN),
                ("employee_token", tripletex::EMPLOYEE_TOKEN),
            ],
            format!(
                "orderctl shops update {shop} --accounting tripletex --payment-type kco=Klarna \
                 --payment-type mobilepay=Vipps --payment-type 'card-no=Betalt til bank'\n"
            ),
        ),
        "cargonizer" => recipe(
            "cargonizer",
            "cargonizer",
            &[("sender_id", cargonizer::SENDER)],
            &[("api_key", cargonizer::KEY)],
            format!(
                "orderctl shops update {shop} --label-integration cargonizer --label-agreement 1357 \
                 --label-product bring2_business_parcel --label-weight 1000\n"
            ),
        ),
        "mail" => return mailing(url, shop),
        _ => return None,
    })
}

fn mailing(url: &str, shop: &str) -> Option<Recipe> {
    let (host, port) = url.strip_prefix("smtp://")?.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    let place = format!("--set host={host} --set port={port} --set security=none");
    // Mails come from a seller.
    let more = format!(
        "orderctl shops update {shop} --seller-name 'Butikk AS' \
         --seller-email hei@butikk.example --seller-address 'Storgata 1, 0155 Oslo, NO'\n"
    );
    Some(Recipe { id: "post", kind: "smtp", place, fields: &[], secrets: &[], more })
}

fn quoted(text: &str) -> String {
    format!("'{text}'")
}
