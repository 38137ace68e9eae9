//! Reading a message allocates nothing: counted by the allocator itself, in a binary of its own.
#![allow(
    unsafe_code,
    reason = "an allocator can only be replaced by an unsafe impl; this one adds a counter to the system's"
)]

use sip::message::{HeaderName, Message, validate};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system allocator unchanged; the counter is a plain thread-local cell.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

const INVITE: &str = "INVITE sip:+15550101@sip.example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport\r\nVia: SIP/2.0/UDP p1;branch=z9hG4bK1, SIP/2.0/UDP p2\r\n\
    Max-Forwards: 70\r\nFrom: \"Al \\\"the\\\" Pal\" <sip:+15550100@example.com>;tag=1\r\nTo: <sip:+15550101@sip.example.com>\r\n\
    Call-ID: 1234@example.com\r\nCSeq: 1 INVITE\r\nContact: <sip:al@192.0.2.1>\r\nRecord-Route: <sip:p1;lr>,\r\n <sip:p2;lr>\r\n\
    Allow: INVITE, ACK, BYE\r\nUser-Agent: test\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";

#[test]
fn reading_an_invite_allocates_nothing() {
    let counted = allocations(|| {
        let message = Message::parse(INVITE.as_bytes()).unwrap();
        let request = validate::request(&message).unwrap();
        assert_eq!(request.via.branch(), Some("z9hG4bKabc"));
        assert_eq!(request.from.tag(), Some("1"));
        assert_eq!(message.elements(HeaderName::RecordRoute).count(), 2);
        assert_eq!(message.elements(HeaderName::Via).count(), 3);
        assert_eq!(message.body(), b"v=0\r\n");
        validate::hops_left(&message).unwrap();
    });
    assert_eq!(counted, 0);
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1u8; 100]))) > 0);
}
