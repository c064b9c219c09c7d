//! Lowering: each construct becomes the code of its template.

mod atomics;
mod environment;
mod loops;
mod reductions;
mod regions;
mod scan;
mod simd;
mod slanted;
mod target;
mod tasking;
mod tasks;
mod worksharing;

use std::collections::BTreeSet;
use std::ops::Range;

use super::code::{Code, Piece};
use super::declare::{spelled, tag};
use super::directive::DirectiveKind;
use super::markers::SourceMap;
use super::program::{ConstructId, EntityId, EntityKind, FunctionId, Leaf, Program, Use};
use super::template;
use super::threadprivate;
use super::tokens::{Token, TokenKind, first_at};

/// One function of the user's, translated.
#[derive(Clone, Debug)]
pub struct Translated {
    /// Bytes of its definition.
    pub range: Range<usize>,
    /// What comes before it: sites, outlined functions.
    pub before: Code,
    /// The function itself.
    pub code: Code,
}

/// Translates every function that has constructs, in the order of the text.
pub fn lower<'a>(program: &Program<'a>, map: &SourceMap<'a>) -> Vec<Translated> {
    let mut lowerer = Lowerer {
        program,
        map,
        sites: Vec::new(),
        outlined: Vec::new(),
        regions: 0,
        named_sites: Vec::new(),
    };
    (0..program.functions.len())
        .filter(|function| {
            program
                .constructs
                .iter()
                .any(|construct| construct.function == *function)
                || !threadprivate::moved(program, *function).is_empty()
        })
        .map(|function| lowerer.function(function))
        .collect()
}

struct Lowerer<'p, 'a> {
    program: &'p Program<'a>,
    map: &'p SourceMap<'a>,
    /// Definitions of sites of the function at hand.
    sites: Vec<Code>,
    /// Functions outlined from the function at hand, inner ones first.
    outlined: Vec<Code>,
    regions: usize,
    /// Directives that have a site.
    named_sites: Vec<usize>,
}

impl Lowerer<'_, '_> {
    fn function(&mut self, function: FunctionId) -> Translated {
        let found = &self.program.functions[function];
        let range = self.with_attributes(&found.range);
        let code = self.user(&range);
        let mut before = Code::default();
        before.push(Piece::Place(range.start));
        for (_, declaration) in threadprivate::moved(self.program, function) {
            before.text(declaration);
        }
        if !self.outlined.is_empty()
            && self.program.uses.iter().any(|other| {
                other.entity == found.entity && found.body.contains(&other.range.start)
            })
        {
            let header = found.range.start..found.body.start;
            let end = if found.old_style {
                self.program
                    .slice(&header)
                    .rfind(')')
                    .map_or(header.end, |close| header.start + close + 1)
            } else {
                header.end
            };
            let header = super::declare::respelled(self.program, &(header.start..end), None, &[]);
            before.text(format!(
                "{}\n",
                if found.old_style {
                    old_style_prototype(&header)
                } else {
                    format!("{header};")
                }
            ));
        }
        for part in super::reductions::local(self.program, &range) {
            before.append(part);
        }
        for part in self.sites.drain(..).chain(self.outlined.drain(..)) {
            before.append(part);
        }
        Translated {
            range,
            before,
            code,
        }
    }

    /// A definition together with the attributes before it, which the parser does not see.
    fn with_attributes(&self, definition: &Range<usize>) -> Range<usize> {
        let program = self.program;
        let first = first_at(program.tokens, definition.start);
        let ends = |token: &&Token| {
            token.kind == TokenKind::Directive || matches!(token.text(program.text), ";" | "}")
        };
        let mut start = definition.start;
        for token in program.tokens[..first].iter().rev() {
            // `declare simd` has to stand before the function that the host compiler sees.
            let host = program.declarative.iter().any(|directive| {
                directive.range == token.range && directive.kind == DirectiveKind::DeclareSimd
            });
            if ends(&token) && !host {
                break;
            }
            start = token.range.start;
        }
        start..definition.end
    }

