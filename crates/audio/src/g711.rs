//! G.711 µ-law and A-law by tables built at compile time. Slices in, slices out.

/// One of the two laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// µ-law: payload type 0, PCMU.
    Mu,
    /// A-law: payload type 8, PCMA.
    A,
}

/// The µ-law octet of silence.
pub const MU_SILENCE: u8 = 0xff;
/// The A-law octet of silence.
pub const A_SILENCE: u8 = 0xd5;

impl Law {
    /// The octet of silence.
    pub const fn silence(self) -> u8 {
        match self {
            Self::Mu => MU_SILENCE,
            Self::A => A_SILENCE,
        }
    }
}

/// Encodes samples; the shorter length counts and is returned.
pub fn encode(law: Law, pcm: &[i16], out: &mut [u8]) -> usize {
    match law {
        Law::Mu => map(pcm, out, encode_mu),
        Law::A => map(pcm, out, encode_a),
    }
}

/// Decodes octets; the shorter length counts and is returned.
pub fn decode(law: Law, octets: &[u8], out: &mut [i16]) -> usize {
    let table = match law {
        Law::Mu => &MU_DECODE,
        Law::A => &A_DECODE,
    };
    map(octets, out, |octet| at(table, octet))
}

/// Converts octets from one law to the other in place, without PCM between: each becomes the octet whose
/// interval holds its value.
pub fn transcode_in_place(from: Law, to: Law, octets: &mut [u8]) {
    let table = match (from, to) {
        (Law::Mu, Law::A) => &MU_TO_A,
        (Law::A, Law::Mu) => &A_TO_MU,
        (Law::Mu, Law::Mu) | (Law::A, Law::A) => return,
    };
    for octet in octets {
        *octet = at(table, *octet);
    }
}

fn map<A: Copy, B>(input: &[A], out: &mut [B], convert: impl Fn(A) -> B) -> usize {
    for (to, from) in out.iter_mut().zip(input) {
        *to = convert(*from);
    }
    input.len().min(out.len())
}

#[allow(clippy::indexing_slicing, reason = "an octet is always less than 256")]
fn at<T: Copy>(table: &[T; 256], octet: u8) -> T {
    table[usize::from(octet)]
}

#[allow(clippy::indexing_slicing, reason = "masked to the table's 8192 entries")]
fn encode_mu(sample: i16) -> u8 {
    let code = MU_ENCODE[usize::from(magnitude(sample) >> 2) & 0x1fff];
    if sample < 0 { code & 0x7f } else { code }
}

#[allow(clippy::indexing_slicing, reason = "masked to the table's 2048 entries")]
fn encode_a(sample: i16) -> u8 {
    let code = A_ENCODE[usize::from(magnitude(sample) >> 4) & 0x7ff];
    if sample < 0 { code & 0x7f } else { code }
}

/// One's complement below zero, as the laws are symmetric about −½.
const fn magnitude(sample: i16) -> u16 {
    (if sample < 0 { !sample } else { sample }) as u16
}

