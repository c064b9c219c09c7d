//! How a crew comes to be: agents are launched, then ranks are started everywhere.

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::Arc;

use super::branch::{self, Branch};
use super::input::Input;
use super::program::Program;
use super::{Crew, Down, Launching, News, Own, Site, command, trouble};
use crate::agent::protocol::Briefing;
use crate::board::Board;
use crate::cli::Options;
use crate::launch::{self, Bundle, Recipe, Streams};
use crate::ranks::Ranks;
use crate::report::Failure;
use transport::Transport;

/// How the agents of a job are started.
pub fn launching(options: &Options) -> Result<Launching, Failure> {
    let placement = &options.placement;
    let template = placement
        .launch_agent
        .as_deref()
        .unwrap_or(command::DEFAULT);
    let template = command::split(template).map_err(|error| {
        let message = format!(
            "--launch-agent \"{template}\": {error}; write a command such as \"{}\"",
            command::DEFAULT
        );
        Failure::with_code(message, 2)
    })?;
    Ok(Launching {
        template,
        program: std::env::current_exe().unwrap_or_default().into_os_string(),
        push: placement.push,
        patience: options.launch_patience,
    })
}

impl Launching {
    /// The command that starts an agent on `host`, for people.
    pub fn shown(&self, host: &str) -> String {
        branch::shown(&self.words(host))
    }

    pub(super) fn words(&self, host: &str) -> Vec<OsString> {
        let agent = if self.push {
            command::pushed(branch::own_length())
        } else {
            command::installed(&self.program)
        };
        command::command(&self.template, host, &agent)
    }
}

impl Crew {
    /// Launches the agents of `sites`. One that cannot be started is news.
    pub fn recruit(&mut self, sites: Vec<Site>, launching: &Launching) -> Result<(), Failure> {
        self.launching = Some(launching.clone());
        for site in sites {
            if site.joins {
                self.add(Branch::awaited(site, launching.patience));
                continue;
            }
            let briefing = Briefing {
                key: *self.standing.key.as_bytes(),
                agent: site.agent,
                parent: self.standing.agent,
                contact: self.node.contact().to_string(),
                host: site.host.clone(),
                inherits: self.standing.inherits && site.beside,
                elsewhere: self.standing.elsewhere || !site.beside,
                place: match site.beside {
                    true => self.standing.place.clone(),
                    false => Some(site.host.clone()),
                },
                listen: self.standing.listen.filter(|_| site.beside),
                tcp: self.standing.tcp,
                secure: self.standing.secure,
                patience: u32::try_from(self.standing.patience.as_secs()).unwrap_or(u32::MAX),
                verbose: self.standing.verbose,
            };
            match Branch::launch(site, launching, &briefing, self.standing.mask) {
                Ok(launched) => {
                    if let Some(noise) = launched.noise {
                        self.reader()?.add(noise);
                    }
                    self.add(launched.branch);
                }
                Err((site, program, error)) => {
                    let message = trouble::no_launcher(&site, &program, &error);
                    self.news.push_back(News::Failed { message, code: 1 });
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, branch: Branch) {
        let index = self.branches.len();
        let ranks = branch.site.all_ranks().into_iter();
        self.by_rank.extend(ranks.map(|rank| (rank, index)));
        index_agents(&branch.site, index, &mut self.by_agent);
        self.branches.push(branch);
    }

    /// Sends the next bytes of the program to all agents; an agent keeps them, too.
    pub fn send_program(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        if self.standing.agent.is_some() {
            let program = match self.program.take() {
                Some(program) => program,
                None => Program::new()?,
            };
            self.program.insert(program).append(&bytes)?;
        }
        let message = Down::Program(bytes);
        for branch in &mut self.branches {
            branch.say(&message, &*self.node);
        }
        Ok(())
    }

    /// Has all agents start their ranks, and starts `ranks`, of whose host `before` others come before them.
    pub fn start(&mut self, ranks: &[u32], before: u32, recipe: &Recipe) -> Result<(), Failure> {
        let start = Down::Start(Box::new(recipe.clone()));
        for branch in &mut self.branches {
            branch.say(&start, &*self.node);
        }
        let board = Arc::new(Board::new(recipe.ranks)?);
        let streams = match (self.standing.agent, self.standing.inherits) {
            (None, _) if recipe.tag_output => Streams::Read,
            (None, _) => Streams::Inherited,
            (Some(_), true) if !recipe.tag_output => Streams::Inherited,
            (Some(_), _) => Streams::Relayed,
        };
        let program = self.program.as_ref().map(Program::path);
        let bundle = Bundle {
            key: &self.standing.key,
            address: &self.node.contact(),
            agent: self.standing.agent,
            before,
            program: program.as_deref(),
            listen: self.standing.listen,
            board: &board,
            mask: self.standing.mask,
            descriptors: self.standing.descriptors,
            streams,
            elsewhere: self.standing.elsewhere,
            place: self.standing.place.as_deref(),
            plugin: self.standing.plugin.as_deref(),
        };
        let launched = launch::launch(ranks, recipe, &bundle)?;
        // All execute it by now.
        self.program = None;
        for (rank, pid) in &launched.pids {
            self.news.push_back(News::Started {
                rank: *rank,
                pid: pid.as_raw(),
            });
        }
        let read = launched.sources.is_empty();
        if !read {
            let reader = self.reader()?;
            reader.note_on(Arc::clone(&board));
            launched
                .sources
                .into_iter()
                .for_each(|source| reader.add(source));
        }
        let input = launched
            .input
            .map(|pipe| Input::start(pipe, self.herald.clone()))
            .transpose()?;
        self.own = Some(Own {
            ranks: Ranks::new(&launched.pids, recipe.ranks),
            board,
            input,
            finishing: false,
            read,
        });
        Ok(())
    }
}

fn index_agents(site: &Site, index: usize, agents: &mut HashMap<u32, usize>) {
    agents.insert(site.agent, index);
    for below in &site.below {
        index_agents(below, index, agents);
    }
}
