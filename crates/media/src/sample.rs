//! The engine's figures for the metrics facade: read when somebody asks, from what workers count anyway.

use crate::engine::MediaEngine;
use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Says what the figures are, to a recorder that is installed already.
pub(crate) fn describe_figures() {
    describe_gauge!("lyrebird_media_legs", "Legs whose sound is open.");
    describe_counter!("lyrebird_media_packets_total", "RTP packets, by direction.");
    describe_counter!("lyrebird_media_lost_packets_total", "Packets that should have come and did not.");
    describe_counter!("lyrebird_media_late_packets_total", "Packets that came too late to be played.");
    describe_counter!(
        "lyrebird_media_foreign_packets_total",
        "Packets of strangers, or not what the keys say."
    );
    describe_counter!("lyrebird_media_forward_drops_total", "Packets lost between two workers.");
    describe_counter!(
        "lyrebird_media_skipped_phases_total",
        "Milliseconds of ticks left out by late workers."
    );
    describe_gauge!("lyrebird_media_tick_lag_seconds", "Latest tick since the last look; 0 below 2 ms.");
    describe_gauge!("lyrebird_media_ports", "Pairs of RTP ports, by state.");
    describe_gauge!("lyrebird_media_recordings", "Recordings that are being written.");
    describe_gauge!("lyrebird_media_conference_members", "Legs in conferences.");
    describe_gauge!("lyrebird_media_prompt_bytes", "Bytes of encoded prompts in memory.");
    describe_counter!("lyrebird_media_orders_refused_total", "Orders that found a worker's queue full.");
}

impl MediaEngine {
    /// Reads the figures into the metrics facade; for whoever shows them.
    pub fn sample_figures(&self) {
        let figures = self.figures();
        let level = |name: &'static str, count: usize| gauge!(name).set(count as f64);
        level("lyrebird_media_legs", figures.legs);
        level("lyrebird_media_recordings", figures.recordings);
        level("lyrebird_media_conference_members", figures.conference_members);
        level("lyrebird_media_prompt_bytes", figures.prompt_bytes);
        gauge!("lyrebird_media_tick_lag_seconds").set(figures.lag_max_us as f64 / 1e6);
        let packets = figures.packets;
        counter!("lyrebird_media_packets_total", "direction" => "received").absolute(packets.received);
        counter!("lyrebird_media_packets_total", "direction" => "sent").absolute(packets.sent);
        counter!("lyrebird_media_lost_packets_total").absolute(packets.lost);
        counter!("lyrebird_media_late_packets_total").absolute(packets.late);
        counter!("lyrebird_media_foreign_packets_total").absolute(packets.foreign);
        counter!("lyrebird_media_orders_refused_total").absolute(figures.orders_refused);
        counter!("lyrebird_media_forward_drops_total").absolute(figures.forward_drops);
        counter!("lyrebird_media_skipped_phases_total").absolute(figures.skipped_phases);
        if let Some(ports) = figures.ports {
            let free = ports.all.saturating_sub(ports.in_use + ports.resting);
            for (state, count) in [("in_use", ports.in_use), ("resting", ports.resting), ("free", free)] {
                gauge!("lyrebird_media_ports", "state" => state).set(count as f64);
            }
        }
    }
}
