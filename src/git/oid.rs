//! An object's name, so that nothing outside this module needs gix for it.

use std::fmt;
use std::str::FromStr;

/// The name of a git object, SHA-1 or SHA-256. Never all zeros: git's "absent" is `Option::None` here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid(pub(super) gix::ObjectId);

impl Oid {
    /// Reads a full hexadecimal name; all zeros is `None`, git's word for an absent ref.
    pub fn from_hex(hex: &str) -> Option<Self> {
        gix::ObjectId::from_hex(hex.trim().as_bytes()).ok().filter(|id| !id.is_null()).map(Self)
    }

    /// The first ten digits, for people.
    pub fn short(&self) -> String {
        self.0.to_hex_with_len(10).to_string()
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({})", self.0)
    }
}

impl FromStr for Oid {
    type Err = anyhow::Error;

    fn from_str(hex: &str) -> anyhow::Result<Self> {
        Self::from_hex(hex).ok_or_else(|| anyhow::anyhow!("'{}' is no object name", hex.escape_debug()))
    }
}
