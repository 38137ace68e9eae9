//! The tick's side of a recording: samples into a chunk, full chunks to the writer thread. Never waits: a disk that
//! falls behind fails the recording, not the call.

use crate::leg::frame::{NARROW, NARROW_HZ, law_of};
use crate::leg::hearing::{Hearing, Pcm};
use crate::spool::{CHUNK_BYTES, Chunk, SpoolMessage};
use audio::codec::Decoder;
use audio::mix::mix_into;
use model::sound::{Codec, RecordSource};
use model::{RecordingId, Timestamp};
use rtp::Packet;
use rtp::buffer::Mark;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

const TOO_SLOW: &str = "the disk does not keep up with the recording";
/// After a pause nothing is kept until what came during it has left the buffers, and for so many ticks more: the longest
/// packet's sound waits decoded, and what is lost right then is made up of the sound before.
const SETTLING_TICKS: u32 = 6;

/// A recording under way. Dropping it ends it: the spool is closed once everything is written.
pub(crate) struct Recorder {
    recording: RecordingId,
    source: RecordSource,
    tape: Tape,
    keeping: Keeping,
    /// What is relayed to this leg's far side, for a recording of both sides of a bridge.
    relayed: Option<Box<Hearing>>,
    /// What this leg itself sends in a codec that has a memory.
    said: Option<Box<Decoder>>,
}

/// Whether samples are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    /// They are.
    On,
    /// They are not.
    Paused,
    /// It was resumed since the last tick; packets of before may still be on their way here.
    Resumed,
    /// It goes on as soon as nothing of the pause is left in the buffers.
    Settling {
        /// What the far side had sent by then.
        heard: Option<Mark>,
        /// The same of what is relayed under a playback.
        under: Option<Mark>,
        /// Ticks to wait after that.
        ticks: u32,
    },
}

/// The buffers that sound waits in before a recorder gets it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Buffers<'a> {
    /// Of what the far side says.
    pub(crate) heard: Option<&'a Hearing>,
    /// Of what is relayed under a playback.
    pub(crate) under: Option<&'a Hearing>,
}

/// Where a recording's samples go.
#[derive(Debug)]
pub(crate) enum Tape {
    /// To the writer thread.
    Spool(SpoolTape),
    /// Nowhere; those of one channel are counted. A simulation keeps no sound.
    Counted(Arc<AtomicU64>),
}

/// The way to the writer thread.
#[derive(Debug)]
pub(crate) struct SpoolTape {
    spool: u64,
    writer: SyncSender<SpoolMessage>,
    /// Empty chunks come back here.
    spares: Receiver<Box<Chunk>>,
    chunk: Option<Box<Chunk>>,
    failed: bool,
}

impl Recorder {
    /// A recording onto a tape.
    pub(crate) const fn new(recording: RecordingId, source: RecordSource, tape: Tape) -> Self {
        Self { recording, source, tape, keeping: Keeping::On, relayed: None, said: None }
    }

    /// Which recording it is.
    pub(crate) const fn recording(&self) -> RecordingId {
        self.recording
    }

    /// Keeps nothing from now on. What was said before and still waits in a buffer is not kept either.
    pub(crate) fn pause(&mut self) {
        self.keeping = Keeping::Paused;
        self.relayed = None;
        self.said = None;
    }

    /// Goes on with what comes from now on.
    pub(crate) fn resume(&mut self) {
        if self.keeping == Keeping::Paused {
            self.keeping = Keeping::Resumed;
        }
    }

    /// Takes a packet that was relayed to the far side.
    pub(crate) fn put_relayed(&mut self, codec: Codec, packet: &Packet<'_>, now: Timestamp) {
        if self.source == RecordSource::Received || matches!(self.keeping, Keeping::Paused | Keeping::Resumed)
        {
            return;
        }
        self.relayed.take_if(|hearing| hearing.codec() != codec);
        if self.relayed.is_none() {
            self.relayed = Hearing::new(codec, NARROW_HZ).map(Box::new);
        }
        if let Some(hearing) = &mut self.relayed {
            hearing.put(packet, now);
        }
    }

