//! Room `api`; see ARCHITECTURE.md.
