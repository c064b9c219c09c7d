//! Who takes part: collects the greetings of all ranks and compares what must be the same in each.

use crate::control::{Identity, PROTOCOL_VERSION};

/// What a rank said about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Process id as the rank sees it.
    pub pid: u32,
    /// Where it listens for its peers.
    pub address: String,
    /// Tracker it uses.
    pub tracker: String,
    /// What must agree.
    pub identity: Identity,
}

/// The ranks that have said hello.
#[derive(Debug)]
pub struct Membership {
    members: Vec<Option<Member>>,
    joined: usize,
}

impl Membership {
    /// Nobody has come yet, of `ranks`.
    pub fn new(ranks: u32) -> Membership {
        Membership {
            members: vec![None; ranks as usize],
            joined: 0,
        }
    }

    /// Rank `rank` says hello. `Ok(true)`: now all are there. Errors name the rank, the field and the remedy.
    pub fn join(&mut self, rank: u32, member: Member) -> Result<bool, String> {
        if member.identity.protocol != PROTOCOL_VERSION {
            return Err(format!(
                "rank {rank} was linked with a runtime of another version (protocol {}, caperun has {PROTOCOL_VERSION}): compile the \
                 program again with the capec that belongs to this caperun",
                member.identity.protocol
            ));
        }
        if let Some((other, known)) = self
            .members
            .iter()
            .enumerate()
            .find_map(|(k, m)| m.as_ref().map(|m| (k, m)))
        {
            let (one, another) = ((rank as usize, &member.identity), (other, &known.identity));
            // Whoever came first, the message is the same.
            if one.0 > another.0 {
                agree(one, another)?;
            } else {
                agree(another, one)?;
            }
        }
        match self.members.get_mut(rank as usize) {
            None => {
                return Err(format!(
                    "rank {rank} is not one of the {} ranks of the job",
                    self.members.len()
                ));
            }
            Some(Some(_)) => {
                return Err(format!(
                    "rank {rank} said hello twice: report this with the program that does it"
                ));
            }
            Some(slot) => *slot = Some(member),
        }
        self.joined += 1;
        Ok(self.complete())
    }

    /// Whether all ranks are there.
    pub fn complete(&self) -> bool {
        self.joined == self.members.len()
    }

    /// Whether `rank` is there.
    pub fn has(&self, rank: u32) -> bool {
        self.member(rank).is_some()
    }

    /// What `rank` said.
    pub fn member(&self, rank: u32) -> Option<&Member> {
        self.members.get(rank as usize).and_then(Option::as_ref)
    }

    /// Ranks that have not said hello.
    pub fn missing(&self) -> impl Iterator<Item = u32> {
        (0u32..)
            .zip(&self.members)
            .filter(|(_, member)| member.is_none())
            .map(|(rank, _)| rank)
    }

    /// Where each rank listens, by rank.
    pub fn addresses(&self) -> Vec<String> {
        self.members
            .iter()
            .flatten()
            .map(|member| member.address.clone())
            .collect()
    }
}

