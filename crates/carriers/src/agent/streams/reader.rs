//! What is read of one connection: bytes become messages, signs of life are answered, and whoever says nothing for too
//! long, or nothing but signs of life, is left. Knows neither sockets nor what a message says.

use super::StreamLimits;
use super::link::{LinkId, News};
use sip::stream::{Frame, Framer, PONG};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// Bytes read at once.
const READ_BYTES: usize = 8_192;
/// How often a sign of life is answered; those between are passed over.
const PING_EACH: Duration = Duration::from_secs(1);
/// Signs of life passed over between two answered ones; with one more the connection is closed.
const PINGS_EXCESS_MAX: u32 = 64;

pub(super) struct Reader<'a> {
    pub(super) id: LinkId,
    pub(super) limits: StreamLimits,
    pub(super) queue_end: mpsc::WeakSender<Arc<[u8]>>,
    pub(super) news: &'a mpsc::Sender<(LinkId, News)>,
    /// Whether the peer is one we know.
    pub(super) known: &'a AtomicBool,
}

/// Signs of life of one connection.
#[derive(Default)]
struct Pings {
    answered_at: Option<Instant>,
    excess: u32,
}

/// What became of what was whole.
#[derive(Clone, Copy, Default)]
struct Drained {
    message: bool,
    ping: bool,
}

