//! Tests of encryption: vectors of others, the way there and back, and what bad packets do not do.

use super::derive::{Label, aes, apply_keystream, derive};
use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn key(suite: SrtpSuite, text: &str) -> SrtpKey {
    SrtpKey::new(suite, &hex(text)).unwrap()
}

/// Two ends that understand each other.
fn pair(suite: SrtpSuite) -> (Srtp, Srtp) {
    let len = SrtpKey::len_of(suite);
    let make = |first: u8| SrtpKey::new(suite, &(first..first + len as u8).collect::<Vec<_>>()).unwrap();
    let (a, b) = (make(1), make(101));
    let keys = SrtpKeys { send: a, receive: b };
    let mirrored = SrtpKeys { send: keys.receive.clone(), receive: keys.send.clone() };
    (Srtp::new(&keys), Srtp::new(&mirrored))
}

fn rtp(sequence: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 160]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn protected(srtp: &mut Srtp, packet: &[u8]) -> Vec<u8> {
    let mut room = packet.to_vec();
    room.resize(packet.len() + RTP_OVERHEAD_MAX, 0);
    let len = srtp.protect(&mut room, packet.len()).unwrap();
    room.truncate(len);
    room
}

fn unprotected(srtp: &mut Srtp, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut room = packet.to_vec();
    let len = srtp.unprotect(&mut room)?;
    room.truncate(len);
    Ok(room)
}

#[test]
fn keystream_and_session_keys_are_those_of_rfc_3711() {
    let mut stream = [0; 32];
    let counter = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
    apply_keystream(&aes(&hex("2B7E151628AED2A6ABF7158809CF4F3C")), counter, &mut stream);
    assert_eq!(stream.to_vec(), hex("E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"));
    let master =
        key(SrtpSuite::AesCm128HmacSha1_80, "E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6");
    assert_eq!(derive::<16>(&master, Label::RtpEncryption).to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derive::<14>(&master, Label::RtpSalt).to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
    let wanted = hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
    assert_eq!(derive::<20>(&master, Label::RtpAuthentication).to_vec(), wanted);
}

#[test]
fn packets_are_those_of_other_implementations() {
    let check = |suite, master: &str, rtp: &str, rtcp: &str| {
        let keys = SrtpKeys { send: key(suite, master), receive: key(suite, master) };
        let mut srtp = Srtp::new(&keys);
        let plain = hex("800f1234decafbadcafebabe abababababababababababababababab");
        assert_eq!(protected(&mut srtp, &plain), hex(rtp), "{suite:?}");
        assert_eq!(unprotected(&mut srtp, &hex(rtp)), Ok(plain));
        let plain = hex("81c8000bcafebabe abababababababababababababababab");
        let mut room = plain.clone();
        room.resize(plain.len() + RTCP_OVERHEAD_MAX, 0);
        let len = srtp.protect_rtcp(&mut room, plain.len()).unwrap();
        assert_eq!(room[..len], hex(rtcp), "{suite:?}");
        let len = srtp.unprotect_rtcp(&mut room[..len]).unwrap();
        assert_eq!(room[..len], plain);
    };
    check(
        SrtpSuite::AesCm128HmacSha1_80,
        "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6",
        "800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb",
        "81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798",
    );
    check(
        SrtpSuite::AeadAes128Gcm,
        "000102030405060708090a0b0c0d0e0f a0a1a2a3a4a5a6a7a8a9aaab",
        "800f1234decafbadcafebabe c5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392",
        "81c8000bcafebabe c98b8b5df0392a55852b6c21ac8e7025c52c6fbea2b3b446ea31123ba88ce61e80000001",
    );
}

#[test]
fn what_one_end_encrypts_the_other_reads_through_wraps_and_disorder() {
    for suite in SrtpSuite::ALL {
        let (mut here, mut there) = pair(suite);
        let sent: Vec<(Vec<u8>, Vec<u8>)> = (0..200_000_u32)
            .step_by(7)
            .map(|n| {
                let plain = rtp((n + 65_000) as u16, 9, &n.to_be_bytes());
                let sealed = protected(&mut here, &plain);
                assert_ne!(sealed[12..16], plain[12..16]);
                (plain, sealed)
            })
            .collect();
        for pair in sent.chunks(2).flat_map(|pair| pair.iter().rev()) {
            assert_eq!(unprotected(&mut there, &pair.1), Ok(pair.0.clone()), "{suite:?}");
            assert_eq!(unprotected(&mut there, &pair.1), Err(SrtpError::Replayed));
        }
        assert_eq!(there.figures(), SrtpFigures { bad: 0, replayed: sent.len() as u64 });
    }
}

#[test]
fn sources_and_extensions_of_a_header_stay_readable() {
    for suite in SrtpSuite::ALL {
        let (mut here, mut there) = pair(suite);
        let mut plain = hex("92 00 0001 000000a0 00000009 0000000a 0000000b bede0001 01020304");
        plain.extend([7; 40]);
        let sealed = protected(&mut here, &plain);
        assert_eq!(sealed[..28], plain[..28]);
        assert_ne!(sealed[28..68], plain[28..68]);
        assert_eq!(unprotected(&mut there, &sealed), Ok(plain));
    }
}

#[test]
fn a_hundred_thousand_bad_packets_change_nothing() {
    for suite in SrtpSuite::ALL {
        let (mut here, mut there) = pair(suite);
        let good: Vec<Vec<u8>> = (0..20_u16)
            .map(|n| protected(&mut here, &rtp(65_530_u16.wrapping_add(n), 9, &[n as u8; 160])))
            .collect();
        assert!(unprotected(&mut there, &good[0]).is_ok());
        let mut noise = 4_711_u64;
        let mut random = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (noise >> 33) as usize
        };
        let mut bad = 0;
        for n in 0..100_000_usize {
            let mut packet = good[1 + n % 19].clone();
            match n % 4 {
                // A bit turned, a packet cut, other numbers, another source.
                0 => {
                    let at = random() % packet.len();
                    packet[at] ^= 1 << (random() % 8);
                }
                1 => packet.truncate(random() % packet.len()),
                2 => packet[2..4].copy_from_slice(&(random() as u16 | 1).to_be_bytes()),
                _ => packet[8..12].copy_from_slice(&(random() as u32 | 0x100).to_be_bytes()),
            }
            if packet != good[1 + n % 19] {
                assert!(unprotected(&mut there, &packet).is_err(), "{suite:?} {n}");
                bad += 1;
            }
            if n % 10 == 0 {
                assert!(there.unprotect_rtcp(&mut packet).is_err());
                bad += 1;
            }
        }
        let figures = there.figures();
        assert_eq!(figures.bad + figures.replayed, bad);
        for packet in &good[1..] {
            assert!(unprotected(&mut there, packet).is_ok(), "{suite:?}");
        }
    }
}

