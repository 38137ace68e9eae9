//! The personas, one behaviour a file.

pub(crate) mod bad_network;
pub(crate) mod challenger;
pub(crate) mod dialler;
pub(crate) mod early;
pub(crate) mod echo;
pub(crate) mod fading;
pub(crate) mod fax;
pub(crate) mod holder;
pub(crate) mod human;
pub(crate) mod late;
pub(crate) mod machine;
pub(crate) mod menu;
pub(crate) mod redirector;
pub(crate) mod refuser;
pub(crate) mod screener;
pub(crate) mod silent;
pub(crate) mod transferrer;
