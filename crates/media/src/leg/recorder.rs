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
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

const TOO_SLOW: &str = "the disk does not keep up with the recording";

/// A recording under way. Dropping it ends it: the spool is closed once everything is written.
pub(crate) struct Recorder {
    recording: RecordingId,
    source: RecordSource,
    tape: Tape,
    /// What is relayed to this leg's far side, for a recording of both sides of a bridge.
    relayed: Option<Box<Hearing>>,
    /// What this leg itself sends in a codec that has a memory.
    said: Option<Box<Decoder>>,
}

/// Where a recording's samples go.
#[derive(Debug)]
pub(crate) enum Tape {
    /// To the writer thread.
    Spool(SpoolTape),
    /// Nowhere; they are counted. A simulation keeps no sound.
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
        Self { recording, source, tape, relayed: None, said: None }
    }

    /// Which recording it is.
    pub(crate) const fn recording(&self) -> RecordingId {
        self.recording
    }

    /// Takes a packet that was relayed to the far side.
    pub(crate) fn put_relayed(&mut self, codec: Codec, packet: &Packet<'_>, now: Timestamp) {
        if self.source != RecordSource::Mixed {
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
    pub(crate) fn tick(&mut self, heard: &Pcm, sent: Option<(Codec, &[u8])>, now: Timestamp) {
        let mut pcm = *heard;
        if self.source == RecordSource::Mixed {
            let mut other: Pcm = [0; NARROW];
            if let Some(hearing) = &mut self.relayed {
                hearing.next(now, &mut other);
                mix_into(&mut pcm, &other);
            }
            if let Some((codec, octets)) = sent {
                other.fill(0);
                self.decode_sent(codec, octets, &mut other);
                mix_into(&mut pcm, &other);
            }
        }
        self.keep(&pcm);
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

    fn keep(&mut self, pcm: &Pcm) {
        match &mut self.tape {
            Tape::Spool(tape) => tape.keep(pcm),
            Tape::Counted(samples) => {
                samples.fetch_add(pcm.len() as u64, Ordering::Relaxed);
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

    fn keep(&mut self, pcm: &Pcm) {
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
