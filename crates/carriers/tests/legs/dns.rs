//! A name server on loopback that knows a few records.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// What stands in the DNS.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    Naptr { order: u16, service: &'static str, replacement: &'static str },
    Srv { priority: u16, port: u16, target: &'static str },
    A(Ipv4Addr),
}

impl Record {
    const fn kind(&self) -> u16 {
        match self {
            Self::A(_) => 1,
            Self::Srv { .. } => 33,
            Self::Naptr { .. } => 35,
        }
    }

    fn data(&self) -> Vec<u8> {
        match self {
            Self::A(address) => address.octets().to_vec(),
            Self::Srv { priority, port, target } => {
                let numbers = [priority.to_be_bytes(), [0, 1], port.to_be_bytes()].concat();
                [numbers, name(target)].concat()
            }
            Self::Naptr { order, service, replacement } => {
                let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
                let numbers = [order.to_be_bytes(), [0, 1]].concat();
                [numbers, text("s"), text(service), text(""), name(replacement)].concat()
            }
        }
    }
}

fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> =
        labels.flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}

/// The name server; it ends when it is dropped.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
    task: JoinHandle<()>,
}

impl NameServer {
    pub(crate) async fn start(records: Vec<(&'static str, Record)>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let mut known: HashMap<String, Vec<Record>> = HashMap::new();
        for (name, record) in records {
            known.entry(name.to_owned()).or_default().push(record);
        }
        let asked = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(serve(socket, known, Arc::clone(&asked)));
        Self { address, asked, task }
    }

    /// How often this was asked.
    pub(crate) fn asked(&self, name: &str, kind: u16) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| asked.0 == name && asked.1 == kind).count()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    socket: UdpSocket,
    known: HashMap<String, Vec<Record>>,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
) {
    let mut buffer = [0; 1_500];
    loop {
        let (length, source) = socket.recv_from(&mut buffer).await.unwrap();
        let query = &buffer[..length];
        let mut at = 12;
        let mut labels = Vec::new();
        while query[at] != 0 {
            let label = &query[at + 1..=at + usize::from(query[at])];
            labels.push(String::from_utf8(label.to_vec()).unwrap().to_lowercase());
            at += 1 + label.len();
        }
        let question = &query[12..at + 5];
        let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
        let name = labels.join(".");
        asked.lock().unwrap().push((name.clone(), kind));
        let found: Vec<_> =
            known.get(&name).into_iter().flatten().filter(|record| record.kind() == kind).collect();
        let exists = known.contains_key(&name);
        let mut answer = query[..2].to_vec();
        answer.extend([0x85, if exists { 0x80 } else { 0x83 }, 0, 1]);
        answer.extend(u16::try_from(found.len()).unwrap().to_be_bytes());
        answer.extend([0, 0, 0, 0]);
        answer.extend(question);
        for record in found {
            let data = record.data();
            answer.extend([0xc0, 12]);
            answer.extend(record.kind().to_be_bytes());
            answer.extend([0, 1, 0, 0, 0, 60]);
            answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            answer.extend(data);
        }
        socket.send_to(&answer, source).await.unwrap();
    }
}
