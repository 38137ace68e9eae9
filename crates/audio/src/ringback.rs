//! What callers hear of a call's progress, by country: ringing, busy, congestion, call waiting (ITU-T E.180
//! supplement 2). Data, and one cycle of a tone as samples. Where a country modulates its tone, the two side bands
//! stand for it.

use crate::tone::{CADENCE_MAX, ToneGenerator, ToneSpec};

/// What a tone says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// The far side rings.
    Ringback,
    /// The far side is busy.
    Busy,
    /// The network has no way free.
    Congestion,
    /// Somebody else calls.
    CallWaiting,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ringback, Self::Busy, Self::Congestion, Self::CallWaiting];
}

/// The tone of a country (ISO 3166, two letters in either case, and the common `uk` and `ko`); none where the country is
/// not in the table.
pub fn tone(country: &str, signal: Signal) -> Option<ToneSpec> {
    let country = match country.to_ascii_lowercase().as_str() {
        "uk" => "gb",
        "ko" => "kr",
        _ => country,
    };
    let row = TABLE.iter().find(|row| row.0.eq_ignore_ascii_case(country))?;
    let (frequencies_hz, on_off) = match signal {
        Signal::Ringback => row.1,
        Signal::Busy => row.2,
        Signal::Congestion => row.3,
        Signal::CallWaiting => row.4,
    };
    // Two sines together are 3 dB louder than one.
    let [_, second_hz] = frequencies_hz;
    let level_db = if second_hz == 0.0 { -16.0 } else { -19.0 };
    let mut cadence_ms = [(0, 0); CADENCE_MAX];
    for (to, from) in cadence_ms.iter_mut().zip(on_off) {
        *to = *from;
    }
    Some(ToneSpec { frequencies_hz, level_db, cadence_ms, repeat: true })
}

/// The countries of the table, in the alphabet's order.
pub fn countries() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.0)
}

/// One cycle of a repeating tone: played over and over it is the tone.
pub fn cycle(tone: ToneSpec, rate_hz: u32) -> Vec<i16> {
    let ms: u32 = tone.cadence_ms.iter().map(|(on, off)| on + off).sum();
    let mut samples = vec![0; ms as usize * rate_hz as usize / 1_000];
    ToneGenerator::new(tone, rate_hz).fill(&mut samples);
    samples
}

