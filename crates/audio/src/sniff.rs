//! What bytes are, by their beginning: sound that is read, sound that is not, or something else altogether.
//! Looks at no more than the first few kilobytes; decodes nothing.

/// What a file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// RIFF/WAVE.
    Wav,
    /// MPEG audio layer III, perhaps behind an ID3v2 tag.
    Mp3,
    /// Sound or video in a format that is not read, by name.
    OtherSound(&'static str),
    /// No sound, by name: "an HTML page", "a PNG image", …
    NotSound(&'static str),
    /// Nothing known.
    Unknown,
}

/// How far a first MPEG frame is looked for behind a tag or padding.
const FRAME_SEARCH_BYTES: usize = 8_192;

/// Tells what `bytes` are.
pub fn sniff(bytes: &[u8]) -> Content {
    if let [b'R', b'I', b'F', b'F', _, _, _, _, form @ ..] = bytes {
        return riff(form);
    }
    if bytes.starts_with(b"ID3") {
        return mpeg_frame(after_id3(bytes)).unwrap_or(Content::Mp3);
    }
    if let Some(known) = by_magic(bytes) {
        return known;
    }
    if let Some(mpeg) = mpeg_frame(bytes) {
        return mpeg;
    }
    text(bytes).unwrap_or(Content::Unknown)
}

/// What follows an ID3v2 tag, or all bytes when there is none (ID3v2.4 §3.1; its length has 7 bits a byte).
pub(crate) fn after_id3(bytes: &[u8]) -> &[u8] {
    let [b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] = *bytes else { return bytes };
    let len = [a, b, c, d].iter().fold(0_usize, |len, byte| len << 7 | usize::from(byte & 0x7f));
    let footer = if flags & 0x10 != 0 { 10 } else { 0 };
    bytes.get(10 + len + footer..).unwrap_or_default()
}

fn riff(form: &[u8]) -> Content {
    match form {
        [b'W', b'A', b'V', b'E', ..] => Content::Wav,
        [b'A', b'V', b'I', b' ', ..] => Content::OtherSound("an AVI video"),
        [b'W', b'E', b'B', b'P', ..] => Content::NotSound("a WebP image"),
        _ => Content::Unknown,
    }
}

fn by_magic(bytes: &[u8]) -> Option<Content> {
    use Content::{NotSound, OtherSound};
    const KNOWN: [(usize, &[u8], Content); 24] = [
        (0, b"OggS", OtherSound("Ogg sound")),
        (0, b"fLaC", OtherSound("FLAC sound")),
        (0, b"FORM", OtherSound("AIFF sound")),
        (0, b".snd", OtherSound("AU sound")),
        (0, b"#!AMR", OtherSound("AMR sound")),
        (0, b"MThd", OtherSound("a MIDI file")),
        (0, b"caff", OtherSound("CAF sound")),
        (0, b"RF64", OtherSound("RF64 sound")),
        (0, b"RIFX", OtherSound("big-endian wav sound")),
        (4, b"ftyp", OtherSound("MP4 or M4A sound")),
        (0, b"\x1a\x45\xdf\xa3", OtherSound("WebM or Matroska")),
        (0, b"\x30\x26\xb2\x75", OtherSound("WMA sound")),
        (0, b"\x89PNG", NotSound("a PNG image")),
        (0, b"\xff\xd8\xff", NotSound("a JPEG image")),
        (0, b"GIF8", NotSound("a GIF image")),
        (0, b"%PDF", NotSound("a PDF document")),
        (0, b"PK\x03\x04", NotSound("a ZIP archive")),
        (0, b"\x1f\x8b", NotSound("gzip data")),
        (0, b"BZh", NotSound("bzip2 data")),
        (0, b"\x28\xb5\x2f\xfd", NotSound("zstd data")),
        (0, b"\xfd7zXZ", NotSound("xz data")),
        (0, b"\x7fELF", NotSound("a program")),
        (0, b"MZ", NotSound("a program")),
        (0, b"SQLite format 3", NotSound("a database")),
    ];
    let found =
        KNOWN.iter().find(|(at, magic, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    found.map(|(_, _, content)| *content)
}

/// Finds two frame headers that follow each other, near the beginning.
fn mpeg_frame(bytes: &[u8]) -> Option<Content> {
    let end = bytes.len().min(FRAME_SEARCH_BYTES);
    (0..end).find_map(|at| {
        let frame = bytes.get(at..)?;
        let (content, frame_len) = mpeg_header(frame)?;
        // A file of a single frame has nothing behind it.
        match frame.get(frame_len..) {
            Some([]) => Some(content),
            Some(next) => mpeg_header(next).map(|_| content),
            None => None,
        }
    })
}

/// A header of MPEG audio (ISO 11172-3 §2.4.1.3) with its frame's length in bytes.
fn mpeg_header(bytes: &[u8]) -> Option<(Content, usize)> {
    const KBITS_V1: [u32; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
    const KBITS_V2: [u32; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
    let [0xff, second, third, ..] = *bytes else { return None };
    let (version, layer) = ((second >> 3) & 3, (second >> 1) & 3);
    if second >> 5 != 7 || version == 1 {
        return None;
    }
    let first_version = version == 3;
    let hz = *[44_100_u32, 48_000, 32_000].get(usize::from((third >> 2) & 3))?
        >> [2, 0, 1, 0].get(usize::from(version))?;
    let table = if first_version { KBITS_V1 } else { KBITS_V2 };
    let kbits = *table.get(usize::from(third >> 4)).filter(|kbits| **kbits > 0)?;
    if layer != 1 {
        // Layers I and II are named, not read; their frames' lengths follow other rules. Layer 0 is AAC in ADTS.
        return None;
    }
    let samples = if first_version { 144_000 } else { 72_000 };
    let frame_len = samples * kbits / hz + u32::from((third >> 1) & 1);
    Some((Content::Mp3, frame_len as usize))
}

fn text(bytes: &[u8]) -> Option<Content> {
    let start = bytes.get(..bytes.len().min(1_024)).unwrap_or_default();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let lower = start.to_ascii_lowercase();
    let begins = |prefix: &[u8]| lower.starts_with(prefix);
    if begins(b"<!doctype html") || begins(b"<html") || begins(b"<head") || begins(b"<body") {
        return Some(Content::NotSound("an HTML page"));
    }
    if begins(b"<") {
        return Some(Content::NotSound("XML"));
    }
    if begins(b"{") || begins(b"[") {
        return Some(Content::NotSound("JSON"));
    }
    if begins(b"#extm3u") {
        return Some(Content::NotSound("a playlist"));
    }
    let printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    let is_text =
        !start.is_empty() && start.iter().filter(|byte| printable(byte)).count() * 10 >= start.len() * 9;
    is_text.then_some(Content::NotSound("text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_known_by_its_beginning() {
        let check = |bytes: &[u8], expected: Content| assert_eq!(sniff(bytes), expected, "{bytes:?}");
        check(b"RIFF\x24\x00\x00\x00WAVEfmt ", Content::Wav);
        check(b"RIFF\x24\x00\x00\x00AVI LIST", Content::OtherSound("an AVI video"));
        check(b"RIFF\x24\x00\x00\x00WEBPVP8 ", Content::NotSound("a WebP image"));
        check(b"RIFF", Content::NotSound("text"));
        check(b"OggS\x00\x02", Content::OtherSound("Ogg sound"));
        check(b"\x00\x00\x00\x20ftypM4A ", Content::OtherSound("MP4 or M4A sound"));
        check(b"ID3\x04\x00\x00\x00\x00\x00\x00", Content::Mp3);
        check(b"\x89PNG\r\n\x1a\n", Content::NotSound("a PNG image"));
        check(b"\xff\xd8\xff\xe0\x00\x10JFIF", Content::NotSound("a JPEG image"));
        check(b"<!DOCTYPE HTML><p>404", Content::NotSound("an HTML page"));
        check(b"\xef\xbb\xbf \r\n<html lang=en>", Content::NotSound("an HTML page"));
        check(b"<?xml version='1.0'?><Error/>", Content::NotSound("XML"));
        check(b" {\"error\": \"not found\"}", Content::NotSound("JSON"));
        check(b"Not Found", Content::NotSound("text"));
        check(b"\x00\x01\x02\x03", Content::Unknown);
        check(&[0xff; 400], Content::Unknown);
        check(&[0; 10_000], Content::Unknown);
        check(b"", Content::Unknown);
    }

    #[test]
    fn mpeg_sound_is_known_by_two_frames_even_behind_a_tag() {
        let bare = include_bytes!("../tests/data/tone-stereo-44khz-bare.mp3");
        let tagged = include_bytes!("../tests/data/tone-1000hz-24khz.mp3");
        assert_eq!(sniff(bare), Content::Mp3);
        assert_eq!(sniff(tagged), Content::Mp3);
        assert_eq!(
            sniff(&[&[0; 500], bare.as_slice()].concat()),
            Content::Mp3,
            "padding before the first frame"
        );
        assert_eq!(sniff(&bare[..100]), Content::Unknown, "half a frame is no proof");
        assert!(after_id3(tagged).starts_with(&[0xff]));
        assert_eq!(after_id3(bare), bare);
        assert_eq!(after_id3(b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f"), b"");
    }
}
