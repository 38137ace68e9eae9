//! What is kept of phones' places across a restart: those that are reached by datagrams, for connections end with the
//! process. Told in changes, so that a phone that comes again costs one row each time and one that rests costs nothing.

use super::{Phones, State};
use model::{EndpointId, Timestamp};
use ports::carrier::PhonePlaces;
use sip::Transport;
use sip::registrar::Binding;
use std::collections::HashMap;

/// Most bytes of one place's addresses; a larger one is not kept.
const PLACE_BYTES_MAX: usize = 2_048;

impl Phones {
    /// These were kept: each phone is there again once it is admitted.
    pub(crate) fn take_up(&self, kept: Vec<PhonePlaces>) {
        let mut state = self.lock();
        for places in kept {
            match serde_json::from_slice(&places.content) {
                Ok(bindings) => drop(state.kept.insert(places.phone, bindings)),
                Err(error) => tracing::warn!(%error, "where a phone was registered cannot be read"),
            }
        }
    }

    /// At most so many phones whose places have changed since they were told last, with where they are now.
    pub(crate) fn take_changed(&self, phones_max: usize, now: Timestamp) -> Vec<PhonePlaces> {
        let mut state = self.now(now);
        let names: Vec<_> = state.changed.iter().take(phones_max).cloned().collect();
        for name in &names {
            state.changed.remove(name);
        }
        names.iter().filter_map(|name| state.places_of(name, now)).collect()
    }

    /// They could not be kept: they are told again.
    pub(crate) fn not_kept(&self, phones: &[PhonePlaces]) {
        let mut state = self.lock();
        let State { by_name, changed, .. } = &mut *state;
        let is_one = |id: EndpointId| phones.iter().any(|places| places.phone == id);
        changed.extend(by_name.values().filter(|phone| is_one(phone.id)).map(|phone| phone.username.clone()));
    }
}

impl State {
    /// Takes up what was kept of the phones that are admitted now; of others it is forgotten.
    pub(super) fn restore(&mut self, now: Timestamp) {
        let kept: HashMap<EndpointId, Vec<Binding>> = std::mem::take(&mut self.kept);
        if kept.is_empty() {
            return;
        }
        let named: Vec<_> = self.by_name.values().map(|phone| (phone.id, phone.username.clone())).collect();
        for (id, name) in named {
            if let Some(bindings) = kept.get(&id) {
                self.bindings.restore(&name, bindings.clone(), now);
                self.place(&name, now);
            }
        }
    }

    fn places_of(&self, name: &str, now: Timestamp) -> Option<PhonePlaces> {
        let phone = self.by_name.get(name)?.id;
        let is_kept = |binding: &Binding| {
            let bytes = binding.uri.len() + binding.path.iter().map(String::len).sum::<usize>();
            binding.hop.transport == Transport::Udp && bytes <= PLACE_BYTES_MAX
        };
        let bindings: Vec<_> = self.bindings.lookup(name, now).into_iter().filter(is_kept).collect();
        let content = if bindings.is_empty() { Vec::new() } else { serde_json::to_vec(&bindings).ok()? };
        Some(PhonePlaces { phone, content })
    }
}