/// Frequencies in Hz, and milliseconds on and off.
type Tone = ([f32; 2], &'static [(u32, u32)]);

const fn one(hz: f32, on_off: &'static [(u32, u32)]) -> Tone {
    ([hz, 0.0], on_off)
}

const fn two(low: f32, high: f32, on_off: &'static [(u32, u32)]) -> Tone {
    ([low, high], on_off)
}

/// Half a second, and other even rhythms.
const HALF: &[(u32, u32)] = &[(500, 500)];
const QUARTER: &[(u32, u32)] = &[(250, 250)];
const FIFTH: &[(u32, u32)] = &[(200, 200)];
/// The usual rhythm of ringing on the continent, and of Britain's heirs.
const LONG: &[(u32, u32)] = &[(1_000, 4_000)];
const DOUBLE: &[(u32, u32)] = &[(400, 200), (400, 2_000)];
const KNOCK: &[(u32, u32)] = &[(200, 600), (200, 10_000)];

/// Country, ringback, busy, congestion, call waiting.
#[rustfmt::skip]
static TABLE: [(&str, Tone, Tone, Tone, Tone); 47] = [
    ("ae", two(400.0, 450.0, DOUBLE), one(400.0, &[(375, 375)]), one(400.0, &[(400, 350), (225, 525)]), one(425.0, &[(200, 400), (200, 10_000)])),
    ("ar", one(425.0, LONG), one(425.0, &[(300, 200)]), one(425.0, &[(300, 400)]), one(425.0, &[(400, 200), (400, 4_000)])),
    ("at", one(420.0, &[(1_000, 5_000)]), one(420.0, &[(400, 400)]), one(420.0, FIFTH), one(420.0, &[(40, 1_950)])),
    ("au", two(400.0, 425.0, DOUBLE), one(425.0, &[(375, 375)]), one(425.0, &[(375, 375)]), one(425.0, &[(200, 200), (200, 4_400)])),
    ("be", one(425.0, &[(1_000, 3_000)]), one(425.0, HALF), one(425.0, &[(167, 167)]), one(1_400.0, &[(175, 175), (175, 3_500)])),
    ("br", one(425.0, LONG), one(425.0, QUARTER), one(425.0, &[(250, 250), (750, 250)]), one(425.0, &[(50, 1_000)])),
    ("ca", two(440.0, 480.0, &[(2_000, 4_000)]), two(480.0, 620.0, HALF), two(480.0, 620.0, QUARTER), one(440.0, &[(300, 10_000)])),
    ("ch", one(425.0, LONG), one(425.0, HALF), one(425.0, FIFTH), one(425.0, &[(200, 200), (200, 4_000)])),
    ("cl", one(400.0, &[(1_000, 3_000)]), one(400.0, HALF), one(400.0, FIFTH), one(400.0, &[(250, 8_750)])),
    ("cn", one(450.0, LONG), one(450.0, &[(350, 350)]), one(450.0, &[(700, 700)]), one(450.0, &[(400, 4_000)])),
    ("cy", one(425.0, &[(1_500, 3_000)]), one(425.0, HALF), one(425.0, QUARTER), one(425.0, KNOCK)),
    ("cz", one(425.0, LONG), one(425.0, &[(330, 330)]), one(425.0, &[(165, 165)]), one(425.0, &[(330, 9_000)])),
    ("de", one(425.0, LONG), one(425.0, &[(480, 480)]), one(425.0, &[(240, 240)]), one(425.0, &[(200, 200), (200, 5_000)])),
    ("dk", one(425.0, LONG), one(425.0, HALF), one(425.0, FIFTH), one(425.0, &[(200, 600), (200, 3_000)])),
    ("dz", one(425.0, &[(1_500, 3_500)]), one(425.0, HALF), one(425.0, QUARTER), one(425.0, KNOCK)),
    ("eg", two(400.0, 450.0, &[(2_000, 1_000)]), one(425.0, HALF), one(425.0, QUARTER), one(425.0, KNOCK)),
    ("es", one(425.0, &[(1_500, 3_000)]), one(425.0, FIFTH), one(425.0, &[(200, 200), (200, 200), (200, 600)]), one(425.0, &[(175, 175), (175, 3_500)])),
    ("fi", one(425.0, LONG), one(425.0, &[(300, 300)]), one(425.0, FIFTH), one(425.0, &[(150, 150), (150, 8_000)])),
    ("fr", one(440.0, &[(1_500, 3_500)]), one(440.0, HALF), one(440.0, QUARTER), one(440.0, &[(300, 10_000)])),
    ("gb", two(400.0, 450.0, DOUBLE), one(400.0, &[(375, 375)]), one(400.0, &[(400, 350), (225, 525)]), one(400.0, &[(100, 4_000)])),
    ("gr", one(425.0, LONG), one(425.0, &[(300, 300)]), one(425.0, FIFTH), one(425.0, &[(150, 150), (150, 8_000)])),
    ("hk", two(440.0, 480.0, &[(400, 200), (400, 3_000)]), two(480.0, 620.0, HALF), two(480.0, 620.0, QUARTER), one(440.0, &[(500, 500), (500, 8_000)])),
    ("hu", one(425.0, &[(1_250, 3_750)]), one(425.0, &[(300, 300)]), one(425.0, &[(300, 300)]), one(425.0, &[(40, 1_960)])),
    ("ie", two(400.0, 450.0, DOUBLE), one(425.0, HALF), one(425.0, QUARTER), one(425.0, &[(180, 200), (200, 2_000)])),
    ("il", one(400.0, &[(1_000, 3_000)]), one(400.0, HALF), one(400.0, QUARTER), one(400.0, &[(500, 10_000)])),
    ("in", two(375.0, 425.0, DOUBLE), one(400.0, &[(750, 750)]), one(400.0, QUARTER), one(400.0, &[(200, 100), (200, 7_500)])),
    ("it", one(425.0, LONG), one(425.0, HALF), one(425.0, FIFTH), one(425.0, &[(400, 100), (250, 100), (150, 14_000)])),
    ("jp", two(384.0, 416.0, &[(1_000, 2_000)]), one(400.0, HALF), one(400.0, HALF), two(384.0, 416.0, &[(500, 8_000)])),
    ("kr", two(440.0, 480.0, &[(1_000, 2_000)]), two(480.0, 620.0, HALF), two(480.0, 620.0, &[(300, 200)]), two(350.0, 440.0, &[(250, 250), (250, 3_250)])),
    ("mx", one(425.0, LONG), one(425.0, QUARTER), one(425.0, QUARTER), one(425.0, KNOCK)),
    ("nl", one(425.0, LONG), one(425.0, HALF), one(425.0, QUARTER), one(425.0, &[(500, 9_500)])),
    ("no", one(425.0, LONG), one(425.0, HALF), one(425.0, FIFTH), one(425.0, KNOCK)),
    ("nz", two(400.0, 450.0, DOUBLE), one(400.0, HALF), one(400.0, QUARTER), one(400.0, &[(200, 3_000)])),
    ("pk", one(400.0, &[(1_000, 2_000)]), one(400.0, HALF), one(400.0, QUARTER), one(400.0, KNOCK)),
    ("pl", one(425.0, LONG), one(425.0, HALF), one(425.0, HALF), one(425.0, &[(150, 150), (150, 4_000)])),
    ("pt", one(425.0, &[(1_000, 5_000)]), one(425.0, HALF), one(425.0, FIFTH), one(425.0, KNOCK)),
    ("ro", one(450.0, &[(1_850, 4_150)]), one(450.0, &[(167, 167)]), one(450.0, HALF), one(450.0, &[(150, 4_000)])),
    ("rs", one(425.0, LONG), one(425.0, HALF), one(425.0, QUARTER), one(425.0, KNOCK)),
    ("ru", one(425.0, &[(800, 3_200)]), one(425.0, &[(400, 400)]), one(425.0, FIFTH), one(425.0, &[(200, 5_000)])),
    ("sa", one(425.0, &[(1_200, 4_600)]), one(425.0, HALF), one(425.0, QUARTER), one(425.0, KNOCK)),
    ("se", one(425.0, &[(1_000, 5_000)]), one(425.0, QUARTER), one(425.0, &[(250, 750)]), one(425.0, &[(200, 500), (200, 10_000)])),
    ("sg", two(401.0, 449.0, DOUBLE), one(425.0, &[(750, 750)]), one(425.0, QUARTER), two(401.0, 449.0, &[(300, 200), (300, 3_200)])),
    ("sk", one(425.0, LONG), one(425.0, &[(330, 330)]), one(425.0, &[(165, 165)]), one(425.0, &[(330, 9_000)])),
    ("tr", one(450.0, &[(2_000, 4_000)]), one(450.0, HALF), one(450.0, &[(200, 200), (200, 200), (200, 200), (600, 200)]), one(450.0, &[(200, 600), (200, 8_000)])),
    ("tw", two(440.0, 480.0, &[(1_000, 2_000)]), two(480.0, 620.0, HALF), two(480.0, 620.0, QUARTER), two(350.0, 440.0, &[(250, 250), (250, 3_250)])),
    ("us", two(440.0, 480.0, &[(2_000, 4_000)]), two(480.0, 620.0, HALF), two(480.0, 620.0, QUARTER), one(440.0, &[(300, 10_000)])),
    ("za", two(367.0, 433.0, DOUBLE), one(400.0, HALF), one(400.0, QUARTER), two(367.0, 433.0, &[(400, 4_000)])),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::level_dbfs;

    #[test]
    fn the_table_is_sorted_and_has_all_that_are_asked_for() {
        let all: Vec<&str> = countries().collect();
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
        let wanted = "us de gb fr it es nl at ch se no dk fi pl cz jp cn in au nz br mx za ie be pt gr tr ru il sg hk kr";
        for country in wanted.split(' ') {
            assert!(all.contains(&country), "{country}");
        }
        assert_eq!(tone("xx", Signal::Busy), None);
        assert_eq!(tone("DE", Signal::Busy), tone("de", Signal::Busy));
    }

    #[test]
    fn every_tone_sounds_pauses_and_can_be_looped() {
        for country in countries() {
            for signal in Signal::ALL {
                let spec = tone(country, signal).unwrap();
                let once = cycle(spec, 8_000);
                let mut twice = vec![0; once.len() * 2];
                ToneGenerator::new(spec, 8_000).fill(&mut twice);
                assert_eq!(twice[..once.len()], once, "{country} {signal:?}");
                let (on, off) = spec.cadence_ms[0];
                let (sound, pause) = (
                    level_dbfs(&once[..on as usize * 8]),
                    level_dbfs(&once[(on * 8) as usize..][..off as usize * 8]),
                );
                assert!(
                    (-21.0..-15.0).contains(&sound) && pause < -90.0,
                    "{country} {signal:?}: {sound} {pause}"
                );
                assert!((300.0..=1_400.0).contains(&spec.frequencies_hz[0]));
                assert!(once.len() <= 16 * 8_000 && !once.is_empty(), "{country} {signal:?}");
                assert!(once.last().is_some_and(|last| *last == 0), "ends in a pause");
            }
        }
    }

    #[test]
    fn well_known_rhythms_are_right() {
        let check = |country, signal, hz: [f32; 2], cadence: &[(u32, u32)]| {
            let spec = tone(country, signal).unwrap();
            assert_eq!((spec.frequencies_hz, &spec.cadence_ms[..cadence.len()]), (hz, cadence), "{country}");
        };
        check("us", Signal::Ringback, [440.0, 480.0], &[(2_000, 4_000), (0, 0)]);
        check("gb", Signal::Ringback, [400.0, 450.0], &[(400, 200), (400, 2_000)]);
        check("de", Signal::Busy, [425.0, 0.0], &[(480, 480), (0, 0)]);
        check("fr", Signal::Ringback, [440.0, 0.0], &[(1_500, 3_500), (0, 0)]);
    }
}
