//! Addresses of PostgreSQL: what TLS they ask for, and what is wrong with them.

use tokio_postgres::config::SslMode;

use super::Address;

#[test]
fn tls_is_required_wherever_nothing_is_said_and_somebody_could_be_on_the_way() {
    let cases = [
        ("postgres://u@localhost/d", SslMode::Disable, false),
        ("postgresql://u:p@127.0.0.1:5433/d", SslMode::Disable, false),
        ("postgres://u@[::1]/d?connect_timeout=3", SslMode::Disable, false),
        ("postgres://u@%2Fvar%2Frun%2Fpostgresql/d", SslMode::Disable, false),
        ("postgres://u@/d?host=/var/run/postgresql&sslmode=require", SslMode::Disable, false),
        ("postgres://u@localhost/d?sslmode=require", SslMode::Require, false),
        ("postgres://u:p?@db.example.com/d", SslMode::Require, false),
        ("postgres://u@10.0.0.7/d?sslmode=verify-full", SslMode::Require, false),
        ("postgres://u@localhost,db.example.com/d", SslMode::Require, false),
        ("postgres://u@localhost/d?hostaddr=10.0.0.7", SslMode::Require, false),
        ("postgres://u@db.example.com/d?sslmode=prefer", SslMode::Prefer, true),
        ("postgres://u@db.example.com/d?sslmode=disable", SslMode::Disable, true),
    ];
    for (url, mode, is_exposed) in cases {
        let address: Address = url.parse().unwrap();
        assert_eq!(address.config.get_ssl_mode(), mode, "{url}");
        assert_eq!(address.is_exposed(), is_exposed, "{url}");
    }
}

#[test]
fn a_place_is_told_without_who_goes_there() {
    let cases = [
        ("postgres://u:secret@db.example.com/d", "db.example.com:5432"),
        ("postgres://u:secret@[::1]:7/d", "[::1]:7"),
        ("postgres://u:secret@a:1,b:2/d", "a:1, b:2"),
        ("postgres://u:secret@%2Frun%2Fpg/d", "/run/pg:5432"),
    ];
    for (url, place) in cases {
        let address: Address = url.parse().unwrap();
        assert_eq!(address.place(), place);
        assert_eq!(address.told(), format!("{place}, database d"));
        assert!(!format!("{address:?}").contains("secret"));
    }
    let own: Address = "postgres://u@h/d?sslrootcert=/etc/ca.pem&sslmode=require".parse().unwrap();
    assert_eq!(own.authority().unwrap().to_str(), Some("/etc/ca.pem"));
}

#[test]
fn what_is_wrong_is_told_without_the_password() {
    let cases = [
        ("mysql://u:secret@h", "postgres://"),
        ("postgres://u:secret@h/d?sslmode=verify-ca", "sslmode"),
        ("postgres://u:secret@h:port/d", "port"),
        ("postgres://u:@secret@h/d", "%40"),
        ("postgres://u:secret@/d", "host"),
        ("postgres://u:secret@h/d?colour=red", "colour"),
    ];
    for (url, part) in cases {
        let problem = url.parse::<Address>().unwrap_err();
        assert!(problem.contains(part) && !problem.contains("secret"), "{url}: {problem}");
        assert!(!problem.contains('\n'), "{problem}");
    }
}