    /// The user's text with constructs and names replaced.
    fn user(&mut self, range: &Range<usize>) -> Code {
        let mut code = Code::default();
        let mut at = range.start;
        for event in self.events(range) {
            let place = event.range(self.program);
            if place.start < at {
                continue; // inside a construct that has been replaced
            }
            if at < place.start {
                code.push(Piece::User(at..place.start));
            }
            match event {
                Event::Construct(id) => code.append(self.construct(id)),
                Event::Edit(range, text) => code.push(Piece::Instead(range, text)),
            }
            at = place.end;
        }
        if at < range.end {
            code.push(Piece::User(at..range.end));
        }
        code
    }

    fn events(&self, range: &Range<usize>) -> Vec<Event> {
        let program = self.program;
        let inside = |place: &Range<usize>| place.start >= range.start && place.start < range.end;
        let constructs = program.constructs.iter().enumerate();
        let constructs =
            constructs.filter(|(_, construct)| !construct.combined && inside(&construct.range));
        let mut events: Vec<Event> = constructs.map(|(id, _)| Event::Construct(id)).collect();
        for found in program.uses_in(range) {
            if found.written && self.is_conditional(found) {
                let name = &program.entities[found.entity].name;
                let text = format!("(*(cape_when_{name} = cape_iteration, &{name}))");
                events.push(Event::Edit(found.range.clone(), text));
            } else if let Some(text) = spelled(program, found.entity, found.scope) {
                events.push(Event::Edit(found.range.clone(), text));
            }
        }
        for (place, function) in program
            .function_names
            .iter()
            .filter(|(place, _)| inside(place))
        {
            if self.in_region(place.start) {
                events.push(Event::Edit(
                    place.clone(),
                    format!("\"{}\"", program.functions[*function].name),
                ));
            }
        }
        for directive in program.declarative {
            if inside(&directive.range) && !directive.is_for_host() {
                events.push(Event::Edit(directive.range.clone(), String::new()));
            }
        }
        for function in 0..program.functions.len() {
            if !inside(&program.functions[function].body) && !self.within(function, range) {
                continue;
            }
            for (place, _) in threadprivate::moved(program, function) {
                if inside(&place) {
                    events.push(Event::Edit(place, String::new()));
                }
            }
        }
        for (place, text) in self.new_tags() {
            if inside(&place) {
                events.push(Event::Edit(place, text));
            }
        }
        for place in self.dropped_registers().into_iter().filter(inside) {
            events.push(Event::Edit(place, String::new()));
        }
        events.sort_by_key(|event| event.range(program).start);
        events
    }

    /// Whether `range` is a part of the function.
    fn within(&self, function: FunctionId, range: &Range<usize>) -> bool {
        self.program.functions[function].body.contains(&range.start)
    }

    /// Whether a use is one of a copy whose last assignment counts.
    fn is_conditional(&self, found: &Use) -> bool {
        let constructs = &self.program.constructs;
        let mut next = found.scope;
        while let Some(id) = next {
            if let Some(private) = constructs[id].treatment(found.entity) {
                // A simd construct's loop is run in order by one thread: the host compiler knows the clause.
                let counted = private.conditional && constructs[id].leaf != Leaf::Simd;
                return counted && constructs[id].body.contains(&found.range.start);
            }
            if constructs[id].leaf.is_region() {
                return false;
            }
            next = constructs[id].parent;
        }
        false
    }

    fn in_region(&self, offset: usize) -> bool {
        self.program
            .constructs
            .iter()
            .any(|construct| construct.leaf.is_region() && construct.body.contains(&offset))
    }

