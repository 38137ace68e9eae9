//! What sipp plays when it is called.

use super::{COMPLETED, Deed, GATHER, HANG_UP, HANG_UP_LATER, Scenario};

/// We call, sipp is called.
pub(crate) const CALLED: &[Scenario] = &[
    Scenario::new(
        "early sound that is acknowledged by PRACK",
        "< INVITE
             > 183 INVITE sdp resend header=Require:_100rel header=RSeq:_77
             < PRACK has=RAck
             > 200 PRACK
             > 200 INVITE resend
             < ACK
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .flow(HANG_UP),
    Scenario::new(
        "an UPDATE before the answer",
        "< INVITE
             > 183 INVITE sdp resend header=Require:_100rel header=RSeq:_9
             < PRACK
             > 200 PRACK
             > UPDATE sdp
             < 200
             > 200 INVITE resend
             < ACK
             > BYE
             < 200",
        COMPLETED,
    ),
    Scenario::new(
        "a session that is to last longer (422)",
        "< INVITE
             > 422 INVITE resend header=Min-SE:_3600
             < ACK
             < INVITE has=Min-SE
             > 200 INVITE sdp resend header=Require:_timer header=Session-Expires:_3600;refresher=uac
             < ACK
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .flow(HANG_UP),
    Scenario::new(
        "a session that the callee refreshes",
        "< INVITE
             > 200 INVITE sdp resend header=Require:_timer header=Session-Expires:_1800;refresher=uas
             < ACK
             > UPDATE header=Supported:_timer header=Session-Expires:_1800;refresher=uac
             < 200 has=Session-Expires
             > BYE
             < 200",
        COMPLETED,
    ),
    Scenario::new(
        "hold and resume by re-INVITE",
        "< INVITE
             > 180 INVITE
             > 200 INVITE sdp resend
             < ACK
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
    ),
    Scenario::new(
        "hold and resume by UPDATE",
        "< INVITE
             > 200 INVITE sdp resend
             < ACK
             > UPDATE gone
             < 200
             > UPDATE sdp
             < 200
             > BYE
             < 200",
        COMPLETED,
    ),
    Scenario::new(
        "a digit by INFO",
        "< INVITE
             > 200 INVITE sdp resend
             < ACK
             > INFO dtmf=5
             < 200
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .flow(GATHER)
    .told("dtmf"),
    Scenario::new(
        "a REFER that is refused",
        "< INVITE
             > 200 INVITE sdp resend
             < ACK
             > REFER header=Refer-To:_<sip:+4930300000@127.0.0.1>
             < 603
             > BYE
             < 200",
        COMPLETED,
    ),
    Scenario::new(
        "a redirection that is not followed",
        "< INVITE
             > 302 INVITE resend
             < ACK",
        ("failed", "failed"),
    ),
    Scenario::new(
        "two forks that ring, one that answers",
        "< INVITE
             > 180 INVITE tag=a
             > 183 INVITE sdp tag=b
             > 180 INVITE tag=c
             > 200 INVITE sdp resend tag=b
             < ACK
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .flow(HANG_UP),
    Scenario::new(
        "two forks that both answer",
        "< INVITE
             > 183 INVITE sdp tag=a
             > 180 INVITE tag=b
             > 200 INVITE sdp resend tag=a
             < ACK
             > 200 INVITE sdp resend tag=b
             < ACK
             < BYE
             > 200 BYE
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .flow(HANG_UP_LATER),
    Scenario::new(
        "a ringing call that is withdrawn",
        "< INVITE
             > 180 INVITE resend
             < CANCEL
             > 200 CANCEL
             > 487 INVITE resend
             < ACK",
        ("canceled", "canceled"),
    )
    .deed(Deed::Withdraw),
    Scenario::new(
        "an answer that crosses the withdrawal",
        "< INVITE
             > 180 INVITE resend
             < CANCEL
             > 200 CANCEL
             > 200 INVITE sdp resend
             < ACK
             < BYE
             > 200 BYE",
        ("canceled", "canceled"),
    )
    .deed(Deed::Withdraw),
    Scenario::new(
        "a challenge",
        "< INVITE
             > 407 INVITE resend
             < ACK
             < INVITE has=Proxy-Authorization
             > 200 INVITE sdp resend
             < ACK
             < BYE
             > 200 BYE",
        COMPLETED,
    )
    .trunk(r#"{ "username": "alice", "password": "s3cret" }"#)
    .flow(HANG_UP),
    Scenario::new(
        "somebody busy",
        "< INVITE
             > 180 INVITE
             > 486 INVITE resend
             < ACK",
        ("busy", "busy"),
    ),
    Scenario::new(
        "a carrier that is overloaded",
        "< INVITE
             > 503 INVITE resend header=Retry-After:_5
             < ACK",
        ("failed", "failed"),
    ),
];
