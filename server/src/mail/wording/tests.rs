//! Whose words a mail has, and what is refused of a shop's own.

use order_proto::v1;
use order_rules::mail::MailKind;

use super::{KINDS, OWN, check_template, words};
use crate::mail::matter::Matter;

fn matter(kind: MailKind, language: &str) -> Matter {
    Matter {
        kind: Some(kind),
        has_form: true,
        note_id: 1,
        order: v1::Order {
            number: 1001,
            language_code: language.to_owned(),
            currency_code: "NOK".to_owned(),
            customer: Some(v1::Customer {
                full_name: "Åse <b>Øy</b> & sønn".to_owned(),
                ..v1::Customer::default()
            }),
            lines: vec![v1::Line {
                quantity: 2,
                title: "Kopp".to_owned(),
                gross_minor: 123_450,
                ..v1::Line::default()
            }],
            totals: Some(v1::Totals { gross_minor: 123_450, ..v1::Totals::default() }),
            notes: vec![v1::Note {
                id: 1,
                audience: v1::NoteAudience::Customer.into(),
                text: "Første linje\nAndre <linje>".to_owned(),
                ..v1::Note::default()
            }],
            ..v1::Order::default()
        },
        settings: v1::ShopSettings {
            language_code: "nb".to_owned(),
            time_zone: "Europe/Oslo".to_owned(),
            seller: Some(v1::Seller { name: "Kopper AS".to_owned(), ..v1::Seller::default() }),
            ..v1::ShopSettings::default()
        },
        status_names: [("nb", "Sendt"), ("en", "Sent")]
            .into_iter()
            .map(|(language, name)| (language.to_owned(), name.to_owned()))
            .collect(),
        ..Matter::default()
    }
}

fn template(subject: &str, text: &str, html: &str) -> v1::MailTemplate {
    v1::MailTemplate { subject: subject.to_owned(), text: text.to_owned(), html: html.to_owned() }
}

#[test]
fn every_kind_has_words_of_its_own_in_both_languages() {
    for (_, kind) in KINDS {
        for (language, told) in [("nb-NO", "Vennlig hilsen"), ("en", "Kind regards")] {
            let words = words(&matter(kind, language)).unwrap();
            assert!(words.subject.contains("1001"), "{kind:?}: {}", words.subject);
            assert!(words.text.contains(told), "{kind:?}: {}", words.text);
            let html = words.html.unwrap();
            assert!(html.contains(told) && !html.contains("<b>Øy</b>"), "{kind:?}: {html}");
        }
    }
    assert_eq!(OWN.len(), 2 * KINDS.len());
}

#[test]
fn amounts_notes_and_statuses_read_as_the_customer_does() {
    let confirmation = words(&matter(MailKind::OrderConfirmation, "nb")).unwrap();
    assert!(
        confirmation.text.contains("2 × Kopp: 1\u{a0}234,50\u{a0}NOK\n"),
        "{}",
        confirmation.text
    );
    assert!(confirmation.text.contains("Hei Åse <b>Øy</b> & sønn!"));
    let status = words(&matter(MailKind::StatusChanged, "en")).unwrap();
    assert_eq!(status.subject, "Order 1001: Sent");
    let note = words(&matter(MailKind::Note, "nb")).unwrap();
    assert!(note.html.unwrap().contains("Første linje<br>\nAndre &lt;linje&gt;"));
}

#[test]
fn only_a_note_for_the_customer_is_mailed() {
    for audience in [v1::NoteAudience::Internal, v1::NoteAudience::Warehouse] {
        let mut matter = matter(MailKind::Note, "nb");
        matter.order.notes[0].set_audience(audience);
        let words = words(&matter).unwrap();
        assert!(!words.text.contains("linje") && !words.html.unwrap().contains("linje"));
    }
}

