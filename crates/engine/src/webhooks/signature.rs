//! Standard Webhooks signatures: `v1,` and the base64 of HMAC-SHA-256 of `id.timestamp.body`. Pure.

use crate::mac::hmac_sha256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use model::webhook::WebhookEndpoint;
use model::{Secret, Timestamp};

/// The headers of one attempt: what the scheme asks for, then the endpoint's own.
pub(super) fn headers(
    endpoint: &WebhookEndpoint,
    message_id: &str,
    at: Timestamp,
    body: &str,
) -> Vec<(String, Secret<String>)> {
    let timestamp = at.as_secs().to_string();
    let signature = sign(endpoint.signing_secret.expose(), message_id, &timestamp, body);
    let mut headers: Vec<(String, Secret<String>)> = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", message_id.to_owned()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Secret::new(value)))
    .collect();
    headers.extend(endpoint.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    headers
}

fn sign(secret: &[u8], message_id: &str, timestamp: &str, body: &str) -> String {
    let mut mac = hmac_sha256(secret);
    mac.update(format!("{message_id}.{timestamp}.").as_bytes());
    mac.update(body.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's libraries.
    #[test]
    fn published_vector() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
