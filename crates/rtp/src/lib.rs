//! Room `rtp`; see ARCHITECTURE.md.
