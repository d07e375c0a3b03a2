//! The random ends of node instance ids (spec dsl.md section 7.4).

use rand::Rng;

/// Gives the six characters that follow `<node>_` in an instance's id.
pub trait InstanceIds {
    /// The next end; the caller asks again when it is taken.
    fn next(&mut self) -> String;
}

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Random ends.
#[derive(Debug, Default)]
pub struct RandomIds;

impl InstanceIds for RandomIds {
    fn next(&mut self) -> String {
        let mut random = rand::rng();
        (0..6).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
    }
}

/// Ends in order: `aaaaaa`, `aaaaab`, ... for tests that compare whole plans.
#[derive(Debug, Default)]
pub struct CountedIds(pub u64);

impl InstanceIds for CountedIds {
    fn next(&mut self) -> String {
        let mut rest = self.0;
        self.0 += 1;
        let mut end = [b'a'; 6];
        for place in end.iter_mut().rev() {
            *place = ALPHABET[usize::try_from(rest % 36).unwrap_or(0)];
            rest /= 36;
        }
        end.iter().map(|byte| char::from(*byte)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_ends_count() {
        let mut ids = CountedIds(35);
        assert_eq!([ids.next(), ids.next(), ids.next()], ["aaaaa9", "aaaaba", "aaaabb"]);
    }

    #[test]
    fn random_ends_have_the_shape() {
        let end = RandomIds.next();
        assert!(end.len() == 6 && end.bytes().all(|byte| ALPHABET.contains(&byte)));
    }
}
