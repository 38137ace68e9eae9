//! Tones on a line: each is followed from its beginning to its end, then told apart: a beep (one tone, or two at once
//! or in turn), a fax machine (ITU-T T.30: CNG 1,100 Hz, CED 2,100 Hz), or something else: keys (Q.23), tones of the
//! network (E.180), music.

use super::spectrum::Step;
use crate::tone::{DTMF_HIGH_HZ, DTMF_LOW_HZ};
use model::amd::AmdBeep;

const MARK_MS: u32 = super::history::MARK_MS;
/// Part of the power that a tone has, alone or two together.
const SHARE_MIN: f32 = 0.72;
/// Part that each of two has at least.
const SECOND_SHARE_MIN: f32 = 0.12;
/// What is lower is hum, or a voice's pitch.
const TONE_HZ_MIN: f32 = 300.0;
/// A tone is no fainter.
const LEVEL_MIN_DBFS: f32 = -50.0;
/// A frequency that strays further is another tone.
const STRAY: f32 = 0.02;
const STRAY_MIN_HZ: f32 = 12.0;
/// A tone is as loud all the time, within so much.
const SWELL_DB: f32 = 4.0;
/// How far the frequency of a beep may waver.
const WAVER: f32 = 0.008;
const WAVER_MIN_HZ: f32 = 7.0;
/// How far a beep of so many marks may fall off.
const SLOPE_MARKS: u32 = 14;
/// Marks at either end in which the window is half outside.
const EDGE_MARKS: u32 = 6;
const FALL_DB: f32 = 2.5;
/// Lost packets may leave so long a hole in a tone.
const HOLE_MARKS: u32 = 7;
/// Tones with less silence between them belong together.
const TOGETHER_MS: u32 = 230;
/// Levels that are kept: as many as pass until a tone is judged.
const LEVELS: usize = 32;
/// What the window adds to a tone's length by reaching over its ends.
const SMEAR_MS: u32 = 10;
/// Shorter ones are moments of a vowel.
const TONE_MS_MIN: u32 = 70;
/// A vowel may be taken for a tone for so long.
const VOWEL_MS: u32 = 160;
const FAINTER_DB: f32 = 12.0;
/// Lengths of a beep, as measured.
const BEEP_MS: (u32, u32) = (105, 1_300);
/// How much less pure than the line allows a short tone may be.
const IMPURE: f32 = 0.1;
/// The marks before and after a tone in which the line is quiet, but for the window's reach; and by how much.
const AROUND: (u32, u32) = (4, 9);
const QUIET_DB: f32 = 6.0;
/// No voice holds a tone for so long: it may stand in louder talk.
const LONG_MS: u32 = 300;
const QUIET_LONG_DB: f32 = 2.0;
/// Frequencies of a beep.
const BEEP_HZ: (f32, f32) = (380.0, 2_060.0);
/// Tones of the network that a line gives before anybody speaks: dial, ringing, busy (E.180).
const NETWORK_HZ: (f32, f32) = (330.0, 500.0);
/// Pairs of the network that are never a beep (North America's dial, busy).
const NETWORK_PAIRS: [(f32, f32); 2] = [(350.0, 440.0), (480.0, 620.0)];
/// Special information tones (E.180): three in a row.
const SPECIAL_HZ: [f32; 5] = [913.8, 985.2, 1_370.6, 1_428.5, 1_776.7];
/// They follow each other without a pause.
const AT_ONCE_MS: u32 = 60;
/// So long a tone of 2,100 Hz is a fax machine's or a modem's.
const CED_MS: u32 = 700;
const CED_HZ: (f32, f32) = (2_070.0, 2_130.0);
const CNG_HZ: (f32, f32) = (1_060.0, 1_140.0);
const CNG_MS: (u32, u32) = (420, 580);
/// From one CNG to the next.
const CNG_EVERY_MS: (u32, u32) = (3_200, 3_900);

/// What a tone was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Tone {
    /// A beep.
    Beep(AmdBeep),
    /// A fax machine.
    Fax,
}

