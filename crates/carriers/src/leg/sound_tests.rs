//! The sound of both ends of a call, agreed on without any SIP; and who is believed.

use super::*;
use model::leg::LegFact;
use model::sound::MediaFact;
use model::{CallId, IdSource, Timestamp};
use ports::media::{Clip, FinishedRecording};
use std::path::PathBuf;
use std::sync::Mutex;

/// A plane that can do everything and keeps what it was told.
#[derive(Default)]
struct AblePlane {
    told: Mutex<Vec<MediaConnection>>,
}

#[async_trait::async_trait]
impl MediaPlane for AblePlane {
    fn abilities(&self) -> MediaAbilities {
        MediaAbilities { codecs: &Codec::ALL, srtp: true, comfort_noise: true }
    }

    fn open(&self, open: OpenLeg) -> Result<SocketAddr, MediaError> {
        Ok(SocketAddr::new(open.bind, 4_000))
    }

    fn order(&self, _leg: LegId, order: PlaneOrder) -> Result<(), MediaError> {
        if let PlaneOrder::Connect(connection) = order {
            self.told.lock().unwrap().push(connection);
        }
        Ok(())
    }

    fn close(&self, _leg: LegId) {}

    async fn prepare(&self, _content: bytes::Bytes) -> Result<Arc<Clip>, MediaError> {
        Err(MediaError::Busy)
    }

    async fn finish_recording(&self, _: PathBuf, _: PathBuf) -> Result<FinishedRecording, MediaError> {
        Err(MediaError::Busy)
    }
}

struct Deaf;

impl LegSink for Deaf {
    fn leg(&self, _leg: LegId, _fact: LegFact) {}
    fn media(&self, _leg: LegId, _fact: MediaFact) {}
}

/// One end of a call, and the plane that serves it.
fn end(seed: u64, codecs: &[Codec], srtp: SrtpPolicy) -> (LegSound, Arc<AblePlane>) {
    let policy = SoundPolicy {
        codecs: codecs.to_vec(),
        prefer_ours: false,
        silence_limit: None,
        advertised: None,
        telephone_events: true,
        loopback_only: false,
        srtp,
    };
    let plane = Arc::new(AblePlane::default());
    let as_plane: Arc<dyn MediaPlane> = Arc::clone(&plane) as _;
    let leg = LegId::new(CallId::generate(&mut IdSource::new(seed), Timestamp::default()), 0);
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    (LegSound::open(&as_plane, leg, here, here, &policy, Arc::new(Deaf)).unwrap(), plane)
}

/// An exchange by which both are connected; what each side's plane was told last.
fn exchange(
    caller: &mut (LegSound, Arc<AblePlane>),
    callee: &mut (LegSound, Arc<AblePlane>),
    offer: &[u8],
) -> (MediaConnection, MediaConnection) {
    let (body, there) = callee.0.answer(offer).unwrap();
    callee.0.connect(&there).unwrap();
    let here = caller.0.read_answer(&body).unwrap();
    caller.0.connect(&here).unwrap();
    let (line, detail) = caller.0.describe(&here);
    assert!(!format!("{line} {detail}").contains("inline"), "{line} {detail}");
    let last = |plane: &AblePlane| plane.told.lock().unwrap().last().unwrap().clone();
    (last(&caller.1), last(&callee.1))
}

#[test]
fn both_planes_are_told_the_same_codec_and_keys_that_fit() {
    use SrtpPolicy::{Off, Optional, Required};
    let check = |here: &[Codec], there: &[Codec], srtp: (SrtpPolicy, SrtpPolicy), codec, encrypted: bool| {
        let (mut caller, mut callee) = (end(1, here, srtp.0), end(2, there, srtp.1));
        let offer = caller.0.offer();
        let (a, b) = exchange(&mut caller, &mut callee, &offer);
        assert_eq!((a.codec, b.codec), (codec, codec), "{here:?} {there:?}");
        assert_eq!(a.srtp.is_some(), encrypted);
        let mirrored = b.srtp.map(|keys| (keys.receive, keys.send));
        assert_eq!(a.srtp.map(|keys| (keys.send, keys.receive)), mirrored);
        let noise = (codec.rtp_clock_hz() == 8_000).then_some(13);
        assert_eq!((a.comfort_noise_payload_type, b.comfort_noise_payload_type), (noise, noise));
    };
    check(&Codec::ALL, &Codec::ALL, (Off, Off), Codec::Pcmu, false);
    check(&[Codec::Opus, Codec::Pcma], &Codec::ALL, (Off, Optional), Codec::Opus, false);
    check(&[Codec::G722], &[Codec::Pcma, Codec::G722], (Optional, Optional), Codec::G722, true);
    check(&[Codec::Pcmu], &[Codec::Pcmu], (Required, Optional), Codec::Pcmu, true);
    check(&[Codec::Pcmu], &[Codec::Pcmu], (Optional, Off), Codec::Pcmu, false);
}

