//! Who owns what: organizations, apps, and the keys that speak for them.

use crate::call::Mode;
use crate::id::{AppId, KeyId, OrganizationId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its id.
    pub id: AppId,
    /// Its owner.
    pub organization: OrganizationId,
    /// Its name.
    pub name: String,
    /// Most calls at once; one more is refused.
    pub concurrent_calls_max: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyClass {
    /// Administers an organization.
    Admin,
    /// Makes real calls for an app.
    Live,
    /// Makes sandbox calls for an app.
    Test,
}

/// A key's record. The key itself is shown once and never stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Its id.
    pub id: KeyId,
    /// What it may do.
    pub class: KeyClass,
    /// Its organization.
    pub organization: OrganizationId,
    /// Its app; none for an admin key.
    pub app: Option<AppId>,
    /// What a person called it.
    pub name: String,
    /// The public beginning of the key, by which it is found.
    pub prefix: String,
    /// HMAC-SHA-256 of the whole key under the server's own secret.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// The key that was shown.
    pub key: KeyId,
    /// Its organization.
    pub organization: OrganizationId,
    /// What it speaks for.
    pub scope: Scope,
}

/// What a key speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole organization.
    Organization,
    /// One app, in one mode.
    App(AppId, Mode),
}