/// A tone being followed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sounding {
    hz: [f32; 2],
    start: u32,
    last: u32,
    marks: u32,
    level: f32,
    /// Marks that were much fainter than the loudest.
    faint: u32,
    /// Level before it.
    before: f32,
    /// Sum of its part of the power in each mark.
    share: f32,
    /// Marks at another frequency than the one it settled on.
    astray: u32,
    /// Sums of level, of level by mark, of marks, of their squares: for its slope.
    slope: [f32; 4],
    /// How many they are.
    settled: u32,
    /// The last levels, which may be those of its end.
    fresh: [f32; 3],
}

/// Tones that belong together.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Group {
    first: Sounding,
    count: u32,
    second: Option<Sounding>,
    /// End of the last one.
    end: u32,
    /// Whether anything in it is no part of a beep.
    spoilt: bool,
}

/// Follows tones.
#[derive(Debug, Clone)]
pub(super) struct Tones {
    at: u32,
    sounding: Option<Sounding>,
    group: Option<Group>,
    /// The last levels, the newest last.
    levels: [f32; LEVELS],
    /// When the last CNG began.
    cng_ms: Option<u32>,
    fax: bool,
}

impl Default for Tones {
    fn default() -> Self {
        Self { at: 0, sounding: None, group: None, levels: [-96.0; LEVELS], cng_ms: None, fax: false }
    }
}

impl Tones {
    /// Listens to ten milliseconds. `voice`: somebody has spoken before. `quiet_dbfs`: what is fainter is noise.
    pub(super) fn step(&mut self, step: &Step, voice: bool, quiet_dbfs: f32) -> Option<Tone> {
        let at = self.at;
        self.at += 1;
        self.levels.rotate_left(1);
        let [.., newest] = &mut self.levels;
        *newest = step.level_dbfs;
        let heard = if step.level_dbfs > quiet_dbfs.max(LEVEL_MIN_DBFS) { tone_of(step) } else { None };
        let before = self.loudest(AROUND.0, AROUND.1);
        match (&mut self.sounding, heard) {
            (Some(sounding), Some(hz)) if sounding.is(hz) => {
                sounding.go_on(at, hz, step.level_dbfs, share_of(step, hz))
            }
            (Some(sounding), _) if at - sounding.last > HOLE_MARKS || heard.is_some() => {
                let over = *sounding;
                self.sounding = heard.map(|hz| Sounding::begin(at, hz, step.level_dbfs, before));
                self.end(over);
            }
            (None, Some(hz)) => self.sounding = Some(Sounding::begin(at, hz, step.level_dbfs, before)),
            _ => {}
        }
        if self.is_fax() {
            return Some(Tone::Fax);
        }
        self.judge(at, voice)
    }

    /// Whether a tone sounds now, or was heard so lately that it may be a beep.
    pub(super) fn is_sounding(&self) -> bool {
        let may_be = |sounding: Sounding| sounding.marks > 3 && sounding.length_ms() <= BEEP_MS.1;
        self.group.is_some() || self.sounding.is_some_and(may_be)
    }

    /// A tone is over.
    fn end(&mut self, over: Sounding) {
        if over.length_ms() < TONE_MS_MIN {
            return;
        }
        self.watch_cng(&over);
        let spoilt = over.is_unsteady() || !over.is_pure() || over.length_ms() < BEEP_MS.0;
        match &mut self.group {
            Some(group) if group.is_nothing_to(&over) => *group = Group::begin(over, spoilt),
            Some(group) if (over.start.saturating_sub(group.end)) * MARK_MS < TOGETHER_MS => {
                group.count += 1;
                group.second = group.second.or(Some(over));
                group.end = over.last;
                group.spoilt |= spoilt;
            }
            _ => {
                self.group = Some(Group::begin(over, spoilt));
            }
        }
    }

    /// Once nothing more can belong to them, tones are told apart.
    fn judge(&mut self, at: u32, voice: bool) -> Option<Tone> {
        let group = self.group.filter(|group| at.saturating_sub(group.end) * MARK_MS >= TOGETHER_MS)?;
        if self
            .sounding
            .is_some_and(|sounding| (sounding.start.saturating_sub(group.end)) * MARK_MS < TOGETHER_MS)
        {
            return None;
        }
        self.group = None;
        let ago = at.saturating_sub(group.end);
        let after = self.loudest(ago.saturating_sub(AROUND.1), ago.saturating_sub(AROUND.0));
        let quiet_db = if group.first.length_ms() >= LONG_MS { QUIET_LONG_DB } else { QUIET_DB };
        let quiet = group.first.before.max(after) <= group.level() - quiet_db;
        group.beep(voice).filter(|_| quiet).map(Tone::Beep)
    }

