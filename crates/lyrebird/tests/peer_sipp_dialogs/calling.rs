//! What sipp plays when it calls.

use super::{COMPLETED, Deed, Scenario};

/// sipp calls us.
pub(crate) const CALLING: &[Scenario] = &[
    Scenario::new(
        "a call that the app ends",
        "> INVITE sdp
             <? 100
             <? 180
             < 200
             > ACK
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .deed(Deed::AnswerAndHangUp),
    Scenario::new(
        "a call that the caller ends",
        "> INVITE sdp
             <? 100
             <? 180
             < 200
             > ACK
             > BYE
             < 200",
        COMPLETED,
    )
    .deed(Deed::Answer),
    Scenario::new(
        "a call that is rejected",
        "> INVITE sdp
             <? 100
             <? 180
             < 603
             > ACK refused",
        ("failed", "rejected"),
    )
    .deed(Deed::Reject),
    Scenario::new(
        "a caller who gives up",
        "> INVITE sdp header=Require:_100rel
             <? 100
             < 180 reliable
             > PRACK txn=prack
             < 200 txn=prack
             > CANCEL
             < 200
             < 487
             > ACK refused",
        ("canceled", "canceled"),
    ),
    Scenario::new(
        "ringing that is acknowledged by PRACK",
        "> INVITE sdp header=Require:_100rel
             <? 100
             < 180 reliable
             > PRACK txn=prack
             < 200 txn=prack
             < 200
             > ACK
             > BYE
             < 200",
        COMPLETED,
    )
    .deed(Deed::AnswerAcknowledged),
    Scenario::new(
        "a session that is to last longer (422)",
        "> INVITE sdp header=Supported:_timer header=Session-Expires:_60
             <? 100
             < 422 has=Min-SE
             > ACK refused
             > INVITE fresh sdp header=Supported:_timer header=Session-Expires:_90 header=Min-SE:_90
             <? 100
             <? 180
             < 200 has=Session-Expires
             > ACK
             > BYE
             < 200",
        COMPLETED,
    )
    .deed(Deed::Answer),
    Scenario::new(
        "an offer that comes with the answer",
        "> INVITE
             <? 100
             <? 180
             < 200
             > ACK sdp
             pause 1500
             > BYE
             < 200",
        COMPLETED,
    )
    .deed(Deed::Answer),
    Scenario::new(
        "hold and resume by re-INVITE",
        "> INVITE sdp
             <? 100
             <? 180
             < 200
             > ACK
             > INVITE hold
             <? 100
             < 200
             > ACK
             > INVITE sdp
             <? 100
             < 200
             > ACK
             > BYE
             < 200",
        COMPLETED,
    )
    .deed(Deed::Answer),
    Scenario::new(
        "an UPDATE, a digit by INFO and a REFER that is refused",
        "> INVITE sdp
             <? 100
             <? 180
             < 200
             > ACK
             > UPDATE sdp
             < 200
             > INFO dtmf=7
             < 200
             > REFER header=Refer-To:_<sip:+4930300000@127.0.0.1>
             < 603
             > BYE
             < 200",
        COMPLETED,
    )
    .deed(Deed::Answer)
    .told("dtmf"),
];
