//! The text of a key: its class, a public beginning by which its record is found, and a secret rest.

use crate::mac::hmac_sha256;
use hmac::{Hmac, Mac};
use model::Secret;
use model::fault::{Fault, FaultCode};
use model::tenant::KeyClass;
use sha2::Sha256;

/// Random characters that are public.
const PUBLIC_CHARS: usize = 8;
/// Random characters that are not: 131 bits.
const SECRET_CHARS: usize = 22;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const CLASSES: [(KeyClass, &str); 3] =
    [(KeyClass::Admin, "sk_admin_"), (KeyClass::Live, "sk_live_app_"), (KeyClass::Test, "sk_test_app_")];

/// A fresh key's text.
pub(super) fn fresh(class: KeyClass) -> Result<Secret<String>, Fault> {
    let beginning = CLASSES.iter().find(|(c, _)| *c == class).map_or("", |(_, text)| text);
    Ok(Secret::new(format!("{beginning}{}", random_chars(PUBLIC_CHARS + SECRET_CHARS)?)))
}

/// The public beginning of a key, or none if the text cannot be one.
pub(super) fn public_prefix(text: &str) -> Option<&str> {
    let (_, beginning) = CLASSES.iter().find(|(_, beginning)| text.starts_with(beginning))?;
    let random = text.get(beginning.len()..)?;
    let well_formed =
        random.len() == PUBLIC_CHARS + SECRET_CHARS && random.bytes().all(|b| ALPHABET.contains(&b));
    if well_formed { text.get(..beginning.len() + PUBLIC_CHARS) } else { None }
}

/// HMAC-SHA-256 of the whole key under the server's own secret.
pub(super) fn hash(pepper: &Secret<[u8; 32]>, text: &str) -> [u8; 32] {
    keyed(pepper, text).finalize().into_bytes().into()
}

/// Whether the key has this hash; takes the same time whatever differs.
pub(super) fn matches(pepper: &Secret<[u8; 32]>, text: &str, hash: &[u8; 32]) -> bool {
    keyed(pepper, text).verify_slice(hash).is_ok()
}

fn keyed(pepper: &Secret<[u8; 32]>, text: &str) -> Hmac<Sha256> {
    let mut mac = hmac_sha256(pepper.expose());
    mac.update(text.as_bytes());
    mac
}

/// Uniform random characters of the alphabet: bytes beyond the last whole multiple of 62 are thrown away.
pub(crate) fn random_chars(count: usize) -> Result<String, Fault> {
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let mut bytes = [0u8; 64];
        getrandom::fill(&mut bytes).map_err(|error| {
            crate::fault::saying(FaultCode::StoreUnavailable, format!("no random bytes: {error}"))
        })?;
        let chars = bytes.iter().filter(|byte| **byte < 248);
        let chars = chars.filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        text.extend(chars.take(count - text.len()).map(|byte| char::from(*byte)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_keys_are_well_formed_and_differ() {
        for (class, beginning) in CLASSES {
            let (one, other) = (fresh(class).unwrap(), fresh(class).unwrap());
            assert!(one.expose().starts_with(beginning));
            assert_ne!(one, other);
            let prefix = public_prefix(one.expose()).unwrap();
            assert_eq!(prefix.len(), beginning.len() + PUBLIC_CHARS);
        }
    }

    #[test]
    fn other_texts_are_no_keys() {
        let key = fresh(KeyClass::Live).unwrap().into_exposed();
        for bad in [
            "",
            "sk_live_app_",
            "sk_other_1234",
            &key[..key.len() - 1],
            &format!("{key}a"),
            &key.replace('_', "-"),
        ] {
            assert_eq!(public_prefix(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_the_whole_key_under_the_same_pepper_matches() {
        let (pepper, other) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let hash = hash(&pepper, "sk_live_app_x");
        assert!(matches(&pepper, "sk_live_app_x", &hash));
        assert!(!matches(&pepper, "sk_live_app_y", &hash));
        assert!(!matches(&other, "sk_live_app_x", &hash));
    }
}
