//! What a SIP user agent has done and holds, in numbers: for whoever asks in this process, and for whichever recorder
//! of metrics is installed. The names and what they mean stand here, all of them.

use std::sync::atomic::{AtomicU64, Ordering};

/// The running counts, shared with whoever shows them.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) received: Count,
    pub(crate) sent: Count,
    pub(crate) retransmitted: Count,
    pub(crate) over_budget: Count,
    pub(crate) strangers: Count,
    pub(crate) send_failures: Count,
    pub(crate) orders_refused: Count,
    pub(crate) incoming: Count,
    pub(crate) over_share: Count,
    pub(crate) panics: Count,
    pub(crate) restarts: Count,
    pub(crate) connections_taken: Count,
    pub(crate) connections_refused: Count,
    pub(crate) connections_lost: Count,
    pub(crate) failovers: Count,
    pub(crate) levels: Levels,
}

/// What is held at a moment.
#[derive(Debug)]
pub(crate) struct Levels {
    pub(crate) calls: metrics::Gauge,
    pub(crate) transactions: metrics::Gauge,
    pub(crate) timers: metrics::Gauge,
    pub(crate) connections: metrics::Gauge,
    pub(crate) orders: metrics::Gauge,
}

/// One count.
#[derive(Debug)]
pub(crate) struct Count {
    here: AtomicU64,
    metric: metrics::Counter,
}

impl Count {
    const fn new(metric: metrics::Counter) -> Self {
        Self { here: AtomicU64::new(0), metric }
    }

    /// One more.
    pub(crate) fn add(&self) {
        self.here.fetch_add(1, Ordering::Relaxed);
        self.metric.increment(1);
    }

    fn get(&self) -> u64 {
        self.here.load(Ordering::Relaxed)
    }
}

/// What a SIP user agent has done since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AgentFigures {
    /// Messages that arrived.
    pub received: u64,
    /// Messages sent.
    pub sent: u64,
    /// How many of them were repetitions.
    pub retransmitted: u64,
    /// Messages and connections dropped unread because their source had sent too many.
    pub over_budget: u64,
    /// Requests outside of any call that were dropped because of where they came from.
    pub strangers: u64,
    /// Messages that could not be sent.
    pub send_failures: u64,
    /// Orders that did not fit the call's state.
    pub orders_refused: u64,
    /// Incoming calls.
    pub incoming: u64,
    /// Pieces of work that ended in a panic: a datagram, an order, a timer or an event was lost by each.
    pub panics: u64,
    /// Connections that peers opened and that were taken.
    pub connections_taken: u64,
    /// Connections that peers opened and that were closed at once.
    pub connections_refused: u64,
    /// Connections that ended without our doing.
    pub connections_lost: u64,
    /// Calls that went on to the next host.
    pub failovers: u64,
}

impl Counters {
    /// All zero; the agent's name stands beside each figure.
    pub(crate) fn new(agent: &'static str) -> Self {
        describe();
        let count = |name: &'static str| Count::new(metrics::counter!(name, "agent" => agent));
        let level = |name: &'static str| metrics::gauge!(name, "agent" => agent);
        Self {
            received: count(RECEIVED),
            sent: count(SENT),
            retransmitted: count(RETRANSMITTED),
            over_budget: count(OVER_BUDGET),
            strangers: count(STRANGERS),
            send_failures: count(SEND_FAILURES),
            orders_refused: count(ORDERS_REFUSED),
            incoming: count(INCOMING),
            over_share: count(OVER_SHARE),
            panics: count(PANICS),
            restarts: count(RESTARTS),
            connections_taken: count(CONNECTIONS_TAKEN),
            connections_refused: count(CONNECTIONS_REFUSED),
            connections_lost: count(CONNECTIONS_LOST),
            failovers: count(FAILOVERS),
            levels: Levels {
                calls: level(CALLS),
                transactions: level(TRANSACTIONS),
                timers: level(TIMERS),
                connections: level(CONNECTIONS),
                orders: level(ORDERS_WAITING),
            },
        }
    }

