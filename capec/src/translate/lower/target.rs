//! `target` and the other device constructs, `teams`, `error`: all executed by the host.

use super::super::code::Code;
use super::super::directive::ClauseKind;
use super::super::program::{ConstructId, Leaf};
use super::super::template::{self, lines};
use super::Lowerer;

impl Lowerer<'_, '_> {
    pub(super) fn target(&mut self, id: ConstructId) -> Code {
        let limit = self
            .thread_limit(id)
            .filter(|_| !self.has_teams(id))
            .unwrap_or_else(|| Code::made("0"));
        let fillings = vec![
            ("WAIT", self.dependences(id)),
            ("LIMIT", limit),
            ("ORIGINALS", self.originals(id)),
            ("PRIVATES", self.target_copies(id)),
            ("BODY", self.body(id)),
        ];
        template::TARGET.fill(fillings)
    }

    /// Copies, or for what `in_reduction` names, as in a task, pointers to the copies of the taskgroup.
    fn target_copies(&self, id: ConstructId) -> Code {
        let private = &self.program.constructs[id].private;
        lines(
            private
                .iter()
                .map(|private| Code::made(self.task_copy(id, private))),
        )
    }

    /// What the `thread_limit` clause of construct `id` says.
    fn thread_limit(&mut self, id: ConstructId) -> Option<Code> {
        let program = self.program;
        let directive = &program.directives[program.constructs[id].directive];
        let limit = directive.find(|kind| match kind {
            ClauseKind::ThreadLimit(range) => Some(range),
            _ => None,
        });
        limit.map(|range| self.parenthesized(range))
    }

    /// Whether `teams` is combined with construct `id`: then the clause is for its league.
    fn has_teams(&self, id: ConstructId) -> bool {
        self.inner(id)
            .is_some_and(|inner| self.program.constructs[inner].leaf == Leaf::Teams)
    }

    /// `target data` with its block, and the stand-alone directives.
    pub(super) fn target_data(&mut self, id: ConstructId, block: bool) -> Code {
        let body = match block {
            true => self.body(id),
            false => Code::default(),
        };
        let fillings = vec![("WAIT", self.dependences(id)), ("BODY", body)];
        template::TARGET_DATA.fill(fillings)
    }

    /// Waits for the tasks that `depend` clauses name.
    fn dependences(&mut self, id: ConstructId) -> Code {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        let (mut code, count) = self.depends(directive);
        if code.is_empty() {
            return code;
        }
        code.text(format!(
            "\ncape_taskwait_depend(&{}, cape_depend, {count});",
            self.site_name(id)
        ));
        code
    }

    pub(super) fn teams(&mut self, id: ConstructId) -> Code {
        let site = self.site(id);
        let called = self.region(id);
        let program = self.program;
        let directive = &program.directives[program.constructs[id].directive];
        let teams = directive.find(|kind| match kind {
            ClauseKind::NumTeams(lower, upper) => Some((lower.as_ref(), upper)),
            _ => None,
        });
        let limit = self.thread_limit(id);
        let absent = || Code::made("0");
        let (lower, upper) = match teams {
            None => (absent(), absent()),
            Some((lower, upper)) => (
                lower.map_or_else(absent, |range| self.parenthesized(range)),
                self.parenthesized(upper),
            ),
        };
        template::TEAMS.fill(vec![
            ("SITE", site),
            ("REGION", called.region),
            ("DIMENSIONS", called.dimensions),
            ("ENVIRONMENT", called.environment),
            ("ADDRESSES", called.addresses),
            ("LOWER", lower),
            ("UPPER", upper),
            ("LIMIT", limit.unwrap_or_else(absent)),
        ])
    }

    pub(super) fn error(&mut self, id: ConstructId) -> Code {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        let warns = directive
            .clauses
            .iter()
            .any(|clause| clause.kind == ClauseKind::Fatal(false));
        let message = directive.find(|kind| match kind {
            ClauseKind::Message(range) => Some(range),
            _ => None,
        });
        let message = match message {
            Some(range) => self.parenthesized(range),
            None => Code::made("(const char *)0"),
        };
        template::ERROR.fill(vec![
            ("SITE", self.site(id)),
            ("FATAL", Code::made(if warns { "0" } else { "1" })),
            ("MESSAGE", message),
        ])
    }
}
