//! API keys: how they are made, hashed, recognised and administered. A key's text is shown once and never stored.

mod administer;
mod authenticate;
mod bootstrap;
mod text;

pub(crate) use text::random_chars;

pub use administer::{CreatedKey, NewKey, create_key};
pub(crate) use authenticate::Authenticator;
pub use bootstrap::{BootstrapKeys, bootstrap};
