//! Legs over real SIP on loopback: to personas, over trunks, and against peers that do unusual things.
#![cfg(test)]

mod dns;
mod failover;
mod overload;
mod peer;
mod personas;
mod phones;
mod registration;
mod sandbox;
mod streams;
mod support;
mod transfers;
mod trunk;
mod unusual;
