//! The engine over real sockets on loopback: what a far side hears, and what the rest of the program is told.

#[cfg(test)]
mod conferences;
mod digits;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod hearing;
#[cfg(test)]
mod playback;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod recording;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod support;
