//! Room `testkit`; see ARCHITECTURE.md.