    /// The greatest level of some marks, counted back from the newest.
    fn loudest(&self, from: u32, to: u32) -> f32 {
        let marks = self.levels.iter().rev().skip(from as usize).take((to - from) as usize);
        marks.copied().fold(-96.0, f32::max)
    }

    fn watch_cng(&mut self, over: &Sounding) {
        let is_cng = over.is_within(CNG_HZ) && (CNG_MS.0..=CNG_MS.1).contains(&over.length_ms());
        if !is_cng {
            return;
        }
        let start_ms = over.start * MARK_MS;
        let every = |before: u32| (CNG_EVERY_MS.0..=CNG_EVERY_MS.1).contains(&(start_ms - before));
        self.fax |= self.cng_ms.is_some_and(every);
        self.cng_ms = Some(start_ms);
    }

    fn is_fax(&mut self) -> bool {
        let ced = self
            .sounding
            .is_some_and(|sounding| sounding.is_within(CED_HZ) && sounding.length_ms() >= CED_MS);
        std::mem::take(&mut self.fax) || ced
    }
}

impl Sounding {
    const fn begin(at: u32, hz: [f32; 2], level: f32, before: f32) -> Self {
        Self {
            hz,
            start: at,
            last: at,
            marks: 1,
            level,
            faint: 0,
            before,
            share: 0.0,
            astray: 0,
            slope: [0.0; 4],
            settled: 0,
            fresh: [level; 3],
        }
    }

    fn is(&self, hz: [f32; 2]) -> bool {
        self.hz.iter().zip(hz).all(|(mine, other)| (mine - other).abs() <= (mine * STRAY).max(STRAY_MIN_HZ))
    }

    fn go_on(&mut self, at: u32, hz: [f32; 2], level: f32, share: f32) {
        self.last = at;
        self.marks += 1;
        self.share += share;
        // The first marks are those of a window that is half outside.
        if self.marks <= 5 {
            self.hz = hz;
        }
        self.level = self.level.max(level);
        self.faint += u32::from(level < self.level - SWELL_DB);
        let strays = self
            .hz
            .iter()
            .zip(hz)
            .any(|(mine, other)| (mine - other).abs() > (mine * WAVER).max(WAVER_MIN_HZ));
        self.astray += u32::from(strays);
        let [oldest, ..] = self.fresh;
        self.fresh.rotate_left(1);
        let [.., newest] = &mut self.fresh;
        *newest = level;
        if self.marks > EDGE_MARKS && oldest >= self.level - SWELL_DB {
            self.settled += 1;
            let mark = self.marks as f32;
            for (sum, more) in self.slope.iter_mut().zip([oldest, oldest * mark, mark, mark * mark]) {
                *sum += more;
            }
        }
    }

    /// A note fades and a vowel glides; a beep does neither.
    fn is_unsteady(&self) -> bool {
        let fades = self.faint > 4 && self.faint * 2 > self.marks;
        let wavers = self.astray * 4 > self.marks;
        let holed = self.marks * 3 < (self.last - self.start + 1) * 2;
        fades || wavers || holed || (self.marks > SLOPE_MARKS && self.fall_db() > FALL_DB)
    }

    /// By how much it fell from its beginning to its end, but for its last marks.
    fn fall_db(&self) -> f32 {
        let [level, by_mark, marks, squares] = self.slope;
        let count = self.settled.max(1) as f32;
        let spread = count * squares - marks * marks;
        if spread <= 0.0 { 0.0 } else { -(count * by_mark - level * marks) / spread * count }
    }

    const fn length_ms(&self) -> u32 {
        (self.last - self.start) * MARK_MS + SMEAR_MS
    }

    /// Whether it is as pure as the line's noise lets a tone be. A vowel is not.
    fn is_pure(&self) -> bool {
        let noise = 10.0_f32.powf((self.before - self.level).min(0.0) / 10.0);
        let mean = self.share / (self.marks.saturating_sub(1)).max(1) as f32;
        self.length_ms() >= LONG_MS || mean >= (1.0 - noise) - IMPURE
    }

    fn is_within(&self, (low, high): (f32, f32)) -> bool {
        let [first, second] = self.hz;
        second == 0.0 && (low..=high).contains(&first)
    }

