//! Keys of encrypted sound in a=crypto lines (RFC 4568): read, chosen and written. No `Debug` shows them.

use super::SdpRefusal;
use super::description::{Attribute, Media};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use model::srtp::{SrtpKey, SrtpKeys, SrtpPolicy, SrtpSuite};

/// Most a=crypto lines of one stream that are looked at.
const LINES_MAX: usize = 32;

/// One line that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Crypto {
    tag: u32,
    key: SrtpKey,
}

/// `RTP/SAVP` and its like.
pub(super) fn is_encrypted(protocol: &str) -> bool {
    ["RTP/SAVP", "RTP/SAVPF"].iter().any(|name| name.eq_ignore_ascii_case(protocol))
}

/// `RTP/AVP` and its like.
pub(super) fn is_clear(protocol: &str) -> bool {
    ["RTP/AVP", "RTP/AVPF"].iter().any(|name| name.eq_ignore_ascii_case(protocol))
}

/// What the stream of an offer comes to under a policy: the keys and the line to answer with, or none for sound in
/// the clear.
pub(super) fn answer(
    theirs: &Media,
    ours: &[SrtpKey],
    policy: SrtpPolicy,
) -> Result<Option<(SrtpKeys, Attribute)>, SdpRefusal> {
    let encrypted = is_encrypted(&theirs.protocol);
    if policy == SrtpPolicy::Off {
        return if encrypted { Err(SdpRefusal::Encrypted) } else { Ok(None) };
    }
    let chosen = lines(theirs).find_map(|offered| {
        let send = ours.iter().find(|key| key.suite() == offered.key.suite())?;
        Some((offered, send.clone()))
    });
    match chosen {
        Some((offered, send)) => {
            let line = line(offered.tag, &send);
            Ok(Some((SrtpKeys { send, receive: offered.key }, line)))
        }
        None if encrypted => Err(SdpRefusal::NoCommonCrypto),
        None if policy == SrtpPolicy::Required => Err(SdpRefusal::NotEncrypted),
        None => Ok(None),
    }
}

/// What the answer to our offer comes to: it must repeat the number and suite of one of our lines, and may leave
/// them out where we offered encryption without demanding it.
pub(super) fn accept(theirs: &Media, ours: &Media) -> Result<Option<SrtpKeys>, SdpRefusal> {
    let offered: Vec<Crypto> = lines(ours).collect();
    if offered.is_empty() {
        return if is_encrypted(&theirs.protocol) { Err(SdpRefusal::Encrypted) } else { Ok(None) };
    }
    let agreed = lines(theirs).find_map(|answered| {
        let same =
            |offered: &&Crypto| offered.tag == answered.tag && offered.key.suite() == answered.key.suite();
        let send = offered.iter().find(same)?.key.clone();
        Some(SrtpKeys { send, receive: answered.key })
    });
    match agreed {
        Some(keys) => Ok(Some(keys)),
        None if is_encrypted(&theirs.protocol) => Err(SdpRefusal::NoCommonCrypto),
        None if is_encrypted(&ours.protocol) => Err(SdpRefusal::NotEncrypted),
        None => Ok(None),
    }
}

/// The lines to offer, numbered from 1.
pub(super) fn offer(keys: &[SrtpKey]) -> impl Iterator<Item = Attribute> {
    (1..).zip(keys).map(|(tag, key)| line(tag, key))
}

fn line(tag: u32, key: &SrtpKey) -> Attribute {
    let (name, key) = (key.suite().name(), STANDARD.encode(key.expose()));
    Attribute::with("crypto", format!("{tag} {name} inline:{key}"))
}

fn lines(media: &Media) -> impl Iterator<Item = Crypto> {
    let named = media.attributes.iter().filter(|attribute| attribute.name.eq_ignore_ascii_case("crypto"));
    named.filter_map(|attribute| parse(attribute.value.as_deref()?)).take(LINES_MAX)
}

/// `<tag> <suite> inline:<key and salt>[|<lifetime>] [<session parameters>]`. What we do not do makes a line
/// unusable: other suites, several keys, a master key identifier, session parameters that must be understood.
fn parse(value: &str) -> Option<Crypto> {
    let mut words = value.split_ascii_whitespace();
    let tag = words.next().filter(|tag| tag.len() <= 9)?.parse().ok()?;
    let suite = SrtpSuite::from_name(words.next()?)?;
    let parameters = words.next()?;
    let (method, key) = parameters.split_once(':')?;
    if !method.eq_ignore_ascii_case("inline") || key.contains(';') {
        return None;
    }
    let mut parts = key.split('|');
    let key = parts.next()?;
    // After the key may come a lifetime; what has a colon is an identifier.
    if parts.any(|part| part.contains(':')) {
        return None;
    }
    // RFC 4568 §6.3.7: a window size and what begins with a minus sign may be passed over.
    if words.any(|word| !word.starts_with('-') && !word.starts_with("WSH=")) {
        return None;
    }
    let octets = STANDARD.decode(key).or_else(|_| STANDARD_NO_PAD.decode(key)).ok()?;
    Some(Crypto { tag, key: SrtpKey::new(suite, &octets).ok()? })
}
