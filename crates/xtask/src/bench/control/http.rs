//! A client of HTTP/1.1 that costs the generator next to nothing: one connection, kept open, one request at a time.

use serde_json::Value;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A client with one key.
pub(super) struct Client {
    server: SocketAddr,
    key: String,
    connection: Option<TcpStream>,
}

/// Status and body.
pub(super) type Answer = (u16, Vec<u8>);

impl Client {
    /// Connects with the first request.
    pub(super) fn new(server: SocketAddr, key: &str) -> Self {
        Self { server, key: key.to_owned(), connection: None }
    }

    /// Makes something; what it is.
    pub(super) fn created(&mut self, path: &str, body: &Value) -> Result<Value, String> {
        let (status, answer) =
            self.send("POST", path, &body.to_string()).map_err(|error| format!("{path}: {error}"))?;
        if status != 201 {
            return Err(format!("{path}: {status} {}", String::from_utf8_lossy(&answer)));
        }
        serde_json::from_slice(&answer).map_err(|error| format!("{path}: {error}"))
    }

    /// Sends a request and waits for its answer. A connection that fails is not used again.
    pub(super) fn send(&mut self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(open) => open,
            None => open(self.server)?,
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.key,
            body.len(),
        );
        connection.write_all(request.as_bytes())?;
        let answer = read(&mut connection)?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

fn open(server: SocketAddr) -> io::Result<TcpStream> {
    let connection = TcpStream::connect(server)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(connection)
}

fn read(connection: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let mut part = [0; 4_096];
    while bytes.len() < ANSWER_BYTES_MAX {
        if let Some(answer) = whole(&bytes) {
            return Ok(answer);
        }
        match connection.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(part.get(..read).unwrap_or_default()),
        }
    }
    Err(io::Error::other("the answer is too long"))
}

/// The answer, once it is there as a whole.
fn whole(bytes: &[u8]) -> Option<Answer> {
    let head = bytes.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(bytes.get(..head)?).ok()?.to_ascii_lowercase();
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(Some(0), |length| length.trim().parse().ok())?;
    Some((status, bytes.get(head..head + length)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let check = |text: &str, expected: Option<(u16, &str)>| {
            let expected = expected.map(|(status, body)| (status, body.as_bytes().to_vec()));
            assert_eq!(whole(text.as_bytes()), expected, "{text:?}");
        };
        check("", None);
        check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n", None);
        check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{", None);
        check("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", Some((201, "{}")));
        check("HTTP/1.1 204 No Content\r\n\r\n", Some((204, "")));
    }
}