impl Reader<'_> {
    /// Reads until nothing more can come; why.
    pub(super) async fn run<S: AsyncRead>(&self, from: tokio::io::ReadHalf<S>, ours: bool) -> String {
        let mut from = from;
        let (mut framer, mut pings) = (Framer::default(), Pings::default());
        let mut bytes = vec![0; READ_BYTES];
        let mut heard = ours;
        let mut since = Instant::now();
        loop {
            let pending = framer.pending_bytes() > 0;
            let until = since + self.patience(heard, pending);
            let read = match timeout_at(until, from.read(&mut bytes)).await {
                // The peer may have become one we know meanwhile.
                Err(_) if since + self.patience(heard, pending) > until => continue,
                Err(_) => return "nothing came for too long".to_owned(),
                Ok(Err(error)) => return error.to_string(),
                Ok(Ok(0)) => return "the peer closed it".to_owned(),
                Ok(Ok(length)) => bytes.get(..length).unwrap_or_default(),
            };
            framer.push(read);
            let drained = match self.drain(&mut framer, &mut pings).await {
                Err(why) => return why.to_owned(),
                Ok(drained) => drained,
            };
            heard |= drained.message;
            let begins = !pending && framer.pending_bytes() > 0;
            let lives = drained.ping && self.is_known();
            if drained.message || (heard && (begins || lives)) {
                since = Instant::now();
            }
        }
    }

    /// How long the peer may take for what it owes now.
    fn patience(&self, heard: bool, pending: bool) -> Duration {
        match (heard, pending) {
            (false, _) => self.limits.first_message,
            (true, true) => self.limits.whole_message,
            (true, false) if self.is_known() => self.limits.idle,
            (true, false) => self.limits.idle_stranger,
        }
    }

    fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    /// Hands over what is whole.
    async fn drain(&self, framer: &mut Framer, pings: &mut Pings) -> Result<Drained, &'static str> {
        const GONE: &str = "nobody listens any more";
        let mut drained = Drained::default();
        while let Some(frame) = framer.next_frame() {
            let news = match frame {
                Frame::Message(message) => News::Message(message.to_vec()),
                Frame::Ping => {
                    drained.ping |= self.answer(pings)?;
                    continue;
                }
                Frame::Fault(fault, head) => {
                    let fault = News::Fault(fault, head.to_vec());
                    self.news.send((self.id, fault)).await.map_err(|_| GONE)?;
                    return Err("what came is no SIP that can be followed");
                }
            };
            drained.message = true;
            self.news.send((self.id, news)).await.map_err(|_| GONE)?;
        }
        Ok(drained)
    }

    /// Answers a sign of life, if one is due.
    fn answer(&self, pings: &mut Pings) -> Result<bool, &'static str> {
        let now = Instant::now();
        if pings.answered_at.is_some_and(|at| now.duration_since(at) < PING_EACH) {
            pings.excess += 1;
            let too_many = pings.excess > PINGS_EXCESS_MAX;
            return if too_many { Err("the peer sends nothing but signs of life") } else { Ok(false) };
        }
        *pings = Pings { answered_at: Some(now), excess: 0 };
        // A peer that does not read its pongs gets none.
        if let Some(queue) = self.queue_end.upgrade() {
            let _ = queue.try_send(Arc::from(PONG));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    const MESSAGE: &str = "BYE sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n";
    const LONG: Duration = Duration::from_secs(3_600);
    const SHORT: Duration = Duration::from_millis(50);

    fn lasting() -> StreamLimits {
        StreamLimits { first_message: LONG, idle: LONG, idle_stranger: LONG, ..StreamLimits::default() }
    }

    /// Why a connection of a peer that says this is over, what it told, and how many pongs there were.
    async fn check(said: &str, limits: StreamLimits, known: bool, why: &str, told: usize, pongs: usize) {
        let (peer, ours) = tokio::io::duplex(65_536);
        let (news, mut heard) = mpsc::channel(64);
        let (queue, mut waiting) = mpsc::channel(64);
        let (mut peer, known) = (peer, AtomicBool::new(known));
        peer.write_all(said.as_bytes()).await.unwrap();
        let reader =
            Reader { id: LinkId(1), limits, queue_end: queue.downgrade(), news: &news, known: &known };
        let run = reader.run(tokio::io::split(ours).0, false);
        let end = tokio::time::timeout(Duration::from_secs(20), run).await.unwrap();
        let counts = |left: &mut dyn FnMut() -> bool| std::iter::from_fn(|| left().then_some(())).count();
        assert_eq!(end, why, "{said:?}");
        assert_eq!(counts(&mut || heard.try_recv().is_ok()), told, "{said:?}");
        assert_eq!(counts(&mut || waiting.try_recv().is_ok()), pongs, "{said:?}");
    }

    #[tokio::test]
    async fn who_says_nothing_but_signs_of_life_is_left() {
        let (silent, talkative) = ("nothing came for too long", "the peer sends nothing but signs of life");
        let pings = |count| "\r\n\r\n".repeat(count);
        let first = StreamLimits { first_message: SHORT, ..lasting() };
        check(&pings(3), first, true, silent, 0, 1).await;
        let stranger = StreamLimits { idle_stranger: SHORT, ..lasting() };
        check(&format!("{MESSAGE}{}", pings(3)), stranger, false, silent, 1, 1).await;
        let known = StreamLimits { idle: SHORT, ..lasting() };
        check(&format!("{MESSAGE}{MESSAGE}"), known, true, silent, 2, 0).await;
        check(&format!("{MESSAGE}{}", pings(100)), lasting(), true, talkative, 1, 1).await;
    }

    #[tokio::test]
    async fn a_stranger_that_became_known_has_the_patience_of_one() {
        let limits = StreamLimits { idle_stranger: SHORT, ..lasting() };
        let (mut peer, ours) = tokio::io::duplex(65_536);
        let (news, mut heard) = mpsc::channel(64);
        let (queue, _waiting) = mpsc::channel(64);
        let known = AtomicBool::new(false);
        peer.write_all(MESSAGE.as_bytes()).await.unwrap();
        let reader =
            Reader { id: LinkId(1), limits, queue_end: queue.downgrade(), news: &news, known: &known };
        let speaking = async {
            heard.recv().await.unwrap();
            known.store(true, Ordering::Relaxed);
            // Longer than a stranger may be silent; the connection stands.
            tokio::time::sleep(3 * SHORT).await;
            peer.write_all(MESSAGE.as_bytes()).await.unwrap();
            heard.recv().await.unwrap();
            drop(peer);
        };
        let (why, ()) = tokio::join!(reader.run(tokio::io::split(ours).0, false), speaking);
        assert_eq!(why, "the peer closed it");
    }
}