#[test]
fn the_language_falls_back_to_the_shops_and_then_to_english() {
    let subject = |language: &str, shop: &str| {
        let mut matter = matter(MailKind::StatusChanged, language);
        matter.settings.language_code = shop.to_owned();
        words(&matter).unwrap().subject
    };
    assert_eq!(subject("", "nb"), "Ordre 1001: Sendt");
    assert_eq!(subject("nn-NO", "en"), "Ordre 1001: Sendt");
    assert_eq!(subject("sv", "nb"), "Ordre 1001: Sendt");
    assert_eq!(subject("fi", "fi"), "Order 1001: Sent");
}

#[test]
fn a_shops_own_words_come_first() {
    let mut matter = matter(MailKind::Note, "sv-FI");
    let own = template("Hej\n\n {{ customer.name }}", "{{ note }}", "");
    matter.settings.mail_templates.insert("note.sv".to_owned(), own);
    let words = words(&matter).unwrap();
    assert_eq!(words.subject, "Hej Åse <b>Øy</b> & sønn");
    assert_eq!(words.text, "Første linje\nAndre <linje>");
    assert_eq!(words.html, None);
}

#[test]
fn what_is_wrong_with_a_template_is_told_by_field() {
    let right = "{% for line in order.lines %}{{ line.title|upper }}{% endfor %}{{ order.total }}";
    assert_eq!(check_template("note.nb", &template("{{ order.number }}", right, right)), []);
    for (name, wrong, told) in [
        ("receipt.nb", template("a", "a", ""), "key: must begin with one of"),
        ("note", template("a", "a", ""), "key: must be a kind and a language"),
        ("note.b&k", template("a", "a", ""), "key: must end with a language tag"),
        (
            "note.nb",
            template("{{ order.nummer }}", "a", ""),
            "value.subject: names unknown fields: order.nummer",
        ),
        ("note.nb", template("a", "{{ secret }}", ""), "value.text: names unknown fields: secret"),
        (
            "note.nb",
            template("a", "a", "{% for l in order.lines %}\n{{ l.titel }}{% endfor %}"),
            "value.html: names unknown fields: l.titel (line 2)",
        ),
        ("note.nb", template("{{ a", "a", ""), "value.subject: is no template: line 1"),
        ("note.nb", template("a", "{% include 'x' %}", ""), "value.text: is no template: line 1"),
        (
            "note.nb",
            template(
                "a",
                "{% if not note %}{% for l in order.lines %}{{ l.titel }}{% endfor %}{% endif %}",
                "",
            ),
            "value.text: names unknown fields: l.titel (line 1)",
        ),
        (
            "note.nb",
            template("a", "a", "{{ note|safe }}"),
            "value.html: uses what there is not in line 1",
        ),
        (
            "note.nb",
            template(
                "a",
                "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
                "",
            ),
            "value.text: takes too many steps",
        ),
        ("note.nb", template("a", "{{ 'x' * 2000000 }}", ""), "value.text: "),
    ] {
        let wrong = check_template(name, &wrong);
        let [(field, problem)] = wrong.as_slice() else { panic!("{told}: {wrong:?}") };
        let found = format!("{field}: {problem}");
        assert!(found.starts_with(told), "{found}");
    }
}

