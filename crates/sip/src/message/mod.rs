//! SIP messages as they stand in a datagram: a parser that borrows and allocates nothing, its header grammars, the checks
//! a request must pass, and a writer. Must not know transactions, dialogs or calls.

pub mod address;
pub mod fields;
pub(crate) mod header_block;
pub mod mask;
pub mod name;
pub mod params;
mod parse;
pub mod rack;
pub mod replaces;
pub(crate) mod scan;
pub mod session_expires;
pub mod sipfrag;
pub mod uri;
pub mod validate;
pub mod via;
pub mod write;

pub use address::NameAddr;
pub use fields::CSeq;
pub use mask::masked;
pub use name::{HeaderName, Method};
pub use parse::{Defect, Field, HEADERS_MAX, Message, ParseError, StartLine};
pub use uri::Uri;
pub use validate::Refusal;
pub use via::Via;
pub use write::Writer;
