//! What a person at the terminal is told when the service is ready.

use std::io::Write;
use std::net::SocketAddr;

use crate::config::Settings;

/// Says on stdout where the service is, where its data are, and what to try.
pub(super) fn say(settings: &Settings, address: SocketAddr) {
    let mut out = std::io::stdout().lock();
    // Nobody reads it: the service serves all the same.
    drop(out.write_all(text(settings, address).as_bytes()).and_then(|()| out.flush()));
}

fn text(settings: &Settings, address: SocketAddr) -> String {
    let data = match settings.database_url() {
        Some(_) => format!("PostgreSQL, and {}", settings.sandbox_book().display()),
        None => settings.data_dir().display().to_string(),
    };
    let mail = match settings.smtp_url() {
        Some(_) => "to the mail server".to_owned(),
        None => format!("{} (no --smtp-url: nothing is sent)", settings.mail_folder().display()),
    };
    // The CLI looks for the default address by itself.
    let server = match address.to_string().as_str() {
        "127.0.0.1:7070" => String::new(),
        other => format!(" --server http://{other}"),
    };
    format!(
        "order-server {version} serves http://{address}\n\
         data: {data}\n\
         mail: {mail}\n\
         try:  orderctl{server} orders create --help\n      \
               orderctl{server} orders list\n      \
               orderctl{server} watch --from oldest\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}
