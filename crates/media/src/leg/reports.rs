//! RTCP of one leg (RFC 3550 §6): our reports at random intervals, the far side's for the round trip, a BYE at the
//! end. Writes into buffers and reads from them; sends nothing itself.

use crate::random::Dice;
use model::Timestamp;
use rtp::rtcp::{Compound, Item, NtpTime, Outgoing, round_trip, write_compound};
use rtp::{Reception, Sender};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Room for a report, a name and a BYE.
pub(crate) const REPORT_MAX: usize = 160;

/// The reports of one leg.
#[derive(Debug)]
pub(crate) struct Reports {
    interval: Duration,
    next_at: Timestamp,
    dice: Dice,
    /// Says nothing of who or where (RFC 7022).
    cname: String,
    /// Where reports go that do not go with the sound.
    target: Option<SocketAddr>,
    round_trip: Option<Duration>,
    /// The highest number of ours that the far side has said to have, when it said a new one, and how many packets
    /// were sent by then.
    reached: Option<(u32, Timestamp, u64)>,
    /// When the far side last reported.
    told_at: Timestamp,
}

/// By so many packets sent, and for so long, nothing of ours has arrived: sound goes one way.
const UNREACHED_PACKETS: u64 = 200;
const UNREACHED: Duration = Duration::from_secs(8);

impl Reports {
    /// Reports each `interval` on average.
    pub(crate) fn new(interval: Duration, mut dice: Dice) -> Self {
        let cname = format!("{:016x}", dice.next_u64());
        Self {
            interval,
            next_at: Timestamp::default(),
            dice,
            cname,
            target: None,
            round_trip: None,
            reached: None,
            told_at: Timestamp::default(),
        }
    }

    /// The far side takes reports at `target` from now on, or with the sound.
    pub(crate) fn agree(&mut self, target: Option<SocketAddr>, now: Timestamp) {
        self.target = target;
        self.schedule(now);
    }

    /// Where reports go that do not go with the sound.
    pub(crate) const fn target(&self) -> Option<SocketAddr> {
        self.target
    }

    /// Time to the far side and back, if it is known.
    pub(crate) const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// For how long the far side has reported and, by what it says, nothing of ours has reached it, although `sent`
    /// packets are sent by now.
    pub(crate) fn unreached(&self, sent: u64, now: Timestamp) -> Option<Duration> {
        let (_, since, sent_then) = self.reached?;
        let span = self.told_at - since;
        let told = span >= UNREACHED && now - self.told_at < UNREACHED * 2;
        (told && sent.saturating_sub(sent_then) >= UNREACHED_PACKETS).then_some(span)
    }

    /// Whether a report is due; the next one is half to one and a half intervals away (§6.2).
    pub(crate) fn is_due(&mut self, now: Timestamp) -> bool {
        let due = now >= self.next_at;
        if due {
            self.schedule(now);
        }
        due
    }

    /// Writes a report; returns its length.
    pub(crate) fn write(
        &self,
        stream: &Sender,
        reception: &mut Reception,
        bye: bool,
        now: Timestamp,
        out: &mut [u8],
    ) -> usize {
        let block = reception.report(now);
        let outgoing = Outgoing {
            ssrc: stream.ssrc(),
            sender: stream.sender_info(now),
            blocks: block.as_slice(),
            cname: &self.cname,
            bye,
        };
        write_compound(out, &outgoing).unwrap_or(0)
    }

    /// Whether a report may be the far side's: from where its sound comes, or where it takes reports.
    pub(crate) fn believes(&self, source: SocketAddr, sound_from: IpAddr) -> bool {
        let ip = source.ip().to_canonical();
        ip == sound_from.to_canonical() || self.target.is_some_and(|target| target.ip().to_canonical() == ip)
    }

    /// Reads the far side's report; false when it is none. `stream` is our source and how many packets it has sent;
    /// `repoint` says that ours may follow it to where it came
    /// from.
    pub(crate) fn read(
        &mut self,
        datagram: &[u8],
        (our_ssrc, sent): (u32, u64),
        reception: &mut Reception,
        repoint: Option<SocketAddr>,
        now: Timestamp,
    ) -> bool {
        let Ok(compound) = Compound::parse(datagram) else { return false };
        if self.target.is_some() && repoint.is_some() {
            self.target = repoint;
        }
        self.told_at = now;
        for item in compound {
            let blocks = match item {
                Item::SenderReport { ssrc, info, blocks } => {
                    reception.on_sender_report(ssrc, info.ntp, now);
                    blocks
                }
                Item::ReceiverReport { blocks, .. } => blocks,
                Item::Cname { .. } | Item::Bye { .. } | Item::Other { .. } => continue,
            };
            let ours = blocks.into_iter().find(|block| block.ssrc == our_ssrc);
            self.note_reached(ours.map_or(0, |block| block.highest_sequence), sent, now);
            let measured = ours.and_then(|block| round_trip(&block, NtpTime::from_timestamp(now)));
            self.round_trip = measured.or(self.round_trip);
        }
        true
    }

    fn note_reached(&mut self, highest: u32, sent: u64, now: Timestamp) {
        if self.reached.is_none_or(|(before, ..)| before != highest) {
            self.reached = Some((highest, now, sent));
        }
    }

    fn schedule(&mut self, now: Timestamp) {
        let interval_us = u64::try_from(self.interval.as_micros()).unwrap_or(u64::MAX);
        let spread = Duration::from_micros(self.dice.below(interval_us));
        self.next_at = now + self.interval / 2 + spread;
    }
}
