//! Who takes part in a call, as this door shows it (contract §2.5): a number with its country, and for the party that
//! is not the app a contact, whose id is the same in all of the app's calls with that number.

use model::call::{Call, Channel, Direction};
use model::{AppId, E164};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// `originator` and `receiver`.
#[derive(Serialize)]
pub(crate) struct PartyView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<ContactView<'a>>,
    number: NumberView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContactView<'a> {
    id: String,
    identifier_key: &'static str,
    identifier_value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NumberView<'a> {
    r#type: &'static str,
    number: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    anonymous: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_iso_code: Option<&'static str>,
}

/// Originator and receiver of a call.
pub(crate) fn parties(call: &Call) -> (PartyView<'_>, PartyView<'_>) {
    let outbound = call.direction == Direction::Outbound;
    let originator = party(call.app, call.from.expose(), call.from_channel, !outbound);
    let receiver = party(call.app, call.to.expose(), call.to_channel, outbound);
    (originator, receiver)
}

fn party(app: AppId, address: &str, channel: Channel, far: bool) -> PartyView<'_> {
    let number: Option<E164> = address.parse().ok();
    let contact = number.as_ref().filter(|_| far).map(|number| ContactView {
        id: contact(app, number).to_string(),
        identifier_key: "phonenumber",
        identifier_value: address,
    });
    let number = NumberView {
        r#type: kind(address, channel),
        number: address,
        anonymous: address.is_empty() || address.eq_ignore_ascii_case("anonymous"),
        country_iso_code: number.and_then(|number| number.country()),
    };
    PartyView { contact, number }
}

/// The kind of an address.
fn kind(address: &str, channel: Channel) -> &'static str {
    match channel {
        Channel::Webrtc => "webrtc",
        _ if address.starts_with("sip:") || address.starts_with("sips:") => "sip",
        _ => "pstn",
    }
}

/// The id of the app's contact with this number: made of both, so that nothing has to be stored.
fn contact(app: AppId, number: &E164) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(app.uuid().as_bytes());
    hash.update(number.as_str());
    let digest: [u8; 32] = hash.finalize().into();
    let [first, _] = digest.as_chunks::<16>().0 else { return Uuid::nil() };
    uuid::Builder::from_random_bytes(*first).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{IdSource, Timestamp};
    use serde_json::json;

    fn check(address: &str, far: bool, expected: &serde_json::Value) {
        let app = AppId::generate(&mut IdSource::new(1), Timestamp::default());
        let mut got = serde_json::to_value(party(app, address, Channel::Pstn, far)).unwrap();
        if let Some(contact) = got.get_mut("contact").and_then(|contact| contact.as_object_mut()) {
            assert_eq!(contact.remove("id").unwrap().as_str().unwrap().len(), 36);
        }
        assert_eq!(&got, expected, "{address}");
    }

    #[test]
    fn parties_as_in_the_samples() {
        let number = json!({ "type": "pstn", "number": "+3197058016631", "countryIsoCode": "NL" });
        check("+3197058016631", false, &json!({ "number": number }));
        let number = json!({ "type": "pstn", "number": "+351910648517", "countryIsoCode": "PT" });
        let contact = json!({ "identifierKey": "phonenumber", "identifierValue": "+351910648517" });
        check("+351910648517", true, &json!({ "contact": contact, "number": number }));
        check("sip:desk", true, &json!({ "number": { "type": "sip", "number": "sip:desk" } }));
        let nobody = json!({ "number": { "type": "pstn", "number": "anonymous", "anonymous": true } });
        check("anonymous", true, &nobody);
    }

    #[test]
    fn contacts_are_the_same_for_one_app_and_number() {
        let mut ids = IdSource::new(1);
        let [one, other] = [(); 2].map(|()| AppId::generate(&mut ids, Timestamp::default()));
        let number: E164 = "+351910648517".parse().unwrap();
        assert_eq!(contact(one, &number), contact(one, &number));
        assert_ne!(contact(one, &number), contact(other, &number));
        assert_ne!(contact(one, &number), contact(one, &"+351910648518".parse().unwrap()));
    }
}
