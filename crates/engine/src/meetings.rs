//! The conferences and queues of all apps, and what their members hear of them. Who meets whom is decided in
//! `call::meeting`; here it is shared by the calls that run.

use crate::actor::Mailbox;
use crate::core::Core;
use call::meeting::{Conferences, Entry, News, Place, Queues};
use model::CallId;
use model::call::Call;
use model::meeting::{Attendance, ConferenceOrder, QueueOrder};
use model::sound::ConferenceId;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// All of them. What a change tells is posted before the next change, so that it arrives in order.
#[derive(Default)]
pub(crate) struct Meetings {
    conferences: Mutex<Conferences>,
    queues: Mutex<Queues>,
}

impl Core {
    /// Carries out what a call orders of a conference.
    pub(crate) fn order_conference(&self, call: &Call, order: ConferenceOrder) {
        let ConferenceOrder::Enter { attendance, name, starts, ends, beep } = order else {
            return self.leave_conference(call.id);
        };
        let place = Place { app: call.app, mode: call.mode, name };
        let id = ConferenceId(self.with_ids(|ids| ids.next_uuid(self.now())).as_u128());
        let mut conferences = lock(&self.meetings.conferences);
        let news = conferences.enter(place, call.id, Entry { attendance, starts, ends, beep }, id);
        self.tell_all(news, Mailbox::conference);
    }

    /// Carries out what a call orders of a queue.
    pub(crate) fn order_queue(&self, call: &Call, order: QueueOrder) {
        let place = |name| Place { app: call.app, mode: call.mode, name };
        let mut queues = lock(&self.meetings.queues);
        let news = match order {
            QueueOrder::Wait { attendance, name } => queues.wait(place(name), call.id, attendance),
            QueueOrder::Take { attendance, name } => queues.take(place(name), call.id, attendance),
            QueueOrder::Leave => queues.leave(call.id),
        };
        self.tell_all(news, Mailbox::queue);
    }

    /// A call is gone, however it went.
    pub(crate) fn forget_member(&self, call: CallId) {
        self.leave_conference(call);
        let mut queues = lock(&self.meetings.queues);
        let news = queues.leave(call);
        self.tell_all(news, Mailbox::queue);
    }

    fn leave_conference(&self, call: CallId) {
        let mut conferences = lock(&self.meetings.conferences);
        let news = conferences.leave(call);
        self.tell_all(news, Mailbox::conference);
    }

    /// Who is gone already hears nothing.
    fn tell_all<F>(&self, news: News<F>, tell: impl Fn(&Mailbox, Attendance, F)) {
        for (call, attendance, fact) in news {
            if let Some(mailbox) = self.running.get(call) {
                tell(&mailbox, attendance, fact);
            }
        }
    }
}

/// Whoever panicked while holding it.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
