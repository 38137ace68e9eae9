//! What goes over the network: SIP datagrams and packets of sound, with what the network and a lying carrier do to them.

use super::line::Line;
use super::{Item, Side, World, after};
use crate::faults::Lie;
use crate::network::Arrivals;
use crate::sound::SoundPacket;
use model::Timestamp;
use std::sync::Arc;

/// A running hash of everything that was sent and when (FNV-1a by words): equal for equal simulations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    const fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }

    fn add(&mut self, at: Timestamp, side: Side, bytes: &[u8]) {
        self.word(at.as_micros() ^ u64::from(side == Side::Ours));
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        self.word(rest.iter().fold(bytes.len() as u64, |word, byte| word << 8 | u64::from(*byte)));
    }

    pub(crate) const fn value(self) -> u64 {
        self.0
    }
}

impl World {
    /// A side sends a SIP message.
    pub(super) fn send(&mut self, from: Side, bytes: &Arc<[u8]>) {
        self.digest.add(self.now, from, bytes);
        let to = from.other();
        if from == Side::Theirs {
            if self.is_withheld(bytes) {
                return;
            }
            self.lie(bytes);
        }
        let Arrivals { first, second } = self.network.send(self.now);
        for at in first.into_iter().chain(second) {
            self.agenda.put(at, Item::Sip { to, bytes: Arc::clone(bytes) });
        }
    }

    /// What a carrier that lies does not send.
    fn is_withheld(&mut self, bytes: &[u8]) -> bool {
        if is_answer(bytes)
            && let Some(line) = self.calls.iter_mut().find(|line| line.loses_answer)
        {
            line.loses_answer = false;
            return true;
        }
        match self.faults.carrier {
            Lie::Silent => true,
            Lie::NeverAcknowledges => bytes.starts_with(b"ACK "),
            Lie::ByeUnanswered => bytes.starts_with(b"SIP/2.0 ") && has_cseq(bytes, b"BYE"),
            _ => false,
        }
    }

    /// What a carrier that lies says beside the truth.
    fn lie(&mut self, bytes: &[u8]) {
        let lie = self.faults.carrier;
        let copy = match lie {
            Lie::AnswersTwice if is_answer(bytes) => Some(bytes.to_vec()),
            Lie::ForkedAnswer if is_answer(bytes) => forked(bytes),
            Lie::RingsAfterAnswer if is_answer(bytes) => {
                let mut ringing = b"SIP/2.0 180 Ringing".to_vec();
                ringing.extend(bytes.iter().skip_while(|byte| **byte != b'\r'));
                Some(ringing)
            }
            Lie::Rubbish => Some(rubbish(bytes, self.dice.bits())),
            _ => None,
        };
        if let Some(copy) = copy {
            let later = 1 + self.dice.below(400);
            self.agenda.put(after(self.now, later), Item::Sip { to: Side::Ours, bytes: copy.into() });
        }
    }

    /// A SIP message arrives.
    pub(super) fn receive(&mut self, to: Side, bytes: &[u8]) {
        let (now, source) = (self.now, to.other().sip());
        self.endpoint(to).handle_datagram(source, bytes, now);
    }

    /// A leg's sound has come to its deadline.
    pub(super) fn tick(&mut self, side: Side, call: usize) {
        let now = self.now;
        let Some(line) = self.touch(call) else { return };
        let sent = match side {
            Side::Ours => line.our_sound.as_mut().and_then(|sound| sound.tick(now)),
            Side::Theirs => line.far.as_mut().and_then(|far| far.sound.tick(now)),
        };
        let Some((remote, packet)) = sent else { return };
        self.packets += 1;
        self.digest.add(now, side, packet.bytes());
        let to = side.other();
        if remote != to.sound(call) {
            let told = format!("sound goes to {remote}, where nobody of this call is");
            return self.violate(call, Err(told));
        }
        for at in self.carry(call) {
            self.agenda.put(at, Item::Sound { to, call, packet });
        }
    }

    /// When a packet of sound that is sent now arrives.
    fn carry(&mut self, call: usize) -> impl Iterator<Item = Timestamp> + use<> {
        let now = self.now;
        let Arrivals { first, second } = self.network.send(now);
        let impairment = self.calls.get_mut(call).and_then(|line: &mut Line| line.impairment.as_mut());
        let spoiled = impairment.map(|network| network.send(now));
        let first = match (first, spoiled) {
            (Some(at), Some(spoiled)) => spoiled.first.map(|late| at + late.since(now)),
            (first, _) => first,
        };
        first.into_iter().chain(second)
    }

    /// A packet of sound arrives.
    pub(super) fn hear(&mut self, to: Side, call: usize, packet: &SoundPacket) {
        let now = self.now;
        let Some(line) = self.touch(call) else { return };
        let sound = match to {
            Side::Ours => line.our_sound.as_mut(),
            Side::Theirs => line.far.as_mut().map(|far| &mut far.sound),
        };
        // Whatever comes to a port that is closed reaches nobody.
        if let Some(sound) = sound {
            sound.packet(packet.bytes(), now);
        }
    }

    /// The call is over, and the carrier goes on pressing keys.
    pub(super) fn keys_after_end(&mut self, call: usize) {
        if self.faults.carrier != Lie::KeysAfterEnd {
            return;
        }
        let Some(line) = self.calls.get_mut(call) else { return };
        if std::mem::replace(&mut line.lied, true) {
            return;
        }
        // Version 2, payload type 101, one SSRC; digit 5, its end.
        let event = [0x80, 0xe5, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 0x8a, 3, 0x20];
        for at_ms in [5, 25, 45, 1_000] {
            let packet = SoundPacket::of(&event);
            self.agenda.put(after(self.now, at_ms), Item::Sound { to: Side::Ours, call, packet });
        }
    }
}

/// A 2xx to an INVITE.
fn is_answer(bytes: &[u8]) -> bool {
    bytes.starts_with(b"SIP/2.0 200") && has_cseq(bytes, b"INVITE")
}

fn has_cseq(bytes: &[u8], method: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let cseq = lines.find(|line| line.starts_with(b"CSeq:"));
    cseq.is_some_and(|line| line.trim_ascii().ends_with(method))
}

/// The same answer from another callee: another tag in To.
fn forked(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let to = text.find("\r\nTo:")?;
    let tag = to + text.get(to..)?.find(";tag=")? + ";tag=".len();
    let (head, rest) = text.split_at_checked(tag)?;
    Some(format!("{head}another-{rest}").into_bytes())
}

/// A message of which some bytes are wrong.
fn rubbish(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut dice = crate::dice::Dice::new(seed);
    let mut copy = bytes.to_vec();
    copy.truncate(usize::try_from(dice.between(1, copy.len() as u64)).unwrap_or(1));
    for byte in &mut copy {
        if dice.one_in(40) {
            *byte = dice.bits().to_be_bytes()[0];
        }
    }
    copy
}
