//! How long to hold packets: measures each packet's lateness against the fastest of the last seconds and
//! proposes a delay that all but the rarest meet. Knows neither payloads nor where they are kept.
