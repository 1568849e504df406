//! Each numbered rule has a test that carries its number.

use std::collections::BTreeSet;

trials! {
    once: [
        every_rule_has_a_test_named_after_it,
        names_say_which_rules_they_are_of,
    ];
}

/// Sections, and how many rules each has.
const SECTIONS: [(u32, u32); 11] =
    [(1, 6), (2, 10), (3, 6), (4, 7), (5, 5), (6, 3), (7, 6), (8, 1), (9, 6), (10, 6), (11, 5)];

/// The rules that a test is of: `rule_7_4_and_11_1_only_one_of_twins_is_captured` is of two.
fn rules(name: &str) -> Vec<(u32, u32)> {
    let Some(mut rest) = name.strip_prefix("rule_") else { return Vec::new() };
    let mut rules = Vec::new();
    loop {
        let mut parts = rest.splitn(3, '_');
        let number = |part: Option<&str>| part.and_then(|part| part.parse().ok());
        let Some(rule) = number(parts.next()).zip(number(parts.next())) else { return rules };
        rules.push(rule);
        match parts.next().and_then(|rest| rest.strip_prefix("and_")) {
            Some(next) => rest = next,
            None => return rules,
        }
    }
}

async fn every_rule_has_a_test_named_after_it() {
    let wanted: BTreeSet<(u32, u32)> = SECTIONS
        .into_iter()
        .flat_map(|(section, count)| (1..=count).map(move |rule| (section, rule)))
        .collect();
    assert_eq!(wanted.len(), 61);
    let trials = crate::areas();
    let tested: BTreeSet<(u32, u32)> =
        trials.iter().flat_map(|trial| trial.name().split("::")).flat_map(rules).collect();
    let untested: Vec<_> = wanted.difference(&tested).collect();
    assert!(untested.is_empty(), "no test is named after {untested:?}");
    let unknown: Vec<_> = tested.difference(&wanted).collect();
    assert!(unknown.is_empty(), "there are no rules {unknown:?}");
}

async fn names_say_which_rules_they_are_of() {
    assert_eq!(rules("rule_2_10_a_note_rides_along"), [(2, 10)]);
    assert_eq!(rules("rule_10_2_and_10_3_and_10_4_totals"), [(10, 2), (10, 3), (10, 4)]);
    assert_eq!(rules("rule_7_4_and_then_something"), [(7, 4)]);
    assert!(rules("a_rule_of_its_own").is_empty() && rules("rule_of_thumb").is_empty());
}
