//! Digits as telephone events (RFC 4733): a sender that is asked once per tick, and a receiver that turns
//! redundant, lost and reordered packets into each digit once. Knows RTP packets, no tones and no flows.

mod receiver;
mod sender;
#[cfg(test)]
mod tests;

pub use receiver::{DigitEvent, EventReceiver, EventReceiverConfig};
pub use sender::{
    DIGIT_MS_MAX, DigitError, EventPacket, EventSender, EventSenderConfig, EventTick, PAUSE_MS_MAX,
    SENDER_QUEUE_MAX,
};
