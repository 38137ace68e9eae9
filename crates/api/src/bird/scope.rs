//! The workspace and the channel that a path names, and whether they are the key's own.

use model::AppId;
use model::call::Mode;
use model::fault::{Fault, FaultCode};
use model::tenant::{Principal, Scope};
use std::str::FromStr;

/// The app behind `{workspaceId}`, if it is the key's own. Any other is refused alike, whether there is one or not.
pub(crate) fn workspace(who: Principal, text: &str) -> Result<(AppId, Mode), Fault> {
    let asked: AppId = id(text)?;
    match who.scope {
        Scope::App(app, mode) if app == asked => Ok((app, mode)),
        Scope::App(..) => Err(Fault::new(FaultCode::Forbidden)),
        Scope::Organization => Err(Fault::new(FaultCode::WrongKeyClass)),
    }
}

/// An id of this door: a UUID. What is none is the id of nothing.
pub(crate) fn id<T: FromStr>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::new(FaultCode::NotFound))
}