#[test]
fn an_unknown_field_is_told_wherever_it_is_named() {
    for (text, told) in [
        ("{% if order.lines|length > 4 %}{{ order.nummer }}{% endif %}", "order.nummer (line 1)"),
        (
            "{% if order.lines|length > 4 %}\n{% for l in order.lines %}{{ l.foo }}{% endfor %}{% endif %}",
            "l.foo (line 2)",
        ),
        ("{{ 'x' if order.number < 9 else order['nummer'] }}", "order['nummer'] (line 1)"),
        ("{% if order.number < 9 %}{{ order.lines[0].foo|upper }}{% endif %}", "[0].foo (line 1)"),
        ("{% if 0 %}{% set l = order.lines|first %}{{ [l.foo] }}{% endif %}", "l.foo (line 1)"),
        (
            "{% if 0 %}{% for l in order.lines[3:]|reverse %}{{ l.foo }}{% endfor %}{% endif %}",
            "l.foo",
        ),
        (
            "{% if 0 %}{% with l = order.lines|last %}{{ l.foo ~ l.title }}{% endwith %}{% endif %}",
            "l.foo",
        ),
        (
            "{% for l in order.lines %}{% if loop.index > 999 %}{{ loop.foo }}{% endif %}{% endfor %}",
            "loop.foo",
        ),
        (
            "{% if 0 %}{{ order.lines|map(attribute='foo')|join }}{% endif %}",
            "map(attribute='foo')",
        ),
        ("{% if 0 %}{{ order.lines|groupby('foo') }}{% endif %}", "groupby('foo')"),
        (
            "{% if 0 %}{{ order.lines|sort(attribute='title,foo')|first }}{% endif %}",
            "sort(attribute='title,foo')",
        ),
        ("{% macro row(l) %}{{ nowhere }}{% endmacro %}", "nowhere (line 1)"),
        ("{% if 0 %}{{ note is foo or note.foo }}{% endif %}", "note.foo (line 1)"),
        (
            "{% if 0 %}{% for a in seller.address %}{{ a.foo }}{% endfor %}{% endif %}",
            "a.foo (line 1)",
        ),
        ("{% if 0 %}{% set own = 1 %}{% endif %}{{ own }}", "own (line 1)"),
        ("{{ a }}{{ order.b }}\n{{ c }}", "a (line 1), order.b (line 1), c (line 2)"),
    ] {
        let wrong = check_template("note.nb", &template("a", text, ""));
        let [("value.text", problem)] = wrong.as_slice() else { panic!("{text}: {wrong:?}") };
        let names = problem.strip_prefix("names unknown fields: ").unwrap_or_default();
        assert!(names.contains(told), "{text}: {problem}");
    }
}

#[test]
fn whatever_jinja_can_do_with_the_fields_there_are_is_let_through() {
    for text in [
        "{% for l in order.lines if l.sku %}{{ loop.index }}: {{ l.title|upper }}{% else %}-{% endfor %}",
        "{% set rows = order.lines|sort(attribute='title') %}{{ (rows|first).title }}{{ rows[0]['sku'] }}",
        "{% macro row(l, mark='*') %}{{ mark }}{{ l.title }}{% endmacro %}\
         {% for l in order.lines %}{{ row(l) }}{% endfor %}",
        "{% macro row() %}{{ caller(order.number) }}{% endmacro %}{% call(x) row() %}{{ x }}{% endcall %}",
        "{% for group in order.lines|groupby('vat_rate') %}{{ group.grouper }}{% endfor %}",
        "{% for n in range(3) %}{{ loop.cycle('a', 'b') }}{{ n }}{% endfor %}",
        "{% for key, value in seller|items %}{{ key }}{% endfor %}",
        "{% set ns = namespace(sum=0) %}{% for l in order.lines %}{% set ns.sum = ns.sum + l.quantity %}\
         {% endfor %}{{ ns.sum }}",
        "{% set one = note %}{% if note %}{% set one = order %}{% endif %}{{ one.number|default('') }}",
        "{% filter upper %}{{ note }}{% endfilter %}{% set own %}{{ note }}{% endset %}{{ own|trim }}",
        "{% if order.deliveries %}{{ order.deliveries[0].carrier }}{% endif %}",
        "{{ {'a': order.number}.a }}{{ order.lines|map(attribute='title')|join(', ') }}",
    ] {
        assert_eq!(check_template("note.nb", &template("a", text, "")), [], "{text}");
    }
}

#[test]
fn a_template_must_bear_an_order_with_as_many_lines_as_there_can_be() {
    let heavy = "{% for a in order.lines %}{% for b in order.lines %}x{% endfor %}{% endfor %}";
    let wrong = check_template("note.nb", &template("a", heavy, ""));
    assert_eq!(wrong, [("value.text", "takes too many steps (line 1)".to_owned())]);
}

#[test]
fn a_template_that_cannot_be_filled_in_is_named() {
    let mut matter = matter(MailKind::Note, "nb");
    let own = template("a", "{{ order.lines[7].title }}", "");
    matter.settings.mail_templates.insert("note.nb".to_owned(), own);
    let problem = words(&matter).unwrap_err();
    assert!(problem.starts_with("the template note.nb cannot be filled in: text "), "{problem}");
}
