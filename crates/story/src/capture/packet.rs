//! IP packets around a message: IPv4 (RFC 791) or IPv6 (RFC 8200) with UDP (RFC 768), or with TCP segments (RFC 9293)
//! whose numbers go on from message to message. Checksums are right.

use super::family;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;
/// Hops a packet may still take; what was seen here is not known.
const HOP_LIMIT: u8 = 64;
/// Bytes of one TCP segment.
const SEGMENT_BYTES_MAX: usize = 1_400;
/// Flags PSH and ACK, and an offset of five words.
const TCP_FLAGS: [u8; 2] = [5 << 4, 0x18];

/// A datagram.
pub(super) fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap_or(u16::MAX);
    let mut datagram = Vec::with_capacity(payload.len() + 8);
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(length.to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    ip(from, to, PROTOCOL_UDP, datagram, 6)
}

/// Connections, by their two ends: how many bytes each end has sent.
#[derive(Debug, Default)]
pub(super) struct Streams {
    sent: BTreeMap<(SocketAddr, SocketAddr), u32>,
}

impl Streams {
    /// The segments of a message. Numbers begin at 1, as after a handshake that began at 0.
    pub(super) fn segments(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<Vec<u8>> {
        let acknowledged = self.sent.get(&(to, from)).copied().unwrap_or(0).wrapping_add(1);
        let sent = self.sent.entry((from, to)).or_insert(0);
        let mut packets = Vec::new();
        for part in payload.chunks(SEGMENT_BYTES_MAX) {
            let mut segment = Vec::with_capacity(part.len() + 20);
            segment.extend(from.port().to_be_bytes());
            segment.extend(to.port().to_be_bytes());
            segment.extend(sent.wrapping_add(1).to_be_bytes());
            segment.extend(acknowledged.to_be_bytes());
            segment.extend(TCP_FLAGS);
            segment.extend(u16::MAX.to_be_bytes());
            segment.extend([0; 4]);
            segment.extend(part);
            packets.push(ip(from, to, PROTOCOL_TCP, segment, 16));
            *sent = sent.wrapping_add(u32::try_from(part.len()).unwrap_or_default());
        }
        packets
    }
}

/// Puts the IP header before a segment, and the segment's checksum where it belongs.
fn ip(from: SocketAddr, to: SocketAddr, protocol: u8, mut segment: Vec<u8>, checksum_at: usize) -> Vec<u8> {
    let (from, to) = family(from, to);
    let length = u32::try_from(segment.len()).unwrap_or_default();
    let mut pseudo = addresses(from, to);
    pseudo.extend(length.to_be_bytes());
    pseudo.extend([0, 0, 0, protocol]);
    // Zero would mean that there is none (RFC 768).
    let sum = Some(checksum(&[&pseudo, &segment])).filter(|sum| *sum != 0).unwrap_or(u16::MAX);
    if let Some(place) = segment.get_mut(checksum_at..checksum_at + 2) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    let mut packet = match from {
        IpAddr::V4(_) => v4(from, to, protocol, segment.len()),
        IpAddr::V6(_) => v6(from, to, protocol, segment.len()),
    };
    packet.append(&mut segment);
    packet
}

fn v4(from: IpAddr, to: IpAddr, protocol: u8, payload_bytes: usize) -> Vec<u8> {
    let total = u16::try_from(payload_bytes + 20).unwrap_or(u16::MAX).to_be_bytes();
    let begin = |sum: [u8; 2]| {
        let mut header = vec![0x45, 0];
        header.extend(total);
        header.extend([0, 0, 0x40, 0, HOP_LIMIT, protocol]);
        header.extend(sum);
        header.extend(addresses(from, to));
        header
    };
    let sum = checksum(&[&begin([0, 0])]);
    begin(sum.to_be_bytes())
}

fn v6(from: IpAddr, to: IpAddr, protocol: u8, payload_bytes: usize) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend(u16::try_from(payload_bytes).unwrap_or(u16::MAX).to_be_bytes());
    header.extend([protocol, HOP_LIMIT]);
    header.extend(addresses(from, to));
    header
}

fn addresses(from: IpAddr, to: IpAddr) -> Vec<u8> {
    let octets = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    [octets(from), octets(to)].concat()
}

/// The Internet checksum (RFC 1071) over parts of which only the last may have an odd length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        for pair in part.chunks(2) {
            let (high, low) = (pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0));
            sum += u64::from(u16::from_be_bytes([high, low]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, header_bytes: usize) {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let packet = udp(from, to, b"odd");
        assert_eq!(packet.len(), header_bytes + 11, "{from}");
        if header_bytes == 20 {
            assert_eq!(checksum(&[&packet[..20]]), 0, "the header's checksum makes its sum zero");
        }
        let (a, b) = family(from, to);
        let mut pseudo = addresses(a, b);
        pseudo.extend(11_u32.to_be_bytes());
        pseudo.extend([0, 0, 0, PROTOCOL_UDP]);
        assert_eq!(checksum(&[&pseudo, &packet[header_bytes..]]), 0, "{from}: the datagram's checksum");
    }

    #[test]
    fn checksums_are_right() {
        check("192.0.2.1:5060", "192.0.2.2:5060", 20);
        check("[2001:db8::1]:5060", "[2001:db8::2]:5060", 40);
        check("[::ffff:192.0.2.1]:5060", "192.0.2.2:5060", 20);
        check("192.0.2.1:5060", "[2001:db8::2]:5060", 40);
    }

    #[test]
    fn the_example_of_rfc_1071() {
        assert_eq!(checksum(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]), !0xddf2);
    }
}
