//! Values that no log may show. Their `Debug` prints nothing of what they hold.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A password, key or other credential.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret<T>(T);

/// Personal data: a phone number, what was said or keyed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pii<T>(T);

macro_rules! hidden {
    ($name:ident, $shown:literal) => {
        impl<T> $name<T> {
            /// Hides `value`.
            pub const fn new(value: T) -> Self {
                Self(value)
            }

            /// The value itself; the name makes each use easy to find in a review.
            pub const fn expose(&self) -> &T {
                &self.0
            }

            /// Gives up the wrapper.
            pub fn into_exposed(self) -> T {
                self.0
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($shown)
            }
        }

        impl<T> From<T> for $name<T> {
            fn from(value: T) -> Self {
                Self(value)
            }
        }
    };
}

hidden!(Secret, "[secret]");
hidden!(Pii, "[personal]");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let text = format!("{:?} {:?}", Secret::new("hunter2"), Pii::new("+4930123456"));
        assert_eq!(text, "[secret] [personal]");
    }
}
