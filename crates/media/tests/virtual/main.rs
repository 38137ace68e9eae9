//! The plane in virtual time: legs of ours, each with a far side that is a leg of another plane, and a wire between
//! them. Hours pass in seconds.
#![cfg(test)]

mod amd;
mod bridges;
mod clocks;
mod codecs;
mod conferences;
mod flow;
mod secure;
mod strangers;
mod whole;
mod world;
