//! How often somebody may guess a password: who was wrong too often waits, longer each time, and is not listened to
//! until then. Bounded; knows no password.

use model::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// Wrong answers that cost no wait.
const FREE: u32 = 5;
/// The first wait; each further one is twice as long.
const WAIT_FIRST: Duration = Duration::from_secs(1);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How long wrong answers are remembered after the last one.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Guesses remembered at one time; with one more the one made longest ago is forgotten.
const GUESSES_MAX: usize = 8_192;
/// No phone has a longer name.
const NAME_BYTES_MAX: usize = 64;

/// Whose password is guessed, and from where.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Guess {
    name: String,
    from: IpAddr,
}

impl Guess {
    pub(super) fn new(name: &str, from: IpAddr) -> Self {
        let (name, _) = name.split_at(name.floor_char_boundary(NAME_BYTES_MAX));
        Self { name: name.to_owned(), from }
    }
}

/// What is remembered of a guess.
#[derive(Clone, Copy)]
struct Wrong {
    times: u32,
    last_at: Timestamp,
}

impl Wrong {
    fn wait(self) -> Duration {
        match self.times.checked_sub(FREE) {
            None | Some(0) => Duration::ZERO,
            Some(beyond) => {
                let doubled = 1u32.checked_shl(beyond - 1).unwrap_or(u32::MAX);
                WAIT_FIRST.saturating_mul(doubled).min(WAIT_MAX)
            }
        }
    }
}

/// All that was guessed wrongly of late.
#[derive(Default)]
pub(super) struct Guesses {
    wrong: BTreeMap<Guess, Wrong>,
    by_age: BTreeSet<(Timestamp, Guess)>,
}

impl Guesses {
    /// Whether it is too early to listen to another guess.
    pub(super) fn must_wait(&self, guess: &Guess, now: Timestamp) -> bool {
        self.wrong.get(guess).is_some_and(|wrong| now.since(wrong.last_at) < wrong.wait())
    }

    /// The password was right, so that what went before was a slip.
    pub(super) fn forget(&mut self, guess: &Guess) {
        if let Some(wrong) = self.wrong.remove(guess) {
            self.by_age.remove(&(wrong.last_at, guess.clone()));
        }
    }

    /// The password was wrong.
    pub(super) fn was_wrong(&mut self, guess: Guess, now: Timestamp) {
        let times = self.wrong.get(&guess).map_or(0, |wrong| wrong.times);
        self.forget(&guess);
        while let Some((last_at, oldest)) = self.by_age.first()
            && (now.since(*last_at) > REMEMBERED || self.by_age.len() >= GUESSES_MAX)
        {
            self.wrong.remove(oldest);
            self.by_age.pop_first();
        }
        self.by_age.insert((now, guess.clone()));
        self.wrong.insert(guess, Wrong { times: times.saturating_add(1), last_at: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(name: &str) -> Guess {
        Guess::new(name, [192, 0, 2, 1].into())
    }

    #[test]
    fn each_wrong_guess_beyond_the_first_few_doubles_the_wait() {
        let (mut guesses, mut now) = (Guesses::default(), Timestamp::from_millis(1_000_000));
        for wait_s in [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60] {
            assert!(!guesses.must_wait(&guess("al"), now), "before {wait_s} s");
            guesses.was_wrong(guess("al"), now);
            let wait = Duration::from_secs(wait_s);
            if !wait.is_zero() {
                assert!(
                    guesses.must_wait(&guess("al"), now + (wait - Duration::from_millis(1))),
                    "{wait_s} s"
                );
            }
            now = now + wait;
        }
        guesses.was_wrong(guess("al"), now);
        assert!(guesses.must_wait(&guess("al"), now) && !guesses.must_wait(&guess("bo"), now));
        assert!(!guesses.must_wait(&Guess::new("al", [192, 0, 2, 2].into()), now), "its owner is elsewhere");
        guesses.forget(&guess("al"));
        assert!(!guesses.must_wait(&guess("al"), now));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut guesses, now) = (Guesses::default(), Timestamp::from_millis(1_000_000));
        for index in 0..GUESSES_MAX + 10 {
            guesses.was_wrong(guess(&index.to_string()), now);
        }
        assert_eq!((guesses.wrong.len(), guesses.by_age.len()), (GUESSES_MAX, GUESSES_MAX));
        guesses.was_wrong(guess(&"x".repeat(70_000)), now + REMEMBERED + Duration::from_secs(1));
        assert_eq!((guesses.wrong.len(), guesses.by_age.len()), (1, 1), "old ones are forgotten");
        assert!(guesses.wrong.keys().all(|guess| guess.name.len() <= NAME_BYTES_MAX));
    }
}
