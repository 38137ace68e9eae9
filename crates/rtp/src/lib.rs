//! RTP as pure code: packets, RTCP, reception statistics, the jitter buffer, RFC 4733 digits, the source
//! latch, SRTP and the quality estimate. Knows no socket, no clock and no random source: time is `model::Timestamp`,
//! initial values are arguments. Nothing here allocates per packet.

mod arena;
pub mod buffer;
pub mod delay;
pub mod digits;
pub mod dtmf;
pub mod event;
pub mod latch;
pub mod packet;
pub mod payload;
pub mod quality;
pub mod reception;
pub mod rtcp;
pub mod session;
pub mod srtp;

pub use buffer::PacketBuffer;
pub use dtmf::{EventReceiver, EventSender};
pub use latch::{Latch, Verdict};
pub use packet::{Header, Packet};
pub use reception::Reception;
pub use session::Sender;
pub use srtp::Srtp;
