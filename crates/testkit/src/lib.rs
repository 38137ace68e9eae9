//! For tests from outside: the real binary as a child process, a client of its API, a receiver of its webhooks, and
//! telephony peers (sipp, baresip, and a small phone of our own). Knows the server only by what a stranger knows.
//!
//! Whatever goes wrong here fails the test that asked, by a panic that says what was seen.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test kit fails its test by panicking, and shows what it saw"
)]

mod api;
mod baresip;
mod calls;
mod capture;
mod certificates;
mod child;
mod description;
mod kamailio;
mod linphone;
mod phone;
mod place;
mod receiver;
mod relay;
mod score;
mod server;
mod sipp;
mod sound;

pub use api::{Answer, Api};
pub use baresip::{Baresip, Equipment, SOURCE_RATE_HZ};
pub use capture::digits_capture;
pub use certificates::Certificates;
pub use child::{Child, Output, run, run_within};
pub use description::Description;
pub use kamailio::{Kamailio, Way};
pub use linphone::Linphone;
pub use phone::{Datagram, Manners, Phone};
pub use place::free_udp_port;
pub use receiver::{Hit, Receiver, Reply};
pub use relay::Relay;
pub use server::{Keys, Server, Settings};
pub use sim::NetworkProfile;
pub use sipp::{Finished, Sipp};
pub use sound::{prompt, wav};

use std::time::Duration;

/// Longest wait for anything that a test expects, unless it says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(20);
