//! The job's key: who holds it belongs to the job.

use std::fmt;

use crate::Error;

/// 32 secret bytes shared by all processes of a job. Overwritten when dropped (moves may leave copies on the stack).
#[derive(Clone, PartialEq, Eq)]
pub struct JobKey([u8; 32]);

impl JobKey {
    /// A new key from the kernel's random numbers.
    ///
    /// # Errors
    /// The kernel gives no random numbers.
    pub fn generate() -> Result<Self, Error> {
        random().map(Self)
    }

    /// The key another process of the job has generated.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be passed on over a channel that only the job's processes can read; never on a command line.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobKey(..)")
    }
}

impl Drop for JobKey {
    fn drop(&mut self) {
        self.0 = [0; 32];
        // Keeps the store, which the compiler could otherwise drop as dead.
        std::hint::black_box(&self.0);
    }
}

/// Random bytes of the kernel: keys, nonces, socket names.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::system("get random numbers")(error.into()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_do_not_show() {
        let key = JobKey::generate().unwrap();
        assert_ne!(key, JobKey::generate().unwrap());
        assert_eq!(format!("{key:?}"), "JobKey(..)");
        assert_eq!(JobKey::from_bytes(*key.as_bytes()), key);
    }
}
