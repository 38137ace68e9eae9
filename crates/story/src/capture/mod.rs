//! A call's signalling as a packet capture: the pcap file format (microseconds, link type RAW), each message in the
//! packet it had on the wire as far as the timeline knows it. Credentials are masked as in the timeline; messages that
//! went by TLS stand there in the clear, on a connection whose own port is that of SIP over TCP.

mod packet;

use crate::Line;
use crate::message::{Message, Transport};
use packet::{Streams, udp};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Link type RAW: each packet begins with its IP header.
const LINK_TYPE_RAW: u32 = 101;
/// Longest packet that the file announces.
const SNAP_BYTES: u32 = 262_144;
/// Our port where no message tells it.
const SIP_PORT: u16 = 5060;

/// The signalling of a call as a pcap file. Without messages it is a valid file without packets.
pub fn capture(lines: &[Line]) -> Vec<u8> {
    let messages: Vec<_> = lines.iter().filter_map(Message::of).collect();
    let own = Own::of(&messages);
    let mut file = header();
    let mut streams = Streams::default();
    for message in &messages {
        let own = own.towards(message);
        let (from, to) = if message.outgoing { (own, message.peer) } else { (message.peer, own) };
        // A mask may have changed the length of a message; the capture keeps the text as the timeline has it.
        let packets = match message.transport {
            Transport::Udp => vec![udp(from, to, message.text.as_bytes())],
            Transport::Stream => streams.segments(from, to, message.text.as_bytes()),
        };
        for packet in packets {
            record(&mut file, message.at.as_micros(), &packet);
        }
    }
    file
}

/// Our own addresses, as the messages tell them.
struct Own {
    v4: SocketAddr,
    v6: SocketAddr,
}

impl Own {
    fn of(messages: &[Message<'_>]) -> Self {
        let told = |v6| messages.iter().filter_map(Message::own_address).find(|own| own.is_ipv6() == v6);
        Self {
            v4: told(false).unwrap_or(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), SIP_PORT)),
            v6: told(true).unwrap_or(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), SIP_PORT)),
        }
    }

    /// The address of the same family as the peer's.
    fn towards(&self, message: &Message<'_>) -> SocketAddr {
        let own = if message.peer.is_ipv4() { self.v4 } else { self.v6 };
        match message.transport {
            Transport::Udp => own,
            Transport::Stream => SocketAddr::new(own.ip(), SIP_PORT),
        }
    }
}

fn header() -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    file.extend(0_i32.to_le_bytes());
    file.extend(0_u32.to_le_bytes());
    file.extend(SNAP_BYTES.to_le_bytes());
    file.extend(LINK_TYPE_RAW.to_le_bytes());
    file
}

fn record(file: &mut Vec<u8>, at_us: u64, packet: &[u8]) {
    let length = u32::try_from(packet.len()).unwrap_or(SNAP_BYTES);
    file.extend(u32::try_from(at_us / 1_000_000).unwrap_or(u32::MAX).to_le_bytes());
    file.extend(u32::try_from(at_us % 1_000_000).unwrap_or_default().to_le_bytes());
    file.extend(length.to_le_bytes());
    file.extend(length.to_le_bytes());
    file.extend(packet);
}

/// Both addresses in one family; an IPv4 address in its IPv6 mapping counts as the IPv4 address.
fn family(from: SocketAddr, to: SocketAddr) -> (IpAddr, IpAddr) {
    match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V6(to)) => (from.to_ipv6_mapped().into(), to.into()),
        (IpAddr::V6(from), IpAddr::V4(to)) => (from.into(), to.to_ipv6_mapped().into()),
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::line;

    const INVITE: &str =
        "INVITE sip:a@192.0.2.7 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1\r\n\r\n";

    /// The records of a file: time in microseconds and bytes.
    fn records(file: &[u8]) -> Vec<(u64, &[u8])> {
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        assert_eq!((word(0), word(20)), (0xa1b2_c3d4, LINK_TYPE_RAW));
        let (mut at, mut found) = (24, Vec::new());
        while at < file.len() {
            let length = word(at + 8) as usize;
            found.push((
                u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4)),
                &file[at + 16..at + 16 + length],
            ));
            at += 16 + length;
        }
        found
    }

    #[test]
    fn each_datagram_stands_with_its_time_and_addresses() {
        let lines = [
            line(1, 1_500, "→", "192.0.2.7:5060", "UDP", INVITE),
            line(2, 1_620, "←", "192.0.2.7:5060", "UDP", "SIP/2.0 100 Trying\r\n\r\n"),
        ];
        let file = capture(&lines);
        let records = records(&file);
        assert_eq!(records.len(), 2);
        let (at_us, packet) = records[0];
        assert_eq!(at_us, 1_500_000);
        assert_eq!(packet[0], 0x45);
        assert_eq!(packet[12..16], [192, 0, 2, 1]);
        assert_eq!(packet[16..20], [192, 0, 2, 7]);
        assert_eq!(packet[20..24], [0x13, 0xce, 0x13, 0xc4], "ports 5070 and 5060");
        assert_eq!(&packet[28..], INVITE.as_bytes());
        assert_eq!(records[1].1[12..16], [192, 0, 2, 7]);
        assert_eq!(records[1].1[16..20], [192, 0, 2, 1]);
    }

    #[test]
    fn a_stream_keeps_its_numbers_in_both_directions() {
        let lines = [
            line(1, 1, "→", "[2001:db8::7]:40000", "TLS", "BYE sip:x SIP/2.0\r\n\r\n"),
            line(2, 2, "←", "[2001:db8::7]:40000", "TLS", "SIP/2.0 200 OK\r\n\r\n"),
            line(3, 3, "→", "[2001:db8::7]:40000", "TLS", "BYE sip:x SIP/2.0\r\n\r\n"),
        ];
        let file = capture(&lines);
        let tcp: Vec<_> = records(&file).into_iter().map(|record| &record.1[40..]).collect();
        let number = |segment: &[u8], at: usize| u32::from_be_bytes(segment[at..at + 4].try_into().unwrap());
        let sizes: Vec<_> = tcp.iter().map(|segment| segment.len() as u32 - 20).collect();
        assert_eq!(number(tcp[2], 4), number(tcp[0], 4) + sizes[0], "our second message follows our first");
        assert_eq!(number(tcp[1], 8), number(tcp[0], 4) + sizes[0], "the answer acknowledges it");
        assert_eq!(number(tcp[2], 8), number(tcp[1], 4) + sizes[1]);
    }

    #[test]
    fn a_call_without_messages_is_a_file_without_packets() {
        assert_eq!(records(&capture(&[])).len(), 0);
    }
}
