//! What holds for any bytes that reach the media ports: no panic, nothing read beyond the datagram. One function a fuzz
//! target; the tests run them over the corpora too.

use model::Timestamp;
use rtp::event::EventPayload;
use rtp::packet::classify;
use rtp::rtcp::{Compound, Item, NtpTime, round_trip};
use rtp::{Packet, Reception};
use std::time::Duration;

/// Packets, each after its length in two bytes, as one stream receives them.
pub(crate) fn rtp(data: &[u8]) {
    let mut reception = Reception::new(8_000);
    let mut now = Timestamp::from_millis(1_000_000);
    let mut rest = data;
    while let Some(([high, low], after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (datagram, after) = after.split_at(length);
        rest = after;
        now = now + Duration::from_millis(20);
        let _ = classify(datagram);
        let Ok(packet) = Packet::parse(datagram) else { continue };
        assert!(packet.payload.len() <= datagram.len());
        let _ = EventPayload::parse(packet.payload);
        let _ = reception.on_packet(&packet, now);
    }
}

/// A compound whose framing was accepted is read to its end.
pub(crate) fn rtcp(data: &[u8]) {
    let Ok(compound) = Compound::parse(data) else { return };
    let now = NtpTime::from_timestamp(Timestamp::from_millis(1_777_000_000_000));
    let mut items = 0;
    for item in compound {
        items += 1;
        let blocks = match item {
            Item::SenderReport { blocks, .. } | Item::ReceiverReport { blocks, .. } => blocks,
            _ => continue,
        };
        for block in blocks {
            let _ = round_trip(&block, now);
        }
    }
    assert!(items > 0 && items <= data.len());
}
