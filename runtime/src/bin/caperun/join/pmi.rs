//! The PMI-1 wire protocol: lines of `key=value` words over an inherited descriptor (`PMI_FD`).
//!
//! MPICH's hydra speaks it, and Slurm's `pmi2` plugin understands it too. One request, one answer:
//!
//! ```text
//! cmd=init pmi_version=1 pmi_subversion=1          cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0
//! cmd=get_my_kvsname                               cmd=my_kvsname kvsname=kvs_17_0
//! cmd=put kvsname=… key=… value=…                  cmd=put_result rc=0 msg=success
//! cmd=barrier_in                                   cmd=barrier_out
//! cmd=get kvsname=… key=…                          cmd=get_result rc=0 msg=success value=…
//! cmd=finalize                                     cmd=finalize_ack
//! ```

use std::io::{Read, Write};

use super::exchange::Exchange;
use crate::report::Failure;

/// Bytes of an answer at most.
const LONGEST: usize = 8 << 10;

/// A connection to the launcher's server.
pub struct Pmi<S> {
    server: S,
    space: String,
}

fn failed(what: &str, why: impl std::fmt::Display) -> Failure {
    Failure::new(format!(
        "the launcher's PMI server {what}: {why}; look for its own message above, or use caperun instead of it"
    ))
}

/// The value of `key` in a line of `key=value` words.
fn word<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split_ascii_whitespace()
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

impl<S: Read + Write> Pmi<S> {
    /// Introduces this process to `server`.
    pub fn new(server: S) -> Result<Pmi<S>, Failure> {
        let mut pmi = Pmi {
            server,
            space: String::new(),
        };
        pmi.ask(
            "cmd=init pmi_version=1 pmi_subversion=1",
            "response_to_init",
        )?;
        let answer = pmi.ask("cmd=get_my_kvsname", "my_kvsname")?;
        let space = word(&answer, "kvsname");
        pmi.space = space
            .ok_or_else(|| failed("gives no key space", &answer))?
            .to_owned();
        Ok(pmi)
    }

    fn ask(&mut self, request: &str, expected: &str) -> Result<String, Failure> {
        let line = format!("{request}\n");
        let written = self.server.write_all(line.as_bytes());
        written.map_err(|error| failed("is gone", error))?;
        let answer = self.line()?;
        let good = word(&answer, "cmd") == Some(expected)
            && word(&answer, "rc").is_none_or(|code| code == "0");
        if good {
            Ok(answer)
        } else {
            // What was asked may hold the job's key; what was answered does not.
            Err(failed("refuses", &answer))
        }
    }

    /// The answer is read byte by byte: nothing behind it is ours.
    fn line(&mut self) -> Result<String, Failure> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            match self.server.read(&mut byte) {
                Ok(0) => return Err(failed("is gone", "it closed the connection")),
                Ok(_) if byte == *b"\n" => break,
                Ok(_) if line.len() == LONGEST => return Err(failed("fails", "an endless answer")),
                Ok(_) => line.push(byte[0]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("is gone", error)),
            }
        }
        String::from_utf8(line).map_err(|error| failed("fails", error))
    }
}

impl<S: Read + Write> Exchange for Pmi<S> {
    fn put(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        let space = &self.space;
        let request = format!("cmd=put kvsname={space} key={key} value={value}");
        self.ask(&request, "put_result").map(drop)
    }

    fn fence(&mut self) -> Result<(), Failure> {
        self.ask("cmd=barrier_in", "barrier_out").map(drop)
    }

    fn get(&mut self, _rank: u32, key: &str) -> Result<String, Failure> {
        let request = format!("cmd=get kvsname={} key={key}", self.space);
        let answer = self.ask(&request, "get_result")?;
        let value = word(&answer, "value").map(str::to_owned);
        value.ok_or_else(|| failed("gives no value", key))
    }

    /// The server lets a process introduce itself again, but nobody come back.
    fn hand_on(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Failure> {
        self.ask("cmd=finalize", "finalize_ack").map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixStream;

    /// Answers each line with the next of `answers`; gives back what was asked.
    fn server(
        stream: UnixStream,
        answers: &'static [&'static str],
    ) -> std::thread::JoinHandle<Vec<String>> {
        std::thread::spawn(move || {
            let mut asked = Vec::new();
            let mut lines = BufReader::new(stream.try_clone().expect("clones")).lines();
            for answer in answers {
                asked.push(lines.next().expect("asked").expect("read"));
                (&stream).write_all(answer.as_bytes()).expect("answers");
            }
            asked
        })
    }

    #[test]
    fn a_conversation_is_carried_on() {
        let (own, other) = UnixStream::pair().expect("pair");
        let server = server(
            other,
            &[
                "cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0\n",
                "cmd=my_kvsname kvsname=k_1\n",
                "cmd=put_result rc=0 msg=success\n",
                "cmd=barrier_out\n",
                "cmd=get_result rc=0 msg=success value=h61k\n",
                "cmd=finalize_ack\n",
            ],
        );
        let mut pmi = Pmi::new(own).unwrap_or_else(|failure| panic!("{}", failure.message));
        assert!(pmi.put("cape-0", "h61k").is_ok());
        assert!(pmi.fence().is_ok());
        assert_eq!(pmi.get(0, "cape-0"), Ok("h61k".to_owned()));
        assert!(pmi.leave().is_ok());
        let asked = server.join().expect("served");
        assert_eq!(asked[2], "cmd=put kvsname=k_1 key=cape-0 value=h61k");
        assert_eq!(asked[4], "cmd=get kvsname=k_1 key=cape-0");
    }

    #[test]
    fn refusals_and_ends_are_told() {
        for (answers, part) in [
            (&["cmd=response_to_init rc=-1\n"][..], "refuses"),
            (&["cmd=what rc=0\n"][..], "refuses"),
            (&[][..], "is gone"),
            (
                &["cmd=response_to_init rc=0\n", "cmd=my_kvsname\n"][..],
                "no key space",
            ),
        ] {
            let (own, other) = UnixStream::pair().expect("pair");
            let server = server(other, answers);
            let failure = Pmi::new(own).map(drop).expect_err(part);
            assert!(failure.message.contains(part), "{}", failure.message);
            drop(server.join());
        }
    }
}
