//! Rendered parts whose exact truth is known.
