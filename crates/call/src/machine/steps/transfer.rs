//! `transfer`: hands the far side over. Blind: it is asked to call the new party itself. Attended: the new party is called
//! first; then the far side is asked to take our place there, where one trunk carries both, or else the two are
//! connected here.

use super::super::stage::Stage;
use super::super::timers::Timer;
use super::bridge::Bridge;
use super::{FlowStep, Progress, StepEvent};
use model::child::{ChildFact, ChildSetup};
use model::flow::{self, TransferMode};
use model::leg::LegOrder;
use model::transfer::{TransferFact, TransferTarget};
use model::{CallId, LegId, Pii, TrunkId};
use serde::{Deserialize, Serialize};

/// How long the far side may take to get through to the new party.
const TRANSFER_MS: u64 = 180_000;

/// A handing over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Transfer {
    to: Pii<String>,
    /// Attended: the call to the new party.
    bridge: Option<Bridge>,
    /// The far side was asked.
    asked: bool,
    /// The trunk of the new party, to be told to the bridge if the far side refuses.
    trunk: Option<TrunkId>,
}

impl Transfer {
    pub(super) fn prepare(transfer: &flow::Transfer, stage: &mut Stage) -> Self {
        let bridge = (transfer.mode == TransferMode::Attended).then(|| {
            let (to, from) = (transfer.to.clone(), transfer.from.clone());
            let setup = ChildSetup::to(to, from, transfer.ring_timeout_ms);
            let music = stage.prompts.music(None, &mut stage.desk);
            Bridge::new(setup, Some(music), true)
        });
        Self { to: transfer.to.clone(), bridge, asked: false, trunk: None }
    }

    fn ask(&mut self, target: TransferTarget, stage: &mut Stage) -> Progress {
        self.asked = true;
        stage.desk.set_timer(Timer::Transfer, TRANSFER_MS);
        stage.desk.order_leg(LegOrder::Transfer { target });
        Progress::Running
    }

    fn on_transfer(&mut self, fact: TransferFact, stage: &mut Stage) -> Progress {
        match fact {
            TransferFact::Agreed => Progress::Running,
            TransferFact::Done | TransferFact::Untold => Progress::HangUp(None),
            TransferFact::Failed { code } => self.refused(&format!("the far side could not: {code}"), stage),
        }
    }

    /// The far side does not take our place: the two stay connected here, if there are two.
    fn refused(&mut self, reason: &str, stage: &mut Stage) -> Progress {
        self.asked = false;
        stage.desk.timers.clear(Timer::Transfer);
        let child = self.bridge.as_ref().and_then(Bridge::child);
        match (&mut self.bridge, child) {
            (Some(bridge), Some(child)) => {
                bridge.on_child(child, &ChildFact::Ready { trunk: self.trunk }, stage)
            }
            _ => Progress::failed(reason),
        }
    }

    fn on_child(&mut self, child: CallId, fact: &ChildFact, stage: &mut Stage) -> Progress {
        if let ChildFact::Ready { trunk } = fact
            && trunk.is_some()
            && *trunk == stage.desk.call.trunk
        {
            self.trunk = *trunk;
            return self.ask(TransferTarget::Leg(LegId::new(child, 0)), stage);
        }
        let over = matches!(fact, ChildFact::Ended(_));
        match &mut self.bridge {
            // The far side has taken our place there: our leg is not needed any more, and its end says how it went.
            Some(_) if over && self.asked => Progress::Running,
            Some(bridge) => bridge.on_child(child, fact, stage),
            None => Progress::Running,
        }
    }
}

impl FlowStep for Transfer {
    fn start(&mut self, stage: &mut Stage) -> Progress {
        match &mut self.bridge {
            Some(bridge) => bridge.start(stage),
            None => {
                let target = TransferTarget::Address(self.to.clone());
                self.ask(target, stage)
            }
        }
    }

    fn on_event(&mut self, event: &StepEvent, stage: &mut Stage) -> Progress {
        match event {
            StepEvent::Transfer(fact) if self.asked => self.on_transfer(*fact, stage),
            StepEvent::Timer(Timer::Transfer) => self.refused("the far side did not get through", stage),
            StepEvent::Child(child, fact) if self.bridge.as_ref().and_then(Bridge::child) == Some(*child) => {
                self.on_child(*child, fact, stage)
            }
            StepEvent::Child(..) => Progress::Running,
            other => match &mut self.bridge {
                Some(bridge) => bridge.on_event(other, stage),
                None => Progress::Running,
            },
        }
    }

    fn stop(&mut self, stage: &mut Stage) {
        if let Some(bridge) = &mut self.bridge {
            bridge.stop(stage);
        }
    }

    fn forget(&mut self, stage: &mut Stage) {
        if let Some(bridge) = &mut self.bridge {
            bridge.forget(stage);
        }
    }
}
