//! Who configured a protected link.

/// Whether a protected link is one that we configured: then its row may be gone, and to remove it is no remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// We never configured it.
    Others,
    /// We configured it.
    Us,
}