    /// Whether it could be a beep, alone.
    fn is_plain(&self, voice: bool) -> bool {
        let [first, second] = self.hz;
        let in_range = |hz: f32| (BEEP_HZ.0..=BEEP_HZ.1).contains(&hz);
        let of_network = |hz: f32| (NETWORK_HZ.0..=NETWORK_HZ.1).contains(&hz);
        let (low, high) = if second == 0.0 { (first, first) } else { (first.min(second), first.max(second)) };
        let pair = |(a, b): (f32, f32)| (low - a).abs() < 9.0 && (high - b).abs() < 9.0;
        (BEEP_MS.0..=BEEP_MS.1).contains(&self.length_ms())
            && in_range(low)
            && in_range(high)
            && !is_key(low, high)
            && !NETWORK_PAIRS.into_iter().any(pair)
            && (voice || !of_network(low))
    }
}

impl Group {
    const fn begin(first: Sounding, spoilt: bool) -> Self {
        Self { first, count: 1, second: None, end: first.last, spoilt }
    }

    /// Whether it was but a moment of a voice, or much fainter: nothing to do with what follows.
    fn is_nothing_to(&self, next: &Sounding) -> bool {
        let fainter = self.first.level < next.level - FAINTER_DB;
        self.count == 1 && self.spoilt && (self.first.length_ms() < VOWEL_MS || fainter)
    }

    fn level(&self) -> f32 {
        self.second.map_or(self.first.level, |second| second.level.min(self.first.level))
    }

    fn beep(&self, voice: bool) -> Option<AmdBeep> {
        let parts = [Some(self.first), self.second];
        if self.spoilt || self.count > 2 || self.is_special() {
            return None;
        }
        if !parts.iter().flatten().all(|part| part.is_plain(voice)) {
            return None;
        }
        let [first, second] = self.first.hz;
        let in_turn = self.second.filter(|later| !self.first.is(later.hz)).map_or(0.0, |later| later.hz[0]);
        let second = if second > 0.0 { second } else { in_turn };
        let at_ms = self.first.start * MARK_MS;
        let length_ms = (self.end - self.first.start) * MARK_MS + SMEAR_MS;
        // A line that only ever sends CNG is a fax machine's, and says so with the next.
        let cng = self.first.is_within(CNG_HZ) && (CNG_MS.0..=CNG_MS.1).contains(&self.first.length_ms());
        if cng && !voice {
            return None;
        }
        Some(AmdBeep { frequencies_hz: [first.round() as u16, second.round() as u16], length_ms, at_ms })
    }

    /// Two of the three special information tones, if one was not heard.
    fn is_special(&self) -> bool {
        let special = |part: &Sounding| {
            let [first, second] = part.hz;
            second == 0.0 && SPECIAL_HZ.iter().any(|hz| (first - hz).abs() < 15.0)
        };
        let at_once = |later: &Sounding| (later.start.saturating_sub(self.first.last)) * MARK_MS < AT_ONCE_MS;
        special(&self.first)
            && self.second.filter(at_once).is_some_and(|later| special(&later) && !self.first.is(later.hz))
    }
}

/// The part of the power that a step's tones have.
const fn share_of(step: &Step, [_, second]: [f32; 2]) -> f32 {
    if second == 0.0 { step.first.share } else { step.first.share + step.second.share }
}

/// The tone or tones of a step: lower frequency first.
fn tone_of(step: &Step) -> Option<[f32; 2]> {
    let (first, second) = (step.first, step.second);
    if first.hz < TONE_HZ_MIN {
        return None;
    }
    if first.share >= SHARE_MIN && second.share < SECOND_SHARE_MIN * first.share {
        return Some([first.hz, 0.0]);
    }
    let two = first.share + second.share >= SHARE_MIN && second.share >= SECOND_SHARE_MIN;
    if two && second.hz >= TONE_HZ_MIN {
        return Some([first.hz.min(second.hz), first.hz.max(second.hz)]);
    }
    (first.share >= SHARE_MIN).then_some([first.hz, 0.0])
}

fn is_key(low: f32, high: f32) -> bool {
    let near = |hz: f32, table: &[f32]| table.iter().any(|key| (hz - key).abs() <= key * 0.015);
    near(low, &DTMF_LOW_HZ) && near(high, &DTMF_HIGH_HZ)
}