/// Octets of positive samples by their upper 13 bits.
static MU_ENCODE: [u8; 8_192] = mu_encode_table();
/// Octets of positive samples by their upper 11 bits.
static A_ENCODE: [u8; 2_048] = a_encode_table();
static MU_DECODE: [i16; 256] = mu_decode_table();
static A_DECODE: [i16; 256] = a_decode_table();
static MU_TO_A: [u8; 256] = transcode_table(&mu_decode_table(), &A_ENCODE, 4);
static A_TO_MU: [u8; 256] = transcode_table(&a_decode_table(), &MU_ENCODE, 2);

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time; a wrong index would not compile")]
const fn mu_encode_table() -> [u8; 8_192] {
    let mut table = [0; 8_192];
    let mut level = 0;
    while level < table.len() {
        // 33 makes every segment begin at a power of two; the last segment ends at 8191.
        let biased = if level + 33 > 8_191 { 8_191 } else { level as u32 + 33 };
        let segment = 31 - biased.leading_zeros() - 5;
        let step = (biased >> (segment + 1)) & 0x0f;
        table[level] = !((segment << 4 | step) as u8);
        level += 1;
    }
    table
}

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time; a wrong index would not compile")]
const fn a_encode_table() -> [u8; 2_048] {
    let mut table = [0; 2_048];
    let mut level = 0;
    while level < table.len() {
        let value = level as u32;
        let code = if value < 32 {
            value
        } else {
            let segment = 31 - value.leading_zeros() - 3;
            segment << 4 | (value >> (segment - 1)) & 0x0f
        };
        table[level] = (code as u8 | 0x80) ^ 0x55;
        level += 1;
    }
    table
}

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time; a wrong index would not compile")]
const fn mu_decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let code = !(octet as u8);
        let segment = (code >> 4) & 0x07;
        let value = (((code & 0x0f) as i32 * 2 + 33) << (segment + 2)) - 132;
        table[octet] = (if code & 0x80 == 0 { value } else { -value }) as i16;
        octet += 1;
    }
    table
}

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time; a wrong index would not compile")]
const fn a_decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let code = (octet as u8) ^ 0x55;
        let segment = (code >> 4) & 0x07;
        let step = (code & 0x0f) as i32;
        let value = if segment == 0 { step * 16 + 8 } else { (step * 16 + 264) << (segment - 1) };
        table[octet] = (if code & 0x80 != 0 { value } else { -value }) as i16;
        octet += 1;
    }
    table
}

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time; a wrong index would not compile")]
const fn transcode_table(decoded: &[i16; 256], encode: &[u8], shift: u32) -> [u8; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let sample = decoded[octet];
        let code = encode[(magnitude(sample) >> shift) as usize];
        table[octet] = if sample < 0 { code & 0x7f } else { code };
        octet += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(law: Law, sample: i16) -> u8 {
        let mut out = [0];
        assert_eq!(encode(law, &[sample], &mut out), 1);
        out[0]
    }

    fn decoded(law: Law, octet: u8) -> i16 {
        let mut out = [0];
        assert_eq!(decode(law, &[octet], &mut out), 1);
        out[0]
    }

    /// Values of the tables in G.711 and of its reference implementation.
    #[test]
    fn known_values() {
        let check = |law, octet, value| assert_eq!(decoded(law, octet), value, "{law:?} {octet:#x}");
        check(Law::Mu, 0xff, 0);
        check(Law::Mu, 0x7f, 0);
        check(Law::Mu, 0x80, 32_124);
        check(Law::Mu, 0x00, -32_124);
        check(Law::Mu, 0xfe, 8);
        check(Law::Mu, 0xef, 132);
        check(Law::Mu, 0x90, 15_996);
        check(Law::A, 0xd5, 8);
        check(Law::A, 0x55, -8);
        check(Law::A, 0xaa, 32_256);
        check(Law::A, 0x2a, -32_256);
        check(Law::A, 0xc5, 264);
        let check = |law, sample, octet| assert_eq!(encoded(law, sample), octet, "{law:?} {sample}");
        check(Law::Mu, 0, 0xff);
        check(Law::Mu, -1, 0x7f);
        check(Law::Mu, i16::MAX, 0x80);
        check(Law::Mu, i16::MIN, 0x00);
        check(Law::A, 0, 0xd5);
        check(Law::A, -1, 0x55);
        check(Law::A, i16::MAX, 0xaa);
        check(Law::A, i16::MIN, 0x2a);
        check(Law::A, 1_000, 0xfa);
    }

    #[test]
    fn every_octet_survives_decoding_and_encoding() {
        for law in [Law::Mu, Law::A] {
            for octet in 0..=255 {
                let expected = if law == Law::Mu && octet == 0x7f { 0xff } else { octet };
                assert_eq!(encoded(law, decoded(law, octet)), expected, "{law:?} {octet:#x}");
            }
        }
    }

    #[test]
    fn every_sample_comes_back_within_half_a_step() {
        for sample in i16::MIN..=i16::MAX {
            for law in [Law::Mu, Law::A] {
                let back = i32::from(decoded(law, encoded(law, sample)));
                let error = (back - i32::from(sample)).abs();
                let allowed = (i32::from(sample).abs() + 132) / 32 + 4;
                let clipped = law == Law::Mu && sample.unsigned_abs() > 32_124;
                assert!(error <= allowed || clipped, "{law:?} {sample} came back as {back}");
            }
        }
    }

    #[test]
    fn both_laws_are_monotonic() {
        for law in [Law::Mu, Law::A] {
            let values: Vec<i16> =
                (i16::MIN..=i16::MAX).map(|sample| decoded(law, encoded(law, sample))).collect();
            assert!(values.is_sorted());
        }
    }

    #[test]
    fn transcoding_is_decoding_and_encoding() {
        for (from, to) in [(Law::Mu, Law::A), (Law::A, Law::Mu), (Law::Mu, Law::Mu)] {
            let mut octets: Vec<u8> = (0..=255).collect();
            transcode_in_place(from, to, &mut octets);
            for (before, after) in (0..=255).zip(octets) {
                let expected = if from == to { before } else { encoded(to, decoded(from, before)) };
                assert_eq!(after, expected, "{from:?} {before:#x}");
            }
        }
    }

    #[test]
    fn the_shorter_slice_counts() {
        let mut out = [7; 3];
        assert_eq!(encode(Law::Mu, &[0, 0], &mut out), 2);
        assert_eq!(out, [0xff, 0xff, 7]);
        assert_eq!(decode(Law::A, &[0xd5; 9], &mut [0; 4]), 4);
    }
}