    /// Tags for local types without one that regions repeat, or that private copies are declared with.
    fn new_tags(&self) -> Vec<(Range<usize>, String)> {
        let program = self.program;
        let named = program.constructs.iter().flat_map(|construct| {
            let copied = construct.private.iter().filter_map(|private| {
                let declared = program.entities[private.entity].declared.as_ref()?;
                declared.untagged_body.as_ref().and(declared.hoist)
            });
            construct.hoists.iter().copied().chain(copied)
        });
        let mut tags: Vec<(Range<usize>, String)> = named
            .filter_map(|hoist| {
                let brace = program.hoists[hoist].untagged.clone()?;
                Some((brace, format!("{} {{", tag(hoist))))
            })
            .collect();
        tags.sort_by_key(|(place, _)| place.start);
        tags.dedup();
        tags
    }

    /// `register` of variables whose address the translation takes.
    fn dropped_registers(&self) -> Vec<Range<usize>> {
        let program = self.program;
        let taken = program.constructs.iter().flat_map(|construct| {
            let copied = construct
                .private
                .iter()
                .filter(|private| private.needs_original());
            construct
                .captures
                .keys()
                .copied()
                .chain(copied.map(|private| private.entity))
        });
        let mut ranges: Vec<Range<usize>> = taken
            .filter_map(|entity| program.entities[entity].declared.as_ref()?.register.clone())
            .collect();
        ranges.sort_by_key(|range| range.start);
        ranges.dedup();
        ranges
    }

    fn construct(&mut self, id: ConstructId) -> Code {
        let construct = &self.program.constructs[id];
        let mut code = Code::default();
        code.push(Piece::Place(construct.range.start));
        let indent = self.indentation(id);
        code.push(Piece::Line(indent.clone()));
        let lowered = match construct.leaf {
            Leaf::Parallel => self.parallel(id),
            Leaf::For => self.worksharing_loop(id),
            Leaf::Sections => self.sections(id),
            Leaf::Single => self.single(id),
            Leaf::Master => self.masked(id),
            Leaf::Barrier => self.barrier_call(id),
            Leaf::Critical => self.critical(id),
            Leaf::Target => self.target(id),
            Leaf::TargetData => self.target_data(id, true),
            Leaf::TargetMove => self.target_data(id, false),
            Leaf::Teams => self.teams(id),
            Leaf::Error => self.error(id),
            Leaf::Atomic => self.atomic(id),
            Leaf::Task => self.task(id),
            Leaf::Taskloop => self.taskloop(id),
            Leaf::Taskwait => self.taskwait(id),
            Leaf::Taskgroup => self.taskgroup(id),
            Leaf::Taskyield => self.taskyield(id),
            Leaf::Depobj => self.depobj(id),
            Leaf::Cancel => self.cancellation(id),
            Leaf::Flush => self.flush(id),
            Leaf::Scope => self.scope(id),
            Leaf::Simd => self.simd(id),
            Leaf::Ordered => self.ordered(id),
            Leaf::Doacross => self.doacross(id),
            Leaf::Scan => self.scan(id),
        };
        code.append(self.quieted(id, lowered.indented(&indent)));
        code
    }

    /// A variable of which only private copies are used would be reported as unused.
    fn quieted(&self, id: ConstructId, code: Code) -> Code {
        let unused = self.copied_only(id);
        let mut pieces = code.0.into_iter();
        match pieces.next() {
            Some(Piece::Made(text)) if text.starts_with('{') && !unused.is_empty() => {
                let mut quiet = Code::made("{");
                for name in unused {
                    quiet.push(Piece::Quiet(format!("(void)sizeof {name};")));
                }
                quiet.push(Piece::Made(text[1..].to_owned()));
                quiet.append(Code(pieces.collect()));
                quiet
            }
            first => Code(first.into_iter().chain(pieces).collect()),
        }
    }

    /// Names that are in scope where construct `id` stands and have copies in it, made without their originals.
    fn copied_only(&self, id: ConstructId) -> BTreeSet<String> {
        let program = self.program;
        let mut names = BTreeSet::new();
        for (inner, construct) in program.constructs.iter().enumerate() {
            for private in construct
                .private
                .iter()
                .filter(|private| !private.needs_original())
            {
                let found = &program.entities[private.entity];
                let local = matches!(found.kind, EntityKind::Automatic | EntityKind::StaticLocal);
                if local
                    && found.home != Some(inner)
                    && self.visible_at(inner, private.entity) == id
                {
                    names.insert(found.name.clone());
                }
            }
        }
        names
    }

