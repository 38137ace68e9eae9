//! The seams between the rooms of I/O: traits and their plain types only. Knows no implementation.

pub mod blob;
pub mod carrier;
pub mod ceiling;
pub mod clock;
pub mod egress;
pub mod media;
pub mod render;
pub mod sandbox;
pub mod shelf;
pub mod speech;
pub mod store;
pub mod timeline;

pub use blob::{Blob, BlobError};
pub use carrier::{Carrier, CarrierError, Dial, InboundCalls, IncomingCall, LegSink, Route};
pub use ceiling::Ceiling;
pub use clock::Clock;
pub use egress::{Egress, EgressError, EgressRequest, EgressResponse};
pub use media::{MediaError, MediaPlane};
pub use render::{EventRenderer, RenderedEvent, Signing};
pub use sandbox::{Party, PersonaCall, Sandbox};
pub use shelf::Shelf;
pub use speech::{Stt, SttError, Tts, TtsError, Utterance};
pub use store::{Store, StoreError};
pub use timeline::Timeline;
