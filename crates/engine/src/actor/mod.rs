//! One call, one actor: a task with one mailbox and one deadline that owns the call's machine. It decides nothing;
//! it carries orders out, brings facts back and keeps events durable in order.

mod aftermath;
mod fetching;
mod ledger;
mod listening;
mod mailbox;
mod notes;
mod orders;
mod pacing;
mod prompting;
mod recorder;
mod recovery;
mod road;
mod run;
mod supervise;
mod ties;

pub(crate) use mailbox::Mailbox;
pub(crate) use recorder::{measure_wav, mp3_key, recording_key, remove as remove_spool};
pub(crate) use recovery::{keep_leases, recover, road};
pub(crate) use road::Road;
pub(crate) use supervise::{Beginning, Launch, launch};
