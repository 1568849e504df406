//! The mail domains that customers in the Nordics have, and the ends that domains may have.

/// Real domains that few customers have and many mistype another one as.
pub(super) const LOOK_ALIKES: &[(&str, &str)] = &[("mail.com", "gmail.com")];

/// Providers with a single domain: any other ending is a slip.
pub(super) const ONE_HOME: &[(&str, &str)] =
    &[("gmail", "gmail.com"), ("googlemail", "googlemail.com"), ("icloud", "icloud.com")];

#[rustfmt::skip]
pub(super) const PROVIDERS: &[&str] = &[
    "gmail.com", "googlemail.com", "google.com", "icloud.com", "me.com", "mac.com",
    "hotmail.com", "hotmail.no", "hotmail.se", "hotmail.dk", "hotmail.fi", "hotmail.co.uk",
    "outlook.com", "outlook.dk", "live.com", "live.no", "live.se", "live.dk", "live.co.uk", "msn.com",
    "yahoo.com", "yahoo.no", "yahoo.se", "yahoo.dk", "yahoo.co.uk", "ymail.com", "rocketmail.com",
    "aol.com", "aim.com", "gmx.com", "gmx.de", "gmx.net", "web.de", "qq.com",
    "online.no", "broadpark.no", "lyse.net", "getmail.no", "altibox.no", "start.no", "frisurf.no",
    "telia.com", "bredband.net", "comhem.se", "mail.dk", "jubii.dk", "stofanet.dk",
    "luukku.com", "elisanet.fi", "kolumbus.fi",
    "proton.me", "protonmail.com", "comcast.net", "verizon.net", "btinternet.com", "sky.com",
];

#[rustfmt::skip]
pub(super) const TOP_LEVEL: &[&str] = &[
    "no", "se", "dk", "fi", "is", "fo", "com", "net", "org", "info", "biz", "edu", "gov", "mil", "io",
    "de", "fr", "it", "nl", "be", "ch", "at", "es", "pt", "ie", "eu", "uk", "co.uk", "pl", "ee", "lv",
    "lt", "cz", "hu", "gr", "ru", "ca", "us", "jp", "co.jp", "kr", "hk", "sg", "in", "il", "co.il",
    "net.au", "com.au", "co.nz", "com.tw", "me", "name",
];
