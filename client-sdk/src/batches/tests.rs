//! What is told of a batch that has to be asked for again.

use super::*;

fn outcome(name: &str, state: BatchState) -> proto::BatchOutcome {
    proto::BatchOutcome { name: name.to_owned(), state: state.into(), ..Default::default() }
}

#[test]
fn an_order_is_never_told_twice_with_the_same_state() {
    let mut told = Told::new(&["a".to_owned(), "b".to_owned(), "c".to_owned()]);
    let said = [
        ("a", BatchState::Done, true),
        ("b", BatchState::Pending, true),
        // Asked for again.
        ("b", BatchState::Pending, false),
        ("b", BatchState::Refused, true),
        ("a", BatchState::Done, false),
    ];
    for (name, state, is_new) in said {
        assert_eq!(told.take(&outcome(name, state)).expect("named"), is_new, "{name} {state:?}");
    }
    let counts = proto::BatchCounts { total: 3, done: 1, pending: 0, refused: 1, failed: 0 };
    assert_eq!(told.counts, counts);
    assert!(told.has_unknown() && !told.is_complete());
    let open: Vec<&str> = ["a", "b", "c"].into_iter().filter(|name| told.is_open(name)).collect();
    assert_eq!(open, ["c"], "only what is not known is asked for again");
    assert!(told.take(&outcome("c", BatchState::Failed)).expect("named"));
    assert!(!told.has_unknown() && told.is_open("c") && !told.is_complete());
    assert!(told.take(&outcome("c", BatchState::Done)).expect("named"));
    assert!(told.is_complete());
    assert!(told.take(&outcome("d", BatchState::Done)).is_err());
}
