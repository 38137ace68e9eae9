//! The machine from outside: call scripts that read like scores, and random programs. A score names inputs with the
//! time since the one before, and below each the outputs it must bring (score/mod.rs says the words).

#[cfg(test)]
mod amd;
#[cfg(test)]
mod bridge;
#[cfg(test)]
mod control;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod gather;
mod gather_speech;
#[cfg(test)]
mod inbound;
#[cfg(test)]
mod jumps;
#[cfg(test)]
mod live;
#[cfg(test)]
mod meetings;
#[cfg(test)]
mod outbound;
#[cfg(test)]
mod random;
#[cfg(test)]
mod recording;
#[cfg(test)]
mod recover;
#[cfg(test)]
mod score;
#[cfg(test)]
mod steps;
