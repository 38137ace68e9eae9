//! Where a worker keeps its legs: places that are used again, each use with a new generation, so that an old key
//! never finds a new leg.

/// Names one value of a slab for its whole life, and none after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

/// Generations wrap within 31 bits, which leaves a token one bit of its own.
const GENERATION_MASK: u32 = 0x7fff_ffff;

impl Key {
    /// The key as 63 bits.
    pub(crate) const fn to_bits(self) -> u64 {
        ((self.generation as u64) << 32) | self.index as u64
    }

    /// The key of [`Self::to_bits`].
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self { index: bits as u32, generation: (bits >> 32) as u32 & GENERATION_MASK }
    }
}

/// Values at places that do not move.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    value: Option<Box<T>>,
}

impl<T> Slab<T> {
    /// An empty slab.
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// Keeps a value. There are never 2^32 legs, so the index fits.
    pub(crate) fn insert(&mut self, value: Box<T>) -> Key {
        if let Some(index) = self.free.pop()
            && let Some(place) = self.places.get_mut(index as usize)
        {
            place.value = Some(value);
            return Key { index, generation: place.generation };
        }
        let index = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.push(Place { generation: 0, value: Some(value) });
        Key { index, generation: 0 }
    }

    /// The value of a key.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation == key.generation { place.value.as_deref_mut() } else { None }
    }

    /// Takes the value out; its key finds nothing any more.
    pub(crate) fn remove(&mut self, key: Key) -> Option<Box<T>> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation != key.generation {
            return None;
        }
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1) & GENERATION_MASK;
        self.free.push(key.index);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_key_never_finds_a_new_value() {
        let mut slab = Slab::new();
        let first = slab.insert(Box::new('a'));
        let second = slab.insert(Box::new('b'));
        assert_eq!(slab.remove(first).as_deref(), Some(&'a'));
        assert_eq!(slab.remove(first), None);
        let third = slab.insert(Box::new('c'));
        assert_eq!(slab.get_mut(first), None);
        assert_eq!(slab.get_mut(second), Some(&mut 'b'));
        assert_eq!(slab.get_mut(third), Some(&mut 'c'));
        assert_eq!(Key::from_bits(third.to_bits()), third);
    }
}
