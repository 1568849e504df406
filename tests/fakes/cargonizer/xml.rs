//! XML as Rails writes it and Cargonizer wants it.

use std::fmt::Display;

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, Event};

use crate::fakes::call::Answer;

/// Whether it is XML whose text is escaped to the last quote; the real one breaks at the rest.
pub(super) fn is_sound(text: &str) -> bool {
    let mut reader = Reader::from_str(text);
    let mut depth = 0_usize;
    let mut has_root = false;
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => return has_root && depth == 0,
            Ok(Event::Start(start)) => {
                has_root = true;
                depth += 1;
                if !has_sound_attributes(&start) {
                    return false;
                }
            }
            Ok(Event::Empty(start)) => {
                has_root = true;
                if !has_sound_attributes(&start) {
                    return false;
                }
            }
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Text(text)) => {
                if text.contains(['>', '"', '\'', '&']) {
                    return false;
                }
            }
            Ok(Event::GeneralRef(name)) => {
                if unescape(&format!("&{};", &*name)).is_err() {
                    return false;
                }
            }
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

fn has_sound_attributes(start: &BytesStart<'_>) -> bool {
    start.attributes().all(|attribute| {
        attribute.is_ok_and(|attribute| {
            !attribute.value.contains(['<', '>']) && unescape(&attribute.value).is_ok()
        })
    })
}

pub(super) fn document(root: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{root}\n")
}

pub(super) fn answer(status: u16, root: &str) -> Answer {
    let answer = Answer { status, body: document(root).into(), ..Answer::default() };
    answer.with("content-type", "application/xml; charset=utf-8")
}

/// `<name>inside</name>`, with what is inside as it is.
pub(super) fn around(name: &str, inside: &str) -> String {
    format!("<{name}>{inside}</{name}>")
}

pub(super) fn text(name: &str, text: &str) -> String {
    around(name, &escape(text))
}

/// Nothing is told as nothing.
pub(super) fn text_or_nil(name: &str, told: &str) -> String {
    if told.is_empty() { nil(name) } else { text(name, told) }
}

pub(super) fn nil(name: &str) -> String {
    format!("<{name} nil=\"true\"/>")
}

pub(super) fn typed_nil(name: &str, kind: &str) -> String {
    format!("<{name} type=\"{kind}\" nil=\"true\"/>")
}

pub(super) fn typed(name: &str, kind: &str, value: impl Display) -> String {
    format!("<{name} type=\"{kind}\">{value}</{name}>")
}

pub(super) fn array(name: &str, inside: &str) -> String {
    if inside.is_empty() {
        format!("<{name} type=\"array\"/>")
    } else {
        format!("<{name} type=\"array\">{inside}</{name}>")
    }
}
