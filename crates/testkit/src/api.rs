//! A client of the server's API that shows answers as they came: status, headers, bytes.

use crate::PATIENCE;
use crate::description::Description;
use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A client with one key.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    url: String,
    key: String,
    description: SharedDescription,
}

/// The server's own description of its answers, once it was fetched; none where it could not be.
pub(crate) type SharedDescription = Arc<OnceCell<Option<Description>>>;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub bytes: Bytes,
    /// The body as JSON; null if it is none.
    pub json: Value,
}

impl Answer {
    /// A header's text, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body, where the status is the expected one; else panics with both.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json
    }

    /// `error.code` and `error.param` of a refusal.
    pub fn fault(&self) -> (&str, &str) {
        let text = |name: &str| self.json["error"][name].as_str().unwrap_or_default();
        (text("code"), text("param"))
    }
}

impl Api {
    /// For the server at `addr`.
    pub fn new(addr: SocketAddr, key: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE * 3).build();
        Self {
            http: http.expect("a client without any certificate needs nothing"),
            url: format!("http://{addr}"),
            key: key.to_owned(),
            description: SharedDescription::default(),
        }
    }

    /// Shares what is known of a server's answers, so that it is fetched once.
    pub(crate) fn described_by(self, description: &SharedDescription) -> Self {
        Self { description: Arc::clone(description), ..self }
    }

    /// Panics where the answer has not the shape that the server's own document describes.
    async fn check_shape(&self, sent: Option<(String, String)>, answer: &Answer) {
        let Some((method, path)) = sent else { return };
        let fetch = async {
            let request = self.http.get(format!("{}/openapi/chirp.json", self.url)).timeout(PATIENCE);
            Some(Description(request.send().await.ok()?.json().await.ok()?))
        };
        let description = self.description.get_or_init(|| fetch).await;
        let content = (answer.header("content-type"), &answer.json);
        let fault = description.as_ref().and_then(|d| d.fault(&method, &path, answer.status, content));
        if let Some(fault) = fault {
            panic!("the answer is not as described: {fault}");
        }
    }

    /// Where the server is, as `--url` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A request with the key, for what the other methods cannot say.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    /// Sends a request. `None` where no whole answer came.
    pub async fn try_send(&self, request: RequestBuilder) -> Option<Answer> {
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.ok()?;
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Some(Answer { status, headers, bytes, json })
    }

    /// Sends a request. Panics where no whole answer came.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let sent = format!("{request:?}");
        let built = request.try_clone().and_then(|request| request.build().ok());
        let built = built.map(|request| (request.method().to_string(), request.url().path().to_owned()));
        let answer = self.try_send(request).await.unwrap_or_else(|| panic!("no whole answer came to {sent}"));
        self.check_shape(built, &answer).await;
        answer
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// `PUT` of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// `PATCH` of JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// `POST` of any bytes that claim to be JSON.
    pub async fn post_bytes(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.send(request.body(body)).await
    }
}
