//! The fields that a template names without there being any, in every branch and every loop.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::machinery::ast::{Call, CallArg, Expr, Filter, ForLoop, Macro, Stmt};
use minijinja::machinery::{Span, parse};
use serde_json::{Value, json};

/// What a name stands for, by example; `None` where only the filling in can tell.
type Example<'a> = Option<&'a Value>;

/// What Jinja itself brings.
const GLOBALS: [&str; 3] = ["range", "dict", "namespace"];
/// Filters that leave the items of a list what they are.
const SAME_ITEMS: [&str; 8] =
    ["list", "sort", "reverse", "unique", "select", "reject", "selectattr", "rejectattr"];
/// Filters that give one item of a list.
const ONE_ITEM: [&str; 4] = ["first", "last", "min", "max"];
/// Filters whose first argument is a field of the items.
const OF_ITEMS: [&str; 3] = ["selectattr", "rejectattr", "groupby"];

/// Each with its line, in the order of the text.
pub(super) fn unknown_fields(source: &str, view: &Value) -> Result<Vec<String>, minijinja::Error> {
    let template = parse(source, "", minijinja::syntax::SyntaxConfig::default())?;
    let loop_fields = json!({
        "index": 1, "index0": 0, "revindex": 1, "revindex0": 0, "first": true, "last": true,
        "length": 1, "depth": 1, "depth0": 0, "cycle": null, "changed": null,
    });
    let fields = view.as_object().into_iter().flatten();
    let known = fields.map(|(name, field)| (name.as_str(), Some(field)));
    let mut reader = Reader {
        source,
        loop_fields: &loop_fields,
        scopes: vec![GLOBALS.map(|name| (name, None)).into_iter().chain(known).collect()],
        unknown: BTreeSet::new(),
    };
    reader.statement(&template);
    let told = |(line, name): (u16, &str)| format!("{name} (line {line})");
    Ok(reader.unknown.into_iter().map(told).collect())
}

struct Reader<'a> {
    source: &'a str,
    /// What a loop tells of itself.
    loop_fields: &'a Value,
    /// The innermost last.
    scopes: Vec<BTreeMap<&'a str, Example<'a>>>,
    unknown: BTreeSet<(u16, &'a str)>,
}

impl<'a> Reader<'a> {
    fn statement(&mut self, statement: &Stmt<'a>) {
        match statement {
            Stmt::Template(one) => self.statements(&one.children),
            Stmt::EmitRaw(_) => {}
            Stmt::EmitExpr(one) => _ = self.example(&one.expr),
            Stmt::ForLoop(one) => self.each(one),
            Stmt::IfCond(one) => {
                self.example(&one.expr);
                self.branch(&one.true_body);
                self.branch(&one.false_body);
            }
            Stmt::WithBlock(one) => self.within(|reader| {
                for (target, value) in &one.assignments {
                    let value = reader.example(value);
                    reader.assign(target, value);
                }
                reader.statements(&one.body);
            }),
            Stmt::Set(one) => {
                let value = self.example(&one.expr);
                self.assign(&one.target, value);
            }
            Stmt::SetBlock(one) => {
                self.within(|reader| reader.statements(&one.body));
                one.filter.iter().for_each(|filter| _ = self.example(filter));
                self.assign(&one.target, None);
            }
            Stmt::AutoEscape(one) => {
                self.example(&one.enabled);
                self.within(|reader| reader.statements(&one.body));
            }
            Stmt::FilterBlock(one) => {
                self.example(&one.filter);
                self.within(|reader| reader.statements(&one.body));
            }
            Stmt::Macro(one) => self.declare(one),
            Stmt::CallBlock(one) => {
                self.call(&one.call);
                self.declare(&one.macro_decl);
            }
            Stmt::Do(one) => self.call(&one.call),
        }
    }