#[test]
fn a_hold_keeps_keys_codec_and_numbers_and_is_undone() {
    let (mut caller, mut callee) =
        (end(1, &[Codec::Opus], SrtpPolicy::Required), end(2, &Codec::ALL, SrtpPolicy::Required));
    let offer = caller.0.offer();
    let (before, _) = exchange(&mut caller, &mut callee, &offer);
    let offer = callee.0.offer_hold(true);
    let (holding, held) = exchange(&mut callee, &mut caller, &offer);
    assert_eq!((holding.send, holding.receive, held.send, held.receive), (true, false, false, true));
    assert_eq!(held.srtp, before.srtp);
    assert_eq!((held.codec, held.payload_type), (before.codec, before.payload_type));
    let offer = callee.0.offer_hold(false);
    let (_, resumed) = exchange(&mut callee, &mut caller, &offer);
    assert_eq!(resumed, before);
    let version = |body: &[u8]| SessionDescription::parse(body).unwrap().origin.version;
    let offer_again = callee.0.offer();
    assert_eq!(version(&offer_again), version(&offer), "nothing changed");
    assert_eq!(version(&offer), 3, "an answer, a hold, its end");
}

#[test]
fn an_offer_is_judged_before_anybody_is_asked() {
    let check = |lines: &str, srtp: SrtpPolicy, wanted: Result<(), SdpRefusal>| {
        let text = format!("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\n{lines}\r\n");
        assert_eq!(check_offer(text.as_bytes(), &[Codec::Pcmu], srtp), wanted, "{lines}");
    };
    check("c=IN IP4 192.0.2.1\r\nm=audio 9 RTP/AVP 0", SrtpPolicy::Off, Ok(()));
    check("c=IN IP6 2001:db8::1\r\nm=audio 9 RTP/AVP 0", SrtpPolicy::Off, Ok(()));
    check("c=IN IP4 192.0.2.1\r\nm=audio 9 RTP/AVP 0", SrtpPolicy::Required, Err(SdpRefusal::NotEncrypted));
    check("c=IN IP4 192.0.2.1\r\nm=audio 9 RTP/AVP 9", SrtpPolicy::Off, Err(SdpRefusal::NoCommonCodec));
}

#[test]
fn encryption_that_the_plane_cannot_do_is_refused_where_it_is_required() {
    let poor = MediaAbilities { codecs: &[Codec::Pcmu], srtp: false, comfort_noise: false };
    assert_eq!(encryption(SrtpPolicy::Optional, poor), Ok(SrtpPolicy::Off));
    assert_eq!(encryption(SrtpPolicy::Required, poor), Err(MediaError::Unsupported("encryption")));
    assert_eq!(spoken(&[Codec::Opus, Codec::Pcmu], poor.codecs), [Codec::Pcmu]);
}

#[test]
fn a_description_is_believed_unless_its_address_is_of_the_peers_own_network() {
    let check = |described: &str, peer: &str, wanted: LatchPolicy| {
        let got = latch_policy(described.parse().unwrap(), peer.parse().unwrap());
        assert_eq!(got, wanted, "{described} described by {peer}");
    };
    check("203.0.113.9", "203.0.113.9", LatchPolicy::Strict);
    check("198.51.100.1", "203.0.113.9", LatchPolicy::Strict);
    check("127.0.0.1", "127.0.0.1", LatchPolicy::Strict);
    check("10.0.0.7", "10.0.0.7", LatchPolicy::Strict);
    check("2001:db8::1", "203.0.113.9", LatchPolicy::Strict);
    check("0.0.0.0", "203.0.113.9", LatchPolicy::Strict);
    for private in
        ["10.0.0.7", "172.20.1.1", "192.168.1.2", "100.64.0.1", "100.127.255.1", "169.254.1.1", "127.0.0.1"]
    {
        check(private, "203.0.113.9", LatchPolicy::Nat);
    }
    check("192.168.1.2", "192.168.1.3", LatchPolicy::Nat);
    check("fd00::1", "2001:db8::1", LatchPolicy::Nat);
    check("fe80::1", "2001:db8::1", LatchPolicy::Nat);
    check("100.128.0.1", "203.0.113.9", LatchPolicy::Strict);
}
