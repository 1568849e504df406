//! Bodies as systems send them, and what is left of them for a person to read.

use super::Words;

#[test]
fn one_field_takes_no_other_with_it() {
    let body = r#"{"code": 167, "text": " no ", "void": null, "list": ["a", null, 7, {"b": 1}],
                   "one": "c", "none": [], "deep": [{"name": "x"}, "y"]}"#;
    let mut words = Words::read(body.as_bytes());
    assert_eq!(words.take("code"), "167");
    assert_eq!(words.take("code"), "", "what is taken is not told again");
    assert_eq!((words.take("text").as_str(), words.take("void").as_str()), ("no", ""));
    assert_eq!(words.take_texts("list"), ["a", "7", r#"{"b":1}"#]);
    assert_eq!(words.take_texts("one"), ["c"]);
    assert!(words.take_texts("missing").is_empty());
    let deep: Vec<String> = words.take_list("deep").into_iter().map(Words::rest).collect();
    assert_eq!(deep, ["name: x", "y"]);
    assert_eq!(words.rest(), "");
}

#[test]
fn what_nobody_knows_is_told_as_it_stands() {
    for (body, told) in [
        ("", ""),
        ("{}", ""),
        ("null", ""),
        ("upstream  timed\nout", "upstream timed out"),
        ("\"No\"", "No"),
        ("[1, \"x\"]", "[1,\"x\"]"),
        (r#"{"error": "e", "hint": {"a": [1]}, "empty": {}}"#, r#"error: e hint: {"a":[1]}"#),
        (r#"{"error_code": "BAD"#, r#"{"error_code": "BAD"#),
        (
            "<!DOCTYPE html>\n<html><head><title>502</title><STYLE>p {}</style >\
             <script>a<b</script></head>\n<body class=\"x\"><h1>Bad <b>gateway</b></h1></body>",
            "502 Bad gateway",
        ),
        ("<error message=\"No\"/>", "<error message=\"No\"/>"),
        ("<style>p {", "<style>p {"),
        ("< ", "<"),
    ] {
        assert_eq!(Words::read(body.as_bytes()).rest(), told, "{body}");
    }
    assert_eq!(Words::read(b"\xff\xfeno").rest(), "\u{fffd}\u{fffd}no");
    let long = Words::read("æ".repeat(100_000).as_bytes()).rest();
    assert_eq!(long.chars().count(), 300);
}

#[test]
fn what_support_asks_for_comes_last_and_is_not_cut_off() {
    let body = format!(r#"{{"id": "i-1", "none": null, "text": "{}\u0007"}}"#, "x".repeat(900));
    let ids = [("trace id", "id"), ("other id", "none")];
    let told = Words::read(body.as_bytes()).tell(vec!["HTTP 400".to_owned(), String::new()], &ids);
    assert!(told.starts_with("HTTP 400 text: xxx") && told.ends_with("x (trace id i-1)"), "{told}");
    let told = Words::read(b"a\x07b\xc2\x85c").tell(Vec::new(), &ids);
    assert_eq!(told, "a b c");
}
