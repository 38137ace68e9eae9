//! What speaking counts for its operator: the names and meanings of its figures, in one place.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use ports::{SttError, TtsError};
use std::time::Duration;

/// Says what the figures mean.
pub(crate) fn describe() {
    describe_counter!("lyrebird_speech_texts_total", "Texts given to a program, by engine and outcome.");
    describe_histogram!("lyrebird_speech_seconds", "How long a text took, its wait for a program included.");
    describe_gauge!("lyrebird_speech_texts_in_line", "Texts that are spoken or wait for a program.");
    describe_gauge!("lyrebird_speech_programs", "Programs that run.");
    describe_gauge!("lyrebird_speech_cache_bytes", "Memory of texts that were spoken before.");
    describe_counter!("lyrebird_speech_cache_hits_total", "Texts that had been spoken before.");
    gauge!("lyrebird_speech_cache_bytes").set(0.0);
}

/// Says what the figures of understanding mean.
pub(crate) fn describe_listening() {
    describe_counter!(
        "lyrebird_listening_total",
        "Sounds given to an engine to understand, by engine and outcome."
    );
    describe_histogram!("lyrebird_listening_seconds", "How long understanding took, its wait included.");
    counter!("lyrebird_listening_total", "engine" => "none", "outcome" => "understood").increment(0);
}

/// Something said was understood, or was not.
pub(crate) fn understood(engine: &'static str, outcome: Result<(), &SttError>, took: Duration) {
    let word = match outcome {
        Ok(()) => "understood",
        Err(SttError::Busy) => "busy",
        Err(_) => "failed",
    };
    counter!("lyrebird_listening_total", "engine" => engine, "outcome" => word).increment(1);
    histogram!("lyrebird_listening_seconds", "engine" => engine).record(took.as_secs_f64());
}

/// A text was spoken, or was not.
pub(crate) fn spoken(engine: &'static str, outcome: Result<(), &TtsError>, took: Duration) {
    let word = match outcome {
        Ok(()) => "spoken",
        Err(TtsError::Busy) => "busy",
        Err(_) => "failed",
    };
    counter!("lyrebird_speech_texts_total", "engine" => engine, "outcome" => word).increment(1);
    histogram!("lyrebird_speech_seconds", "engine" => engine).record(took.as_secs_f64());
}

/// A text was found in the cache.
pub(crate) fn found() {
    counter!("lyrebird_speech_cache_hits_total").increment(1);
}

/// The cache holds so many bytes.
pub(crate) fn kept(bytes: usize) {
    gauge!("lyrebird_speech_cache_bytes").set(bytes as f64);
}

/// Counted until it is dropped.
macro_rules! presence {
    ($(#[$doc:meta])* $name:ident, $gauge:literal) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl $name {
            pub(crate) fn begin() -> Self {
                gauge!($gauge).increment(1);
                Self
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                gauge!($gauge).decrement(1);
            }
        }
    };
}

presence!(
    /// A text that is spoken or waits.
    InLine,
    "lyrebird_speech_texts_in_line"
);
presence!(
    /// A program that runs.
    Running,
    "lyrebird_speech_programs"
);
