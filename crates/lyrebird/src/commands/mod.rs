//! One file for each command of the command line.

pub(crate) mod call;
pub(crate) mod calls;
pub(crate) mod demo;
pub(crate) mod endpoints;
pub(crate) mod init;
pub(crate) mod keys;
pub(crate) mod numbers;
pub(crate) mod replay;
pub(crate) mod sandbox;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod trunks;

use crate::failure::Failure;

/// What a command ends with.
pub(crate) type CommandResult = Result<(), Failure>;