fn agree(
    (rank, mine): (usize, &Identity),
    (other, known): (usize, &Identity),
) -> Result<(), String> {
    if mine.build_id != known.build_id {
        return Err(format!(
            "rank {rank} runs another executable than rank {other} (build-id {} and {}): start the same file on every rank, and do \
             not replace it while a job starts",
            mine.build_id, known.build_id
        ));
    }
    if mine.libc_base != known.libc_base {
        return Err(format!(
            "the C library is at {:#x} in rank {rank} but at {:#x} in rank {other}, so addresses do not mean the same: link the program \
             with capec -static, or allow address randomisation to be switched off (personality ADDR_NO_RANDOMIZE)",
            mine.libc_base, known.libc_base
        ));
    }
    if mine.globals != known.globals {
        return Err(format!(
            "the program's globals are at {:#x}-{:#x} in rank {rank} but at {:#x}-{:#x} in rank {other}: compile the program again \
             with capec, without -pie",
            mine.globals.0, mine.globals.1, known.globals.0, known.globals.1
        ));
    }
    if mine.libraries != known.libraries {
        let list = |identity: &Identity| {
            let each = identity
                .libraries
                .iter()
                .map(|(name, address)| format!("{name} at {address:#x}"));
            each.collect::<Vec<_>>().join(", ")
        };
        return Err(format!(
            "rank {rank} has loaded other shared libraries than rank {other} ({}; {}): give every rank the same LD_LIBRARY_PATH and files, \
             or link the libraries as static archives",
            list(mine),
            list(known)
        ));
    }
    if mine.heap_size != known.heap_size {
        return Err(format!(
            "the heap has {} bytes in rank {rank} but {} in rank {other}: leave CAPE_HEAP_SIZE to caperun (--heap-size)",
            mine.heap_size, known.heap_size
        ));
    }
    if mine.stack_size != known.stack_size {
        return Err(format!(
            "stacks have {} bytes in rank {rank} but {} in rank {other}: give every rank the same ulimit -s and OMP_STACKSIZE",
            mine.stack_size, known.stack_size
        ));
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn identity() -> Identity {
        Identity {
            protocol: PROTOCOL_VERSION,
            build_id: "b1d".into(),
            libc_base: 0x7000,
            globals: (0x40_0000, 0x41_0000),
            libraries: Vec::new(),
            heap_size: 1 << 30,
            stack_size: 8 << 20,
        }
    }

    pub fn member(pid: u32) -> Member {
        Member {
            pid,
            address: format!("unix:@{pid}"),
            tracker: "sigsegv".into(),
            identity: identity(),
        }
    }

    #[test]
    fn the_job_starts_when_the_last_rank_is_there() {
        let mut ranks = Membership::new(3);
        assert_eq!(ranks.join(2, member(12)), Ok(false));
        assert_eq!(ranks.missing().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(ranks.join(0, member(10)), Ok(false));
        assert!(!ranks.complete() && ranks.has(0) && !ranks.has(1));
        assert_eq!(ranks.join(1, member(11)), Ok(true));
        assert_eq!(ranks.addresses(), ["unix:@10", "unix:@11", "unix:@12"]);
    }

    #[test]
    fn every_difference_names_rank_field_and_remedy() {
        type Change = fn(&mut Identity);
        let cases: [(Change, &str, &str); 7] = [
            (|i| i.protocol += 1, "protocol", "compile the program again"),
            (
                |i| i.build_id = "other".into(),
                "build-id other and b1d",
                "same file",
            ),
            (|i| i.libc_base += 4096, "0x8000 in rank 1", "-static"),
            (|i| i.globals.1 += 1, "globals", "capec"),
            (
                |i| i.libraries.push(("libx.so".into(), 0x7000)),
                "libx.so at 0x7000",
                "LD_LIBRARY_PATH",
            ),
            (|i| i.heap_size *= 2, "heap", "CAPE_HEAP_SIZE"),
            (|i| i.stack_size *= 2, "stacks", "ulimit -s"),
        ];
        for (change, field, remedy) in cases {
            let mut ranks = Membership::new(2);
            assert_eq!(ranks.join(0, member(1)), Ok(false));
            let mut odd = member(2);
            change(&mut odd.identity);
            let error = ranks.join(1, odd).expect_err(field);
            assert!(
                error.contains("rank 1") && error.contains(field) && error.contains(remedy),
                "{error}"
            );
        }
    }

    #[test]
    fn nobody_joins_twice_or_from_outside() {
        let mut ranks = Membership::new(2);
        assert_eq!(ranks.join(0, member(1)), Ok(false));
        assert!(
            ranks
                .join(0, member(1))
                .expect_err("twice")
                .contains("twice")
        );
        assert!(
            ranks
                .join(2, member(1))
                .expect_err("outside")
                .contains("rank 2 is not one of the 2")
        );
    }
}
