//! Room `sip`; see ARCHITECTURE.md.
