//! Standard Webhooks signatures: `v1,` and the base64 of HMAC-SHA-256 of `id.timestamp.body`. Pure.

use crate::mac::hmac_sha256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use model::webhook::{Delivery, WebhookEndpoint};
use model::{Secret, Timestamp};
use ports::{EventRenderer, Signing};

/// The headers of one attempt: what the scheme asks for, the door's own signature, the endpoint's own headers.
pub(super) fn headers(
    endpoint: &WebhookEndpoint,
    door: Option<&dyn EventRenderer>,
    url: &str,
    secret: &Secret<Vec<u8>>,
    delivery: &Delivery,
    at: Timestamp,
) -> Vec<(String, Secret<String>)> {
    let Delivery { message_id, body, .. } = delivery;
    let standard = standard(secret, message_id, body, at);
    let mac = |message: &[u8]| mac(secret.expose(), message);
    let signing = Signing { url, message_id, at, body, hmac_sha256: &mac };
    let own = door.map(|door| door.sign(&signing)).unwrap_or_default();
    let named = standard.into_iter().chain(own).map(|(name, value)| (name.to_owned(), value));
    let fixed = endpoint.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
    named.chain(fixed).collect()
}

/// What the scheme asks for.
pub(crate) fn standard(
    secret: &Secret<Vec<u8>>,
    message_id: &str,
    body: &str,
    at: Timestamp,
) -> [(&'static str, Secret<String>); 4] {
    let timestamp = at.as_secs().to_string();
    let signed = format!("{message_id}.{timestamp}.{body}");
    let signature = format!("v1,{}", STANDARD.encode(mac(secret.expose(), signed.as_bytes())));
    [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", message_id.to_owned()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature),
    ]
    .map(|(name, value)| (name, Secret::new(value)))
}

fn mac(secret: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = hmac_sha256(secret);
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's libraries.
    #[test]
    fn published_vector() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = mac(&secret, br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#);
        assert_eq!(STANDARD.encode(signature), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
