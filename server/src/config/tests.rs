//! Settings: what wins, and what is said when one is wrong.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use super::sources::{Sources, read};
use super::{Settings, Stop};

/// Reads settings from flags, environment (`NAME=value`) and the file `orders.toml`.
fn settings(flags: &[&str], environment: &[(&str, &str)], file: &str) -> Result<Settings, Stop> {
    let arguments: Vec<OsString> =
        std::iter::once("order-server").chain(flags.iter().copied()).map(OsString::from).collect();
    read(&Sources {
        arguments: &arguments,
        environment: &|wanted| {
            environment.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.into())
        },
        read_file: &|path| match path.to_str() {
            Some("orders.toml") => Ok(file.to_owned()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        },
    })
}

/// Flags and environment.
type Given<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);
/// What is given, the file, and what the complaint about them says.
type Case<'a> = (Given<'a>, &'a str, &'a [&'a str]);

/// The one line that is said.
fn complaint(flags: &[&str], environment: &[(&str, &str)], file: &str) -> String {
    match settings(flags, environment, file) {
        Err(Stop::Wrong(line)) => line,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_needs_to_be_set() {
    let settings = settings(&[], &[], "").unwrap();
    assert_eq!(settings.listen().to_string(), "127.0.0.1:7070");
    assert_eq!(settings.webhook_listen(), None);
    assert!(settings.database_url().is_none());
    assert_eq!(settings.database_file().to_str(), Some("./order-data/orders.db"));
    assert_eq!(settings.sandbox_book().to_str(), Some("./order-data/sandbox.db"));
    assert_eq!(settings.drain_timeout(), Duration::from_secs(20));
    assert_eq!(settings.call_timeout(), Duration::from_secs(30));
    assert_eq!(settings.reconcile_rate(), 5);
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
    let file = "turn-workers = 7\nlisten = \"127.0.0.1:3\"\ncall-timeout = \"25s\"\n";
    let named = ["--config", "orders.toml"];
    let with_flag = ["--config", "orders.toml", "--turn-workers", "9"];
    let environment = [("ORDER_TURN_WORKERS", "8"), ("ORDER_CONFIG", "orders.toml")];
    let cases: [(Given<'_>, usize); 5] = [
        ((&[], &[]), 4),
        ((&named, &[]), 7),
        ((&[], &environment), 8),
        ((&named, &environment), 8),
        ((&with_flag, &environment), 9),
    ];
    for ((flags, environment), workers) in cases {
        let settings = settings(flags, environment, file).unwrap();
        assert_eq!(settings.turn_workers(), workers, "{flags:?} {environment:?}");
    }
    let settings = settings(&named, &[], file).unwrap();
    assert_eq!(settings.listen().port(), 3);
    assert_eq!(settings.call_timeout(), Duration::from_secs(25));
}

#[test]
fn a_wrong_setting_is_told_in_one_line_that_names_it() {
    let file = ["--config", "orders.toml"];
    let cases: [Case<'_>; 18] = [
        ((&["--listen", "0.0.0.0:7070"], &[]), "", &["--listen", "loopback", "authenticated"]),
        ((&["--listen", "[::]:7070"], &[]), "", &["--listen", "loopback"]),
        ((&["--listen", "nowhere"], &[]), "", &["--listen", "IP address with a port"]),
        ((&["--webhook-listen", "0.0.0.0:80"], &[]), "", &["--webhook-listen", "TLS"]),
        ((&["--drain-timeout", "20"], &[]), "", &["--drain-timeout", "500ms, 20s or 2m"]),
        ((&["--drain-timeout", "11m"], &[]), "", &["--drain-timeout", "from 0s to 10m"]),
        ((&["--turn-workers", "0"], &[]), "", &["--turn-workers", "from 1 to 256"]),
        ((&["--database-url", "mysql://x"], &[]), "", &["--database-url", "postgres://"]),
        ((&["--database-url", "postgres://u@h/d?sslmode=no"], &[]), "", &["verify-full"]),
        ((&["--call-timeout", "2m"], &[]), "", &["--call-timeout", "from 100ms to 30s"]),
        ((&["--log-filter", "=="], &[]), "", &["--log-filter", "level"]),
        ((&["--log-format", "xml"], &[]), "", &["'xml'", "one of auto, text, json"]),
        ((&["--stand-ins", "maybe"], &[]), "", &["--stand-ins", "one of true, false"]),
        ((&["--bogus"], &[]), "", &["--bogus"]),
        ((&[], &[("ORDER_TURN_WORKERS", "many")]), "", &["'many'", "(ORDER_TURN_WORKERS)"]),
        ((&file, &[]), "turn-workers = 0", &["'0'", "(`turn-workers` in orders.toml)"]),
        ((&file, &[]), "port = 1", &["orders.toml: `port` is not a setting"]),
        ((&file, &[]), "listen = [1]", &["orders.toml: `listen` must be a string"]),
    ];
    for ((flags, environment), file, parts) in cases {
        let line = complaint(flags, environment, file);
        assert!(!line.contains('\n') && !line.is_empty(), "{line:?}");
        for part in parts {
            assert!(line.contains(part), "{line:?} does not say {part:?}");
        }
    }
    assert!(complaint(&["--config", "gone.toml"], &[], "").starts_with("gone.toml: cannot read"));
    assert!(complaint(&file, &[], "listen = ").starts_with("orders.toml: not TOML"));
}

#[test]
fn an_address_of_this_machine_is_accepted() {
    for address in ["127.0.0.1:0", "[::1]:7070", "127.8.8.8:1"] {
        assert_eq!(
            settings(&["--listen", address], &[], "").unwrap().listen().to_string(),
            address
        );
    }
}

#[test]
fn passwords_are_never_printed() {
    let cases = [
        ("--database-url", "postgres://orders:hunter2@localhost/orders"),
        ("--smtp-url", "smtps://orders:hunter2@localhost"),
    ];
    for (flag, url) in cases {
        let settings = settings(&[flag, url], &[], "").unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        let variable = flag.replacen("--", "ORDER_", 1).replace('-', "_").to_uppercase();
        let wrong = format!("mysql{url}");
        let environment = [(variable.as_str(), wrong.as_str())];
        for line in [complaint(&[flag, &wrong], &[], ""), complaint(&[], &environment, "")] {
            assert!(!line.contains("hunter2"), "{line}");
            assert!(line.contains(flag) && line.contains("must begin with"), "{line}");
        }
        let line = complaint(&[], &[(variable.as_str(), "")], "");
        assert!(line.contains(flag) && line.matches('…').count() == 0, "{line}");
        assert!(line.ends_with(&format!("({variable})")), "{line}");
    }
}

#[test]
fn help_names_every_setting_and_is_no_error() {
    let Err(Stop::Told(text)) = settings(&["--help"], &[], "") else { panic!("no help") };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["--listen", "--data-dir", "--database-url", "sslmode=require", "100ms to 30s"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(matches!(settings(&["--version"], &[], ""), Err(Stop::Told(_))));
}

#[test]
fn keys_for_credentials_come_from_anywhere_but_the_command_line_and_are_never_told() {
    let key = format!("{:064x}", 7);
    let environment = [("ORDER_CREDENTIALS_KEY", key.as_str())];
    let with_key = settings(&[], &environment, "").unwrap();
    assert_eq!(format!("{:?}", with_key.vault().unwrap()), "Vault of 1 keys");
    assert!(!format!("{with_key:?}").contains(&key));
    let file = ["--config", "orders.toml"];
    let in_file = format!("credentials-key = \"{key}\"");
    assert!(settings(&file, &[], &in_file).is_ok());
    assert_eq!(
        format!("{:?}", settings(&[], &[], "").unwrap().vault().unwrap()),
        "Vault of 0 keys"
    );

    let line = complaint(&["--credentials-key", &key], &[], "");
    assert!(line.contains("not for the command line") && !line.contains(&key), "{line}");
    let line = complaint(&[], &[("ORDER_CREDENTIALS_KEY", "hemmelig")], "");
    assert!(line.contains("key 1 must be") && line.contains("(ORDER_CREDENTIALS_KEY)"), "{line}");
    assert!(!line.contains("hemmelig"), "{line}");
    let gone = settings(&["--credentials-key-file", "/nowhere/key"], &[], "").unwrap().vault();
    assert!(gone.unwrap_err().starts_with("cannot read /nowhere/key"));
}
