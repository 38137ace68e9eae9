//! Where somebody speaks in a long stretch of sound: utterances between pauses, none of them longer than an engine
//! understands well. Pure.

use audio::vad::{Vad, VadConfig};
use std::ops::Range;

/// Samples of a frame at 8 kHz: 20 ms.
const FRAME: usize = 160;
const FRAME_MS: u32 = 20;
/// Frames kept before and after a voice: a detector hears first and last consonants late or not at all.
const MARGIN_FRAMES: usize = 10;
/// A shorter pause does not part two utterances.
const PAUSE_FRAMES: usize = 25;
/// A shorter voice is a click.
const VOICE_FRAMES_MIN: usize = 4;
/// Longest utterance.
const UTTERANCE_FRAMES_MAX: usize = 750;
/// In the last so many frames of what is too long, the quietest is where it is cut.
const CUT_FRAMES: usize = 150;

/// One utterance, in milliseconds from the beginning.
pub(crate) type Span = Range<u32>;

/// The utterances in sound of 8 kHz, in order.
pub(crate) fn find(samples: &[i16]) -> Vec<Span> {
    let mut vad = Vad::new(VadConfig::default());
    let frames: Vec<(bool, f32)> = samples
        .chunks(FRAME)
        .map(|frame| {
            let activity = vad.on_frame(frame);
            (activity.voice, activity.level_dbfs)
        })
        .collect();
    let mut utterances: Vec<Range<usize>> = Vec::new();
    for voice in voices(&frames) {
        match utterances.last_mut() {
            Some(last) if voice.start.saturating_sub(last.end) < PAUSE_FRAMES => last.end = voice.end,
            _ => utterances.push(voice),
        }
    }
    let mut spans = Vec::new();
    for utterance in utterances {
        let mut rest = widened(&utterance, frames.len());
        while rest.len() > UTTERANCE_FRAMES_MAX {
            let cut = quietest(&frames, rest.start + UTTERANCE_FRAMES_MAX);
            spans.push(span(rest.start..cut));
            rest.start = cut;
        }
        spans.push(span(rest));
    }
    spans
}

/// Runs of frames with voice that are no clicks. The detector's own hang-over is part of them.
fn voices(frames: &[(bool, f32)]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, (voice, _)) in frames.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if *voice && run.end == at => run.end = at + 1,
            _ if *voice => runs.push(at..at + 1),
            _ => {}
        }
    }
    let hang_over = VadConfig::default().hangover_frames as usize;
    runs.retain(|run| run.len() >= VOICE_FRAMES_MIN + hang_over);
    runs
}

fn widened(run: &Range<usize>, frames: usize) -> Range<usize> {
    run.start.saturating_sub(MARGIN_FRAMES)..run.end.saturating_add(MARGIN_FRAMES).min(frames)
}

fn quietest(frames: &[(bool, f32)], end: usize) -> usize {
    let from = end.saturating_sub(CUT_FRAMES);
    let window = frames.get(from..end).unwrap_or_default().iter().enumerate();
    window.min_by(|(_, a), (_, b)| a.1.total_cmp(&b.1)).map_or(end, |(at, _)| from + at)
}

fn span(frames: Range<usize>) -> Span {
    let ms = |frame: usize| u32::try_from(frame).unwrap_or(u32::MAX).saturating_mul(FRAME_MS);
    ms(frames.start)..ms(frames.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sound of parts: milliseconds, and whether somebody speaks (a buzz that swells).
    fn sound(parts: &[(usize, bool)]) -> Vec<i16> {
        let mut samples = Vec::new();
        for (ms, voice) in parts {
            samples.extend((0..ms * 8).map(|n| {
                let swell = 0.6 + 0.4 * (n as f32 / 700.0).sin();
                let buzz = if n % 64 < 20 { 6_000.0 } else { -2_700.0 };
                if *voice { (buzz * swell) as i16 } else { 0 }
            }));
        }
        samples
    }

    #[track_caller]
    fn check(parts: &[(usize, bool)], wanted: &[(u32, u32)]) {
        let found = find(&sound(parts));
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for (found, wanted) in found.iter().zip(wanted) {
            let near = |a: u32, b: u32| a.abs_diff(b) <= 60;
            assert!(near(found.start, wanted.0) && near(found.end, wanted.1), "{found:?}, {wanted:?}");
        }
    }

    #[test]
    fn utterances_lie_between_pauses_with_a_margin() {
        check(&[(2_000, false)], &[]);
        check(&[(1_000, false), (500, true), (1_000, false)], &[(820, 1_920)]);
        // Breathing does not part them, a pause does.
        check(&[(600, false), (400, true), (200, false), (400, true), (900, false)], &[(420, 2_020)]);
        check(
            &[(600, false), (400, true), (1_500, false), (400, true), (900, false)],
            &[(420, 1_420), (2_320, 3_320)],
        );
    }

    #[test]
    fn long_speech_is_cut_into_pieces_without_a_gap() {
        let found = find(&sound(&[(300, false), (40_000, true), (900, false)]));
        assert!(found.len() >= 3, "{found:?}");
        for pair in found.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
        }
        assert!(found.iter().all(|span| span.end - span.start <= 15_000), "{found:?}");
    }
}