    fn statements(&mut self, statements: &[Stmt<'a>]) {
        statements.iter().for_each(|one| self.statement(one));
    }

    fn within(&mut self, work: impl FnOnce(&mut Self)) {
        self.scopes.push(BTreeMap::new());
        work(self);
        self.scopes.pop();
    }

    /// What is set in a branch may be so after it, or not.
    fn branch(&mut self, body: &[Stmt<'a>]) {
        self.scopes.push(BTreeMap::new());
        self.statements(body);
        for name in self.scopes.pop().unwrap_or_default().into_keys() {
            if let Some(outer) = self.known(name) {
                *outer = None;
            }
        }
    }

    fn each(&mut self, each: &ForLoop<'a>) {
        let list = self.example(&each.iter);
        self.within(|reader| {
            reader.name("loop", Some(reader.loop_fields));
            reader.assign(&each.target, item(list));
            each.filter_expr.iter().for_each(|filter| _ = reader.example(filter));
            reader.statements(&each.body);
        });
        self.within(|reader| reader.statements(&each.else_body));
    }

    fn declare(&mut self, one: &Macro<'a>) {
        self.name(one.name, None);
        self.within(|reader| {
            reader.name("caller", None);
            one.defaults.iter().for_each(|value| _ = reader.example(value));
            one.args.iter().for_each(|argument| reader.assign(argument, None));
            reader.statements(&one.body);
        });
    }

    fn call(&mut self, call: &Call<'a>) {
        self.example(&call.expr);
        self.arguments(&call.args);
    }

    fn arguments(&mut self, arguments: &[CallArg<'a>]) {
        for argument in arguments {
            let (CallArg::Pos(value)
            | CallArg::Kwarg(_, value)
            | CallArg::PosSplat(value)
            | CallArg::KwargSplat(value)) = argument;
            self.example(value);
        }
    }

    fn example(&mut self, expression: &Expr<'a>) -> Example<'a> {
        match expression {
            Expr::Const(_) => None,
            Expr::Var(one) => {
                let found = self.known(one.id).copied();
                found.unwrap_or_else(|| self.tell(one.span()))
            }
            Expr::GetAttr(one) => {
                let whole = self.example(&one.expr);
                self.field(whole, one.name, one.span())
            }
            Expr::GetItem(one) => {
                let whole = self.example(&one.expr);
                self.example(&one.subscript_expr);
                match text(&one.subscript_expr) {
                    Some(name) => self.field(whole, &name, one.span()),
                    None => item(whole),
                }
            }
            Expr::Slice(one) => {
                let parts = [&one.start, &one.stop, &one.step];
                parts.into_iter().flatten().for_each(|part| _ = self.example(part));
                self.example(&one.expr)
            }
            Expr::Filter(one) => self.filter(one, expression.span()),
            Expr::Call(one) => {
                self.call(one);
                None
            }
            Expr::UnaryOp(one) => self.examples([&one.expr]),
            Expr::BinOp(one) => self.examples([&one.left, &one.right]),
            Expr::Compare(one) => {
                self.examples(one.ops.iter().map(|op| &op.expr).chain([&one.expr]))
            }
            Expr::IfExpr(one) => {
                self.examples([&one.test_expr, &one.true_expr].into_iter().chain(&one.false_expr))
            }
            Expr::Test(one) => {
                self.arguments(&one.args);
                self.examples([&one.expr])
            }
            Expr::List(one) => self.examples(&one.items),
            Expr::Tuple(one) => self.examples(&one.items),
            Expr::Map(one) => self.examples(one.keys.iter().chain(&one.values)),
        }
    }

    /// Of what something else is made.
    fn examples<'e>(&mut self, parts: impl IntoIterator<Item = &'e Expr<'a>>) -> Example<'a>
    where
        'a: 'e,
    {
        parts.into_iter().for_each(|part| _ = self.example(part));
        None
    }

    fn filter(&mut self, filter: &Filter<'a>, span: Span) -> Example<'a> {
        let list = filter.expr.as_ref().and_then(|list| self.example(list));
        self.arguments(&filter.args);
        let named = filter.args.iter().enumerate().find_map(|(index, argument)| match argument {
            CallArg::Kwarg("attribute", name) => text(name),
            CallArg::Pos(name) if index == 0 && OF_ITEMS.contains(&filter.name) => text(name),
            CallArg::Pos(_)
            | CallArg::Kwarg(..)
            | CallArg::PosSplat(_)
            | CallArg::KwargSplat(_) => None,
        });
        for path in named.iter().flat_map(|names| names.split(',')) {
            let mut of = item(list);
            for name in path.trim().split('.') {
                of = self.field(of, name, span);
            }
        }
        match filter.name {
            name if SAME_ITEMS.contains(&name) => list,
            name if ONE_ITEM.contains(&name) => item(list),
            _ => None,
        }
    }

    fn field(&mut self, whole: Example<'a>, name: &str, span: Span) -> Example<'a> {
        let found = whole?.get(name);
        if found.is_some() { found } else { self.tell(span) }
    }

    fn known(&mut self, name: &str) -> Option<&mut Example<'a>> {
        self.scopes.iter_mut().rev().find_map(|scope| scope.get_mut(name))
    }

    fn name(&mut self, name: &'a str, example: Example<'a>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name, example);
        }
    }

    fn assign(&mut self, target: &Expr<'a>, example: Example<'a>) {
        match target {
            Expr::Var(one) => self.name(one.id, example),
            Expr::List(all) => all.items.iter().for_each(|one| self.assign(one, None)),
            Expr::Tuple(all) => all.items.iter().for_each(|one| self.assign(one, None)),
            _ => {}
        }
    }

    fn tell(&mut self, span: Span) -> Example<'a> {
        let place = span.start_offset as usize..span.end_offset as usize;
        self.unknown.insert((span.start_line, self.source.get(place).unwrap_or_default()));
        None
    }
}

fn item(list: Example<'_>) -> Example<'_> {
    list?.as_array()?.first()
}

fn text(expression: &Expr<'_>) -> Option<String> {
    expression.as_const()?.as_str().map(str::to_owned)
}
