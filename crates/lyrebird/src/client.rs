//! A small client of a running server's API, for the commands of the command line.

use crate::cli::Remote;
use crate::config::{Config, ConfigError, Flags};
use bytes::Bytes;
use serde_json::Value;
use std::time::Duration;

/// Longest wait for any answer; longer than the longest long poll.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Why a request did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// There is no key.
    #[error("no key: set LYREBIRD_KEY, or give --key (the server's first start showed three keys)")]
    NoKey,
    /// The configuration, which would name the server, cannot be read.
    #[error("{0}\nWithout it, name the server with --url.")]
    Configuration(#[from] ConfigError),
    /// The server cannot be reached.
    #[error(
        "the server at {url} cannot be reached: {reason}\nStart it with `lyrebird serve`, or name it with --url."
    )]
    Unreachable {
        /// Where it should be.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// It refused.
    #[error("{status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
}

/// A client.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Client {
    /// For the key that the flags name, and for their server or that of the configuration.
    pub(crate) fn new(remote: &Remote, flags: &Flags) -> Result<Self, ClientError> {
        let key = remote.key.clone().ok_or(ClientError::NoKey)?;
        let url = match &remote.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => Config::load(flags)?.http.url(None),
        };
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build();
        let http =
            http.map_err(|error| ClientError::Unreachable { url: url.clone(), reason: error.to_string() })?;
        Ok(Self { http, url, key })
    }

    /// `GET`.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.send(self.http.get(format!("{}{path}", self.url))).await
    }

    /// `GET` of something that is no JSON.
    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> Result<Bytes, ClientError> {
        let request = self.http.get(format!("{}{path}", self.url)).header("accept", accept);
        self.fetch(request).await
    }

    /// `POST` of a JSON body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.send(self.http.post(format!("{}{path}", self.url)).json(body)).await
    }

    /// `PUT` of a JSON body.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.send(self.http.put(format!("{}{path}", self.url)).json(body)).await
    }

    /// `DELETE`.
    pub(crate) async fn delete(&self, path: &str) -> Result<Value, ClientError> {
        self.send(self.http.delete(format!("{}{path}", self.url))).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, ClientError> {
        let bytes = self.fetch(request).await?;
        Ok(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn fetch(&self, request: reqwest::RequestBuilder) -> Result<Bytes, ClientError> {
        let unreachable = |error: reqwest::Error| {
            let reason =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            ClientError::Unreachable { url: self.url.clone(), reason }
        };
        let response = request.bearer_auth(&self.key).send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(bytes);
        }
        let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let text = String::from_utf8_lossy(&bytes);
        let error = body.get("error");
        let message =
            error.and_then(|e| e.get("message").or(Some(e))).and_then(Value::as_str).unwrap_or(&text);
        Err(ClientError::Refused { status: status.as_u16(), message: message.to_owned() })
    }
}
