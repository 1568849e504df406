//! What a person at the terminal is told when the service is ready.

use std::io::Write;
use std::net::SocketAddr;

use crate::config::Settings;

/// Says on stdout where the service is, where its data are, and what to try.
pub(super) fn say(settings: &Settings, address: SocketAddr, webhooks: Option<SocketAddr>) {
    let mut out = std::io::stdout().lock();
    // Nobody reads it: the service serves all the same.
    drop(out.write_all(text(settings, address, webhooks).as_bytes()).and_then(|()| out.flush()));
}

fn text(settings: &Settings, address: SocketAddr, webhooks: Option<SocketAddr>) -> String {
    let data = match settings.database_url() {
        Some(address) => {
            let book = settings.sandbox_book();
            format!("PostgreSQL at {}, and {}", address.told(), book.display())
        }
        None => settings.data_dir().display().to_string(),
    };
    let mail = match settings.smtp_url() {
        Some(_) => "to the mail server".to_owned(),
        None => format!("{} (no --smtp-url: nothing is sent)", settings.mail_folder().display()),
    };
    let webhooks = webhooks.map(|address| format!("webhooks: http://{address}/webhooks/\n"));
    let webhooks = webhooks.unwrap_or_default();
    // The CLI looks for the default address by itself.
    let server = match address.to_string().as_str() {
        "127.0.0.1:7070" => String::new(),
        other => format!(" --server http://{other}"),
    };
    format!(
        "order-server {version} serves http://{address}\n\
         data: {data}\n\
         mail: {mail}\n\
         {webhooks}\
         try:  orderctl{server} orders create --help\n      \
               orderctl{server} orders list\n      \
               orderctl{server} watch --from oldest\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}
