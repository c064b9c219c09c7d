//! Constructs that are the last statement of a parallel region: their barrier would be followed at once by the region's own, which does
//! all that it does. With several ranks that saves a meeting, and what only other ranks' next region needs does not travel before.
//!
//! A task may run as late as in the barrier that is left. By then the region's function has returned, so the barrier stays where a task
//! could refer to what that function holds: a variable that the region declares or has a copy of.

use super::program::{Base, ConstructId, EntityKind, Layer, Leaf, Program};
use super::tokens::{Token, TokenKind, first_at};

impl Program<'_> {
    /// Whether nothing but the end of a parallel region follows construct `id`, whose barrier nobody can miss.
    pub fn ends_region(&self, id: ConstructId) -> bool {
        let construct = &self.constructs[id];
        let Some(region) = construct.parent else {
            return false;
        };
        self.constructs[region].leaf == Leaf::Parallel
            && construct.scan.is_none()
            && self.is_last_statement(id, region)
            && !self.lends_to_tasks(region)
    }

    /// Whether `id` is by itself the last statement of the block of `region`.
    fn is_last_statement(&self, id: ConstructId, region: ConstructId) -> bool {
        let (inner, outer) = (&self.constructs[id].range, &self.constructs[region].body);
        let between = |start: usize, end: usize| {
            &self.tokens[first_at(self.tokens, start)..first_at(self.tokens, end)]
        };
        let (before, after) = (
            between(outer.start, inner.start),
            between(inner.end, outer.end),
        );
        let is = |token: &Token, text: &str| token.text(self.text) == text;
        let depth = before.iter().fold(0, |depth, token| {
            depth + i32::from(is(token, "{")) - i32::from(is(token, "}"))
        });
        let code = |token: &&Token| token.kind != TokenKind::Directive;
        let alone = before
            .iter()
            .rfind(code)
            .is_none_or(|token| ["{", "}", ";"].iter().any(|text| is(token, text)));
        let ends = after.iter().all(|token| match token.kind {
            // A marker of a line, but nothing that could be a construct.
            TokenKind::Directive => !token.text(self.text).contains("pragma"),
            _ => is(token, "}"),
        });
        // The region's block itself, not that of a loop or a condition which is its only statement.
        let block = before.iter().find(code).is_none_or(|token| is(token, "{"));
        depth <= 1 && block && alone && ends
    }

    /// Whether tasks that are made in `region` could refer to a variable that its function holds.
    fn lends_to_tasks(&self, region: ConstructId) -> bool {
        let copies = self.constructs[region].private.iter();
        let copies = copies.map(|private| private.entity);
        let own = self.entities.iter().enumerate().filter(|(_, entity)| {
            entity.home == Some(region) && entity.kind == EntityKind::Automatic
        });
        let mut held = copies.chain(own.map(|(id, _)| id)).peekable();
        if held.peek().is_none() {
            return false;
        }
        let range = &self.constructs[region].range;
        let tasks = self.constructs.iter().any(|construct| {
            construct.leaf.makes_tasks()
                && range.start <= construct.range.start
                && construct.range.end <= range.end
        });
        tasks
            || held.any(|id| {
                let (layers, base) = self.layers(id);
                let array = layers.iter().any(|layer| matches!(layer, Layer::Array(_)));
                // A member may be an array, whose name is its address.
                let record = layers.is_empty() && !matches!(base, Base::Arithmetic | Base::Complex);
                self.entities[id].address_taken || array || record
            })
    }
}
