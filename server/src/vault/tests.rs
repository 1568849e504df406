//! What is sealed stays secret, opens with every key that is kept, and only where it belongs.

use super::*;

const NAME: &str = "shops/a/integrations/klarna";
const FIELD: &str = "password";
const OLD: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const NEW: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";

fn vault(text: &str) -> Vault {
    Vault::read(text).unwrap()
}

fn secret() -> SecretString {
    SecretString::from("hemmelig-passord".to_owned())
}

#[test]
fn what_is_sealed_opens_where_it_belongs_and_nowhere_else() {
    let vault = vault(OLD);
    let sealed = vault.seal(NAME, FIELD, &secret()).unwrap();
    assert_eq!(vault.open(NAME, FIELD, &sealed).unwrap().expose_secret(), "hemmelig-passord");
    for other in ["shops/b/integrations/klarna", "shops/a/integrations/klarna-2", ""] {
        assert!(vault.open(other, FIELD, &sealed).is_err(), "{other}");
    }
    assert!(vault.open(NAME, "username", &sealed).is_err());
    let text = String::from_utf8_lossy(&sealed).into_owned();
    assert!(!text.contains("hemmelig"));
    assert_ne!(sealed, vault.seal(NAME, FIELD, &secret()).unwrap(), "a nonce is used once");
}

#[test]
fn not_a_byte_of_it_may_change() {
    let vault = vault(OLD);
    let sealed = vault.seal(NAME, FIELD, &secret()).unwrap();
    for place in 0..sealed.len() {
        let mut wrong = sealed.clone();
        wrong[place] ^= 1;
        assert!(vault.open(NAME, FIELD, &wrong).is_err(), "byte {place}");
        assert!(vault.open(NAME, FIELD, &sealed[..place]).is_err(), "cut at {place}");
    }
}

#[test]
fn the_first_key_encrypts_and_every_key_decrypts() {
    let old = vault(OLD).seal(NAME, FIELD, &secret()).unwrap();
    let both = vault(&format!("# the new one first\n{NEW}\n\n{OLD}\n"));
    assert!(both.open(NAME, FIELD, &old).is_ok());
    let new = both.seal(NAME, FIELD, &secret()).unwrap();
    assert!(vault(NEW).open(NAME, FIELD, &new).is_ok());
    assert!(vault(OLD).open(NAME, FIELD, &new).is_err());
    assert!(vault(NEW).open(NAME, FIELD, &old).is_err());
    assert_eq!(Vault::default().seal(NAME, FIELD, &secret()), Err(NoKey));
}

#[test]
fn keys_that_are_none_are_told_without_showing_them() {
    let many = (0..=KEYS_MAX).map(|one| format!("{one:064x}")).collect::<Vec<_>>().join(",");
    let cases = [
        ("", "must have a key"),
        ("# nothing", "must have a key"),
        ("secret", "key 1 must be 32 bytes in hexadecimal or base64"),
        (OLD.trim_start_matches("000"), "key 1 must be 32 bytes in hexadecimal or base64"),
        (
            &format!("{OLD},{}", OLD.replace('0', "g")),
            "key 2 must be 32 bytes in hexadecimal or base64",
        ),
        (&format!("{OLD},{NEW},{OLD}"), "key 3 is there twice"),
        (&many, "must have at most 10 keys"),
    ];
    for (text, wanted) in cases {
        assert_eq!(Vault::read(text).err().as_deref(), Some(wanted), "{text}");
    }
    assert_eq!(format!("{:?}", vault(OLD)), "Vault of 1 keys");
}

#[test]
fn a_print_tells_equality_and_nothing_else() {
    let (one, other) = (vault(OLD), vault(NEW));
    let changed = SecretString::from("hemmelig-passorD".to_owned());
    assert_eq!(one.print(&secret()), one.print(&secret()));
    assert_ne!(one.print(&secret()), one.print(&changed));
    assert_ne!(one.print(&secret()), other.print(&secret()));
}

#[test]
fn keys_of_a_file_are_read_anew_and_what_is_old_is_renewed() {
    let path = std::env::temp_dir().join(format!("keys-{}", uuid::Uuid::now_v7()));
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    write(OLD);
    let kept = Vault::of_file(&path).unwrap();
    let old = kept.seal(NAME, FIELD, &secret()).unwrap();
    let sealed = Sealed { secrets: BTreeMap::from([(FIELD.to_owned(), old.clone())]) };
    assert_eq!(sealed.renewed(&kept, NAME), Ok(None), "it is under the first key");

    // What somebody else sealed with a key that this process has not read yet.
    let foreign = vault(NEW).seal(NAME, FIELD, &secret()).unwrap();
    assert!(kept.open(NAME, FIELD, &foreign).is_err());
    write(&format!("{NEW}\n{OLD}\n"));
    assert!(kept.open(NAME, FIELD, &foreign).is_ok());
    let renewed = sealed.renewed(&kept, NAME).unwrap();
    let renewed = Sealed::stored(renewed.as_deref());
    assert!(vault(NEW).open(NAME, FIELD, &renewed.secrets[FIELD]).is_ok());
    assert_eq!(renewed.renewed(&kept, NAME), Ok(None));

    // A file that says nothing, or is gone, leaves the keys there are.
    for text in ["", "hemmelig"] {
        write(text);
        kept.refresh();
        assert!(kept.open(NAME, FIELD, &old).is_ok(), "{text:?}");
    }
    write(NEW);
    kept.refresh();
    let new = kept.seal(NAME, FIELD, &secret()).unwrap();
    assert!(vault(NEW).open(NAME, FIELD, &new).is_ok(), "the first key of the file seals");
    std::fs::remove_file(&path).unwrap();
    assert!(kept.open(NAME, FIELD, &old).is_err());
    assert_eq!(sealed.renewed(&kept, NAME), Err(Unreadable));
}
