//! The prompts of one call, from their order until the machine wants them no longer: being made ready, or ready to be
//! played. What is still being made when the call ends is given up with it. Knows no source and no sound.

use super::mailbox::Mailbox;
use crate::core::Core;
use model::sound::{PromptId, PromptSource};
use model::{AppId, CallId};
use ports::media::Clip;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

/// Most prompts of one call being made ready at once, so that one call does not keep others waiting.
const PROMPTS_AT_ONCE: usize = 4;
/// Most bytes of decoded sound that one call holds: over an hour at 8 kHz.
const CLIP_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A call's prompts.
pub(super) struct CallPrompts {
    clips: BTreeMap<PromptId, Arc<Clip>>,
    making: BTreeMap<PromptId, AbortHandle>,
    /// Aborted when it is dropped.
    tasks: JoinSet<()>,
    permits: Arc<Semaphore>,
}

impl CallPrompts {
    pub(super) fn new() -> Self {
        Self {
            clips: BTreeMap::new(),
            making: BTreeMap::new(),
            tasks: JoinSet::new(),
            permits: Arc::new(Semaphore::new(PROMPTS_AT_ONCE)),
        }
    }

    /// Makes a prompt ready in the background; what came of it goes to the mailbox.
    pub(super) fn prepare(
        &mut self,
        core: &Arc<Core>,
        mailbox: &Mailbox,
        (app, call): (AppId, CallId),
        prompt: PromptId,
        source: PromptSource,
    ) {
        let (core, mailbox, permits) = (core.clone(), mailbox.clone(), self.permits.clone());
        let task = self.tasks.spawn(async move {
            // Never closed; an error would only mean that nobody waits in line.
            let _turn = permits.acquire().await;
            let result = core.prepare_prompt(app, call, &source).await;
            mailbox.prompt(prompt, result).await;
        });
        self.making.insert(prompt, task);
    }

    /// Keeps a clip that is ready; its length in milliseconds. Refuses what is too much for one call.
    pub(super) fn keep(&mut self, prompt: PromptId, clip: Arc<Clip>) -> Result<u32, String> {
        let duration_ms = u32::try_from(clip.duration().as_millis()).unwrap_or(u32::MAX);
        self.clips.insert(prompt, clip);
        if self.bytes() > CLIP_BYTES_MAX {
            self.clips.remove(&prompt);
            return Err("the call's prompts are too long: together they may last about an hour".into());
        }
        Ok(duration_ms)
    }

    /// The clips of these prompts, in this order.
    pub(super) fn clips(&self, prompts: &[PromptId]) -> Vec<Arc<Clip>> {
        prompts.iter().filter_map(|prompt| self.clips.get(prompt).cloned()).collect()
    }

    /// Lets go of what is not wanted any more.
    pub(super) fn retain(&mut self, wanted: impl Fn(PromptId) -> bool) {
        self.clips.retain(|prompt, _| wanted(*prompt));
        self.making.retain(|prompt, task| {
            if !wanted(*prompt) {
                task.abort();
            }
            !task.is_finished() && wanted(*prompt)
        });
        while self.tasks.try_join_next().is_some() {}
    }

    /// What the clips hold; one that several prompts share counts once.
    fn bytes(&self) -> usize {
        let mut seen = BTreeSet::new();
        let fresh = self.clips.values().filter(|clip| seen.insert(Arc::as_ptr(clip).addr()));
        fresh.map(|clip| size_of_val(&*clip.samples)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::media::ClipId;

    fn clip(samples: usize) -> Arc<Clip> {
        Arc::new(Clip { id: ClipId([0; 16]), rate_hz: 8_000, samples: vec![0; samples].into() })
    }

    #[test]
    fn a_call_holds_so_much_sound_and_counts_what_is_shared_once() {
        let mut prompts = CallPrompts::new();
        let half = clip(CLIP_BYTES_MAX / 4);
        for number in 0..4 {
            assert_eq!(prompts.keep(PromptId(number), half.clone()), Ok(2_097_152));
        }
        assert!(prompts.keep(PromptId(4), clip(CLIP_BYTES_MAX / 4)).is_ok());
        assert!(prompts.keep(PromptId(5), clip(1)).is_err());
        prompts.retain(|prompt| prompt == PromptId(0));
        assert_eq!(prompts.clips(&[PromptId(1), PromptId(0)]).len(), 1);
        assert!(prompts.keep(PromptId(5), clip(1)).is_ok());
    }
}