    /// Keeps 20 ms: what was heard, and what this leg itself sent.
    pub(crate) fn tick(
        &mut self,
        heard: &Pcm,
        sent: Option<(Codec, &[u8])>,
        buffers: Buffers<'_>,
        now: Timestamp,
    ) {
        if matches!(self.keeping, Keeping::Paused) {
            return;
        }
        let mut ours: Pcm = [0; NARROW];
        if self.source != RecordSource::Received {
            self.hear_ours(sent, now, &mut ours);
        }
        if !self.has_settled(buffers) {
            return;
        }
        match self.source {
            RecordSource::Received => self.keep(heard),
            RecordSource::Mixed => {
                mix_into(&mut ours, heard);
                self.keep(&ours);
            }
            RecordSource::Stereo => {
                let mut both = [0; NARROW * 2];
                let (frames, _) = both.as_chunks_mut::<2>();
                for ((frame, left), right) in frames.iter_mut().zip(heard).zip(&ours) {
                    *frame = [*left, *right];
                }
                self.keep(&both);
            }
        }
    }

    /// What the far side is sent: relayed, and said by the leg itself.
    fn hear_ours(&mut self, sent: Option<(Codec, &[u8])>, now: Timestamp, ours: &mut Pcm) {
        if let Some(hearing) = &mut self.relayed {
            hearing.next(now, ours);
        }
        if let Some((codec, octets)) = sent {
            let mut said: Pcm = [0; NARROW];
            self.decode_sent(codec, octets, &mut said);
            mix_into(ours, &said);
        }
    }

    /// Whether nothing of a pause can be in this tick's samples.
    fn has_settled(&mut self, buffers: Buffers<'_>) -> bool {
        let mark = |hearing: Option<&Hearing>| hearing.and_then(Hearing::mark);
        let passed = |hearing: Option<&Hearing>, mark: Option<Mark>| match (hearing, mark) {
            (Some(hearing), Some(mark)) => hearing.has_passed(mark),
            _ => true,
        };
        self.keeping = match self.keeping {
            Keeping::Resumed => {
                let (heard, under) = (mark(buffers.heard), mark(buffers.under));
                Keeping::Settling { heard, under, ticks: SETTLING_TICKS }
            }
            Keeping::Settling { ticks: 0, .. } => Keeping::On,
            Keeping::Settling { heard, under, ticks }
                if passed(buffers.heard, heard) && passed(buffers.under, under) =>
            {
                Keeping::Settling { heard, under, ticks: ticks - 1 }
            }
            other => other,
        };
        self.keeping == Keeping::On
    }

    fn decode_sent(&mut self, codec: Codec, octets: &[u8], pcm: &mut Pcm) {
        if let Some(law) = law_of(codec) {
            audio::g711::decode(law, octets, pcm);
            return;
        }
        self.said.take_if(|decoder| decoder.codec() != codec);
        if self.said.is_none() {
            self.said = Decoder::new(codec, NARROW_HZ).ok().map(Box::new);
        }
        if let Some(decoder) = &mut self.said {
            // A resampler may give a sample more than 20 ms have.
            let mut room = [0; NARROW * 2];
            let _ = decoder.decode(octets, &mut room);
            pcm.copy_from_slice(room.split_at(NARROW).0);
        }
    }

    /// Keeps samples, those of all channels in turn.
    fn keep(&mut self, pcm: &[i16]) {
        match &mut self.tape {
            Tape::Spool(tape) => tape.keep(pcm),
            Tape::Counted(samples) => {
                samples.fetch_add(NARROW as u64, Ordering::Relaxed);
            }
        }
    }
}

impl SpoolTape {
    /// A tape whose spool the writer knows as `spool`; empty chunks come from `spares`.
    pub(crate) const fn new(
        spool: u64,
        writer: SyncSender<SpoolMessage>,
        spares: Receiver<Box<Chunk>>,
    ) -> Self {
        Self { spool, writer, spares, chunk: None, failed: false }
    }

    fn keep(&mut self, pcm: &[i16]) {
        if self.failed {
            return;
        }
        let chunk = self.chunk.take().or_else(|| self.spares.try_recv().ok());
        let Some(mut chunk) = chunk else {
            self.fail();
            return;
        };
        chunk.push(pcm);
        if chunk.len() < CHUNK_BYTES {
            self.chunk = Some(chunk);
        } else if self.writer.try_send(SpoolMessage::Data { spool: self.spool, chunk }).is_err() {
            self.fail();
        }
    }

    fn fail(&mut self) {
        self.failed = true;
        self.end(Some(TOO_SLOW));
    }

    fn end(&self, failure: Option<&'static str>) {
        // The writer's queue has room for the end of every recording that may exist.
        let _ = self.writer.try_send(SpoolMessage::End { spool: self.spool, failure });
    }
}

impl Drop for SpoolTape {
    fn drop(&mut self) {
        if self.failed {
            return;
        }
        if let Some(chunk) = self.chunk.take() {
            let _ = self.writer.try_send(SpoolMessage::Data { spool: self.spool, chunk });
        }
        self.end(None);
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