    /// The counts as they are now.
    pub(crate) fn figures(&self) -> AgentFigures {
        AgentFigures {
            received: self.received.get(),
            sent: self.sent.get(),
            retransmitted: self.retransmitted.get(),
            over_budget: self.over_budget.get(),
            strangers: self.strangers.get(),
            send_failures: self.send_failures.get(),
            orders_refused: self.orders_refused.get(),
            incoming: self.incoming.get(),
            panics: self.panics.get(),
            connections_taken: self.connections_taken.get(),
            connections_refused: self.connections_refused.get(),
            connections_lost: self.connections_lost.get(),
            failovers: self.failovers.get(),
        }
    }
}

const RECEIVED: &str = "lyrebird_sip_messages_received_total";
const SENT: &str = "lyrebird_sip_messages_sent_total";
const RETRANSMITTED: &str = "lyrebird_sip_retransmissions_total";
const OVER_BUDGET: &str = "lyrebird_sip_over_budget_total";
const STRANGERS: &str = "lyrebird_sip_strangers_total";
const SEND_FAILURES: &str = "lyrebird_sip_send_failures_total";
const ORDERS_REFUSED: &str = "lyrebird_sip_orders_refused_total";
const INCOMING: &str = "lyrebird_sip_incoming_calls_total";
const OVER_SHARE: &str = "lyrebird_sip_over_share_total";
const PANICS: &str = "lyrebird_sip_panics_total";
const RESTARTS: &str = "lyrebird_sip_restarts_total";
const CONNECTIONS_TAKEN: &str = "lyrebird_sip_connections_taken_total";
const CONNECTIONS_REFUSED: &str = "lyrebird_sip_connections_refused_total";
const CONNECTIONS_LOST: &str = "lyrebird_sip_connections_lost_total";
const FAILOVERS: &str = "lyrebird_sip_failovers_total";
const CALLS: &str = "lyrebird_sip_calls";
const TRANSACTIONS: &str = "lyrebird_sip_transactions";
const TIMERS: &str = "lyrebird_sip_timers";
const CONNECTIONS: &str = "lyrebird_sip_connections";
const ORDERS_WAITING: &str = "lyrebird_sip_orders_waiting";

fn describe() {
    let count = |name: &'static str, what: &'static str| metrics::describe_counter!(name, what);
    let level = |name: &'static str, what: &'static str| metrics::describe_gauge!(name, what);
    level("lyrebird_sip_registered_contacts", "Places at which phones are registered.");
    metrics::describe_counter!(
        "lyrebird_sip_register_requests_total",
        "Registrations of phones, by outcome."
    );
    metrics::describe_counter!("lyrebird_sandbox_unheard_total", "Sounds of test calls that were not kept.");
    count(RECEIVED, "SIP messages that arrived");
    count(SENT, "SIP messages sent");
    count(RETRANSMITTED, "SIP messages sent again");
    count(OVER_BUDGET, "messages and connections dropped unread: their source had sent too many");
    count(STRANGERS, "requests of sources we do not know, dropped without an answer");
    count(SEND_FAILURES, "SIP messages that could not be sent");
    count(ORDERS_REFUSED, "orders that did not fit the call's state");
    count(INCOMING, "calls that arrived");
    count(OVER_SHARE, "calls refused because their source had its share of all places");
    count(PANICS, "pieces of work that ended in a panic");
    count(RESTARTS, "times the user agent was started anew after it broke");
    count(CONNECTIONS_TAKEN, "connections of peers that were taken");
    count(CONNECTIONS_REFUSED, "connections of peers that were closed at once");
    count(CONNECTIONS_LOST, "connections that ended");
    count(FAILOVERS, "calls that went on to the next host");
    level(CALLS, "calls the endpoint holds");
    level(TRANSACTIONS, "transactions the endpoint holds");
    level(TIMERS, "timers the endpoint holds");
    level(CONNECTIONS, "connections");
    level(ORDERS_WAITING, "orders that wait for the user agent");
}
