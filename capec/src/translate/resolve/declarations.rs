//! Declarations: names enter scopes, and how they are spelled is remembered.

use std::ops::Range;

use lang_c::ast::{
    Declaration, DeclarationSpecifier, Declarator, DerivedDeclarator, EnumType, FunctionDeclarator,
    FunctionDefinition, ParameterDeclaration, StorageClassSpecifier, StructDeclaration, StructType,
    TypeQualifier, TypeSpecifier,
};
use lang_c::span::{Node, Span};
use lang_c::visit::{self, Visit};

use super::super::program::{
    AUTO_TYPE, Base, Declared, Entity, EntityId, EntityKind, Function, Hoist, Layer,
    declarator_layers, declared_name, has_storage,
};
use super::super::tokens::{TokenKind, first_at};
use super::Resolver;

impl<'a> Resolver<'a, '_> {
    pub(super) fn define_function(&mut self, definition: &'a FunctionDefinition, span: &'a Span) {
        let Some(name) = declared_name(&definition.declarator) else {
            return;
        };
        let entity = self.enter(name, EntityKind::Function, None);
        let around = self.function;
        let function = self.program.functions.len();
        self.program.functions.push(Function {
            name: name.node.name.clone(),
            entity,
            range: self.program.range(*span),
            body: self.program.range(definition.statement.span),
            old_style: is_old_style(&definition.declarator.node),
        });
        for specifier in &definition.specifiers {
            self.visit_declaration_specifier(&specifier.node, &specifier.span);
        }
        self.function = Some(function);
        let outer = std::mem::take(&mut self.jumps);
        self.scoped(|this| {
            this.parameters(&definition.declarator.node);
            for declaration in &definition.declarations {
                this.old_style_parameters(declaration);
            }
            this.implicit_parameters(&definition.declarator.node);
            this.visit_statement(&definition.statement.node, &definition.statement.span);
        });
        self.finish_jumps();
        self.jumps = outer;
        self.function = around;
    }

    /// Parameters of the innermost function declarator, which is the one that is defined.
    fn parameters(&mut self, declarator: &'a Declarator) {
        if let lang_c::ast::DeclaratorKind::Declarator(inner) = &declarator.kind.node {
            self.parameters(&inner.node);
        }
        for derived in &declarator.derived {
            if let DerivedDeclarator::Function(function) = &derived.node {
                for parameter in &function.node.parameters {
                    self.parameter(&parameter.node);
                }
            }
        }
    }

    fn parameter(&mut self, parameter: &'a ParameterDeclaration) {
        for specifier in &parameter.specifiers {
            self.visit_declaration_specifier(&specifier.node, &specifier.span);
        }
        if let Some(declarator) = &parameter.declarator {
            self.visit_declarator(&declarator.node, &declarator.span);
            self.declare(&parameter.specifiers, declarator, EntityKind::Parameter);
        }
    }

    fn old_style_parameters(&mut self, declaration: &'a Node<Declaration>) {
        for specifier in &declaration.node.specifiers {
            self.visit_declaration_specifier(&specifier.node, &specifier.span);
        }
        for each in &declaration.node.declarators {
            self.visit_declarator(&each.node.declarator.node, &each.node.declarator.span);
            self.declare(
                &declaration.node.specifiers,
                &each.node.declarator,
                EntityKind::Parameter,
            );
        }
    }

    /// Old-style parameters without a declaration: they are `int`.
    fn implicit_parameters(&mut self, declarator: &'a Declarator) {
        for derived in &declarator.derived {
            let DerivedDeclarator::KRFunction(names) = &derived.node else {
                continue;
            };
            for name in names {
                let known = self
                    .scopes
                    .last()
                    .is_some_and(|scope| scope.ordinary.contains_key(&name.node.name));
                if !known {
                    self.enter(name, EntityKind::Parameter, None);
                }
            }
        }
    }

    pub(super) fn prototype(&mut self, declarator: &'a FunctionDeclarator, _span: &'a Span) {
        self.scoped(|this| {
            for parameter in &declarator.parameters {
                this.parameter(&parameter.node);
            }
        });
    }

    pub(super) fn declare_all(&mut self, declaration: &'a Declaration, span: &'a Span) {
        let specifiers = &declaration.specifiers;
        let typedef = has_storage(specifiers, |class| *class == StorageClassSpecifier::Typedef);
        let outer = self.hoist;
        if self.function.is_some() && outer.is_none() {
            self.hoist = self.hoistable(declaration, span, typedef);
        }
        for specifier in specifiers {
            self.visit_declaration_specifier(&specifier.node, &specifier.span);
        }
        for each in &declaration.declarators {
            let declarator = &each.node.declarator;
            self.visit_declarator(&declarator.node, &declarator.span);
            let kind = self.kind(declaration, &declarator.node, typedef);
            let entity = self.declare(specifiers, declarator, kind);
            if let Some(initializer) = &each.node.initializer {
                let range = self.program.range(initializer.span);
                if let Some(entity) = entity
                    && let Some(declared) = &mut self.program.entities[entity].declared
                    && declared.inferred.is_some()
                {
                    declared.inferred = Some(range);
                }
                let hoist = self.hoist.take();
                self.visit_initializer(&initializer.node, &initializer.span);
                self.hoist = hoist;
            }
        }
        self.hoist = outer;
    }

    fn kind(
        &self,
        declaration: &Declaration,
        declarator: &Declarator,
        typedef: bool,
    ) -> EntityKind {
        let layers = declarator_layers(declarator, &|_| 0..0);
        if typedef {
            EntityKind::Typedef
        } else if matches!(layers.first(), Some(Layer::Function)) {
            EntityKind::Function
        } else if self.function.is_none() {
            EntityKind::Global
        } else if has_storage(&declaration.specifiers, |class| {
            matches!(
                class,
                StorageClassSpecifier::Static
                    | StorageClassSpecifier::Extern
                    | StorageClassSpecifier::ThreadLocal
            )
        }) {
            EntityKind::StaticLocal
        } else {
            EntityKind::Automatic
        }
    }

    /// A hoist for a local declaration that defines types or declares functions.
    fn hoistable(
        &mut self,
        declaration: &Declaration,
        span: &Span,
        typedef: bool,
    ) -> Option<usize> {
        let prototype = declaration.declarators.iter().any(|each| {
            matches!(
                declarator_layers(&each.node.declarator.node, &|_| 0..0).first(),
                Some(Layer::Function)
            )
        });
        let definition = declaration
            .specifiers
            .iter()
            .find(|specifier| defines_type(&specifier.node));
        let (range, terminate) = match definition {
            _ if typedef || prototype => (self.program.range(*span), false),
            Some(specifier) => (self.program.range(specifier.span), true),
            None => return None,
        };
        let untagged = definition
            .filter(|specifier| terminate && !has_tag(&specifier.node))
            .and_then(|specifier| self.braces(self.program.range(specifier.span)))
            .map(|body| body.start..body.start + 1);
        self.program.hoists.push(Hoist {
            range,
            terminate,
            untagged,
            home: self.construct,
        });
        Some(self.program.hoists.len() - 1)
    }

    pub(super) fn declare(
        &mut self,
        specifiers: &'a [Node<DeclarationSpecifier>],
        declarator: &'a Node<Declarator>,
        kind: EntityKind,
    ) -> Option<EntityId> {
        let name = declared_name(declarator)?;
        let declared = self.declared(specifiers, declarator);
        Some(self.enter(name, kind, declared))
    }

    fn enter(
        &mut self,
        name: &Node<lang_c::ast::Identifier>,
        kind: EntityKind,
        declared: Option<Declared>,
    ) -> EntityId {
        let place = self.program.range(name.span);
        let entity = Entity {
            name: self.program.slice(&place).to_owned(),
            place,
            kind,
            function: self.function,
            home: self.construct,
            declared,
            address_taken: false,
            assigned: false,
            threadprivate: false,
            hoist: if kind.is_variable() { None } else { self.hoist },
        };
        self.program.entities.push(entity);
        let id = self.program.entities.len() - 1;
        let scope = self
            .scopes
            .last_mut()
            .expect("the file's scope is always there");
        scope.ordinary.insert(name.node.name.clone(), id);
        id
    }

    fn declared(
        &self,
        specifiers: &[Node<DeclarationSpecifier>],
        declarator: &Node<Declarator>,
    ) -> Option<Declared> {
        let (first, last) = (specifiers.first()?, specifiers.last()?);
        let range = self
            .program
            .range(Span::span(first.span.start, last.span.end));
        let has_qualifier = |wanted: fn(&TypeQualifier) -> bool| {
            specifiers.iter().any(|specifier| matches!(&specifier.node, DeclarationSpecifier::TypeQualifier(found) if wanted(&found.node)))
        };
        let dropped = |specifier: &Node<DeclarationSpecifier>| match &specifier.node {
            DeclarationSpecifier::StorageClass(_)
            | DeclarationSpecifier::Function(_)
            | DeclarationSpecifier::Alignment(_) => Some(self.program.range(specifier.span)),
            _ => None,
        };
        let body = specifiers
            .iter()
            .find(|specifier| defines_type(&specifier.node));
        let tagged = body.is_some_and(|specifier| has_tag(&specifier.node));
        let register = specifiers.iter().find(|specifier| {
            matches!(&specifier.node, DeclarationSpecifier::StorageClass(class) if class.node == StorageClassSpecifier::Register)
        });
        let inferred = self
            .program
            .slice(&range)
            .contains(AUTO_TYPE)
            .then(|| range.clone());
        Some(Declared {
            dropped: specifiers.iter().filter_map(dropped).collect(),
            tagged_body: body
                .filter(|_| tagged)
                .and_then(|specifier| self.braces(self.program.range(specifier.span))),
            untagged_body: body
                .filter(|_| !tagged)
                .and_then(|specifier| self.braces(self.program.range(specifier.span))),
            hoist: self.hoist,
            base: match &inferred {
                Some(_) => Base::Unknown,
                None => self.base(specifiers),
            },
            inferred,
            specifiers: range,
            declarator: self.program.range(declarator.span),
            layers: declarator_layers(&declarator.node, &|span| self.program.range(span)),
            constant: has_qualifier(|qualifier| matches!(qualifier, TypeQualifier::Const)),
            volatile: has_qualifier(|qualifier| {
                matches!(qualifier, TypeQualifier::Volatile | TypeQualifier::Atomic)
            }),
            register: register.map(|specifier| self.program.range(specifier.span)),
        })
    }

    /// From the first `{` in `range` to its end.
    fn braces(&self, range: Range<usize>) -> Option<Range<usize>> {
        let tokens = &self.program.tokens[first_at(self.program.tokens, range.start)..];
        let open = tokens.iter().find(|token| {
            token.kind == TokenKind::Punctuation && token.text(self.program.text) == "{"
        })?;
        Some(open.range.start..range.end)
    }

    fn base(&self, specifiers: &[Node<DeclarationSpecifier>]) -> Base {
        let mut base = Base::Arithmetic;
        for specifier in specifiers {
            let DeclarationSpecifier::TypeSpecifier(specifier) = &specifier.node else {
                continue;
            };
            match &specifier.node {
                TypeSpecifier::Complex => return Base::Complex,
                TypeSpecifier::Struct(_) => base = Base::Record,
                TypeSpecifier::TypedefName(name) => {
                    base = self
                        .lookup(&name.node.name)
                        .map_or(Base::Unknown, Base::Typedef);
                }
                TypeSpecifier::TypeOf(_) | TypeSpecifier::Atomic(_) | TypeSpecifier::Void => {
                    base = Base::Unknown
                }
                _ => {}
            }
        }
        base
    }

    pub(super) fn struct_type(&mut self, definition: &'a StructType) {
        if let Some(tag) = &definition.identifier {
            self.tag(tag, definition.declarations.is_some());
        }
        for declaration in definition.declarations.iter().flatten() {
            self.bit_fields(&declaration.node);
            self.visit_struct_declaration(&declaration.node, &declaration.span);
        }
    }

    fn bit_fields(&mut self, declaration: &StructDeclaration) {
        let StructDeclaration::Field(field) = declaration else {
            return;
        };
        let narrow = field
            .node
            .declarators
            .iter()
            .filter(|declarator| declarator.node.bit_width.is_some());
        for declarator in narrow {
            let name = declarator.node.declarator.as_ref();
            let name = name.and_then(declared_name);
            self.program
                .bit_fields
                .extend(name.map(|name| name.node.name.clone()));
        }
    }

    pub(super) fn enum_type(&mut self, definition: &'a EnumType) {
        if let Some(tag) = &definition.identifier {
            self.tag(tag, !definition.enumerators.is_empty());
        }
        for enumerator in &definition.enumerators {
            visit::visit_enumerator(self, &enumerator.node, &enumerator.span);
            self.enter(&enumerator.node.identifier, EntityKind::Enumerator, None);
        }
    }

    fn tag(&mut self, tag: &'a Node<lang_c::ast::Identifier>, defined: bool) {
        let place = self.program.range(tag.span);
        let known = if defined {
            None
        } else {
            self.lookup_tag(&tag.node.name)
        };
        let id = known.unwrap_or_else(|| {
            self.program.entities.push(Entity {
                name: tag.node.name.clone(),
                place: place.clone(),
                kind: EntityKind::Tag,
                function: self.function,
                home: self.construct,
                declared: None,
                address_taken: false,
                assigned: false,
                threadprivate: false,
                hoist: self.hoist,
            });
            let id = self.program.entities.len() - 1;
            self.scopes
                .last_mut()
                .expect("the file's scope is always there")
                .tags
                .insert(tag.node.name.clone(), id);
            id
        });
        self.record(place, id, false);
    }
}

fn defines_type(specifier: &DeclarationSpecifier) -> bool {
    match specifier {
        DeclarationSpecifier::TypeSpecifier(specifier) => match &specifier.node {
            TypeSpecifier::Struct(definition) => definition.node.declarations.is_some(),
            TypeSpecifier::Enum(definition) => !definition.node.enumerators.is_empty(),
            _ => false,
        },
        _ => false,
    }
}

fn has_tag(specifier: &DeclarationSpecifier) -> bool {
    match specifier {
        DeclarationSpecifier::TypeSpecifier(specifier) => match &specifier.node {
            TypeSpecifier::Struct(definition) => definition.node.identifier.is_some(),
            TypeSpecifier::Enum(definition) => definition.node.identifier.is_some(),
            _ => false,
        },
        _ => false,
    }
}

fn is_old_style(declarator: &Declarator) -> bool {
    declarator.derived.iter().any(|derived| matches!(&derived.node, DerivedDeclarator::KRFunction(names) if !names.is_empty()))
}