#[test]
fn many_sources_of_a_peer_are_bounded_and_each_begins_anew() {
    let (mut here, mut there) = pair(SrtpSuite::AesCm128HmacSha1_32);
    for ssrc in 0..50 {
        for sequence in [65_535, 0, 1] {
            let plain = rtp(sequence, ssrc, b"sound");
            let sealed = protected(&mut here, &plain);
            assert_eq!(sealed.len(), plain.len() + 4);
            assert_eq!(unprotected(&mut there, &sealed), Ok(plain));
        }
    }
}

/// The number of a report, and what it says.
fn report(from: &mut Srtp, to: &mut Srtp) -> u32 {
    let plain = hex("81c8000bcafebabe abababababababababababababababab");
    let mut room = plain.clone();
    room.resize(plain.len() + RTCP_OVERHEAD_MAX, 0);
    let len = from.protect_rtcp(&mut room, plain.len()).unwrap();
    let index = from.send.rtcp.index_of(&room[..len]).unwrap() & !ENCRYPTED;
    let len = to.unprotect_rtcp(&mut room[..len]).unwrap();
    assert_eq!(room[..len], plain);
    index
}

#[test]
fn a_new_key_of_the_peer_leaves_our_numbers_alone() {
    for suite in SrtpSuite::ALL {
        // A peer that goes on with its numbers under its new key as RFC 3711 wants it, and one that begins anew.
        for begins_anew in [false, true] {
            let (mut here, mut there) = pair(suite);
            for sequence in [65_534, 65_535, 0, 1] {
                let plain = rtp(sequence, 9, b"sound");
                assert_eq!(unprotected(&mut there, &protected(&mut here, &plain)), Ok(plain.clone()));
                assert_eq!(unprotected(&mut here, &protected(&mut there, &plain)), Ok(plain));
            }
            assert_eq!([report(&mut here, &mut there), report(&mut here, &mut there)], [1, 2]);
            let late = protected(&mut there, &rtp(2, 9, b"late"));

            let new = SrtpKey::new(suite, &vec![77; SrtpKey::len_of(suite)]).unwrap();
            here.rekey(&SrtpKeys { receive: new.clone(), ..here.keys().clone() });
            let theirs = SrtpKeys { send: new, ..there.keys().clone() };
            there.rekey(&theirs);
            assert!(unprotected(&mut here, &late).is_err(), "{suite:?}: of the key before");
            for sequence in 2..6 {
                let plain = rtp(sequence, 9, b"sound");
                assert_eq!(unprotected(&mut there, &protected(&mut here, &plain)), Ok(plain), "{suite:?}");
            }
            assert_eq!(report(&mut here, &mut there), 3, "{suite:?}");

            if begins_anew {
                there = Srtp::new(&theirs);
            }
            for sequence in [3, 4, 5] {
                let plain = rtp(sequence, 9, b"sound");
                let sealed = protected(&mut there, &plain);
                assert_eq!(unprotected(&mut here, &sealed), Ok(plain), "{suite:?} {begins_anew}");
                assert_eq!(unprotected(&mut here, &sealed), Err(SrtpError::Replayed));
            }
        }
    }
}

#[test]
fn what_is_no_packet_or_has_no_room_is_refused() {
    for suite in SrtpSuite::ALL {
        let (mut here, mut there) = pair(suite);
        let plain = rtp(1, 9, &[0; 160]);
        assert_eq!(here.protect(&mut plain.clone(), plain.len()), Err(SrtpError::Malformed));
        assert_eq!(here.protect(&mut [0x80; 64], 99), Err(SrtpError::Malformed));
        assert_eq!(here.protect_rtcp(&mut [0x80; 12], 12), Err(SrtpError::Malformed));
        for len in 0..40 {
            assert!(there.unprotect(&mut vec![0x80; len]).is_err());
            assert!(there.unprotect(&mut vec![0x9f; len]).is_err());
            assert!(there.unprotect_rtcp(&mut vec![0x80; len]).is_err());
        }
    }
}

#[test]
fn no_debug_shows_a_key() {
    let (here, _) = pair(SrtpSuite::AesCm128HmacSha1_80);
    let shown = format!("{here:?}");
    assert!(shown.contains("[secret]") && !shown.contains("1, 2, 3"), "{shown}");
}