    /// The outermost construct from `inner` outwards whose code stands in the function that declares `entity`.
    fn visible_at(&self, inner: ConstructId, entity: EntityId) -> ConstructId {
        let program = self.program;
        let mut at = inner;
        let mut next = program.constructs[inner].parent;
        while let Some(outer) = next.filter(|_| next != program.entities[entity].home) {
            if program.constructs[outer].leaf.is_region() {
                at = outer;
            }
            next = program.constructs[outer].parent;
        }
        at
    }

    /// Blanks before the construct's statement on its line.
    fn indentation(&self, id: ConstructId) -> String {
        let text = self.program.text;
        let construct = &self.program.constructs[id];
        let next = super::tokens::first_at(self.program.tokens, construct.range.start + 1);
        let at = self.program.tokens[next..]
            .iter()
            .find(|token| token.kind != super::tokens::TokenKind::Directive);
        let at = at.map_or(construct.range.start, |token| token.range.start);
        let start = text[..at].rfind('\n').map_or(0, |line| line + 1);
        text[start..at]
            .chars()
            .take_while(|letter| letter.is_whitespace())
            .collect()
    }

    /// The structured block, a statement: of a combined construct the next constituent.
    fn body(&mut self, id: ConstructId) -> Code {
        if let Some(inner) = self.inner(id) {
            return self.construct(inner);
        }
        let range = self.program.constructs[id].body.clone();
        let mut code = self.user(&range);
        code.push(Piece::Place(self.program.constructs[id].range.start));
        code
    }

    /// Name of the construct's site.
    fn site(&mut self, id: ConstructId) -> Code {
        Code::made(self.site_name(id))
    }

    /// Name of the construct's site, which is defined before the function when it is first asked for.
    fn site_name(&mut self, id: ConstructId) -> String {
        let construct = &self.program.constructs[id];
        let directive = construct.directive;
        let known = self
            .named_sites
            .iter()
            .position(|other| *other == directive);
        let number = known.map_or(self.named_sites.len(), |known| known) + 1;
        if known.is_none() {
            self.named_sites.push(directive);
            let place = self.map.place(construct.range.start);
            let name = self.program.directives[directive].name;
            let mut definition = Code::default();
            definition.push(Piece::Place(construct.range.start));
            definition.text(format!(
                "static const struct cape_site cape_site_{number} = {{\"{name}\", \"{}\", {}}};\n",
                place.file, place.line
            ));
            self.sites.push(definition);
        }
        format!("cape_site_{number}")
    }

    fn critical(&mut self, id: ConstructId) -> Code {
        let directive = &self.program.directives[self.program.constructs[id].directive];
        let name = directive
            .critical
            .clone()
            .map(|range| self.program.slice(&range).to_owned());
        let lock = name.map_or("cape_critical".to_owned(), |name| {
            format!("cape_critical_{name}")
        });
        let mut definition = Code::default();
        definition.push(Piece::Place(self.program.constructs[id].range.start));
        definition.text(format!("CAPE_CRITICAL({lock});\n"));
        self.sites.push(definition);
        let fillings = vec![
            ("SITE", self.site(id)),
            ("LOCK", Code::made(lock)),
            ("BODY", self.body(id)),
        ];
        template::CRITICAL.fill(fillings)
    }
}

enum Event {
    Construct(ConstructId),
    Edit(Range<usize>, String),
}

impl Event {
    fn range(&self, program: &Program<'_>) -> Range<usize> {
        match self {
            Event::Construct(id) => program.constructs[*id].range.clone(),
            Event::Edit(range, _) => range.clone(),
        }
    }
}

/// `int f(a, b)` as `int f();`
fn old_style_prototype(header: &str) -> String {
    format!("{}();", header.split('(').next().unwrap_or(header))
}
