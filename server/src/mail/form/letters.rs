//! The letters that the standard fonts of every PDF reader have, and how wide they are.

/// Widths of Helvetica in thousandths of the size, from space to tilde.
#[rustfmt::skip]
const WIDTHS: [i32; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// From 0x80 in the encoding; a space where it has no letter.
const HIGH: &str = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

/// Letters that the encoding lacks, and those that are read as the same.
#[rustfmt::skip]
const ALIKE: &[(&str, char)] = &[
    ("ĀĂĄ", 'A'), ("āăą", 'a'), ("ĆĈĊČ", 'C'), ("ćĉċč", 'c'), ("ĎĐ", 'D'), ("ďđ", 'd'),
    ("ĒĔĖĘĚ", 'E'), ("ēĕėęě", 'e'), ("ĜĞĠĢ", 'G'), ("ĝğġģ", 'g'), ("ĤĦ", 'H'), ("ĥħ", 'h'),
    ("ĨĪĬĮİ", 'I'), ("ĩīĭįı", 'i'), ("Ĵ", 'J'), ("ĵ", 'j'), ("Ķ", 'K'), ("ķ", 'k'), ("ĹĻĽĿŁ", 'L'),
    ("ĺļľŀł", 'l'), ("ŃŅŇŊ", 'N'), ("ńņňŋ", 'n'), ("ŌŎŐ", 'O'), ("ōŏő", 'o'), ("ŔŖŘ", 'R'),
    ("ŕŗř", 'r'), ("ŚŜŞȘ", 'S'), ("śŝşș", 's'), ("ŢŤŦȚ", 'T'), ("ţťŧț", 't'), ("ŨŪŬŮŰŲ", 'U'),
    ("ũūŭůűų", 'u'), ("Ŵ", 'W'), ("ŵ", 'w'), ("Ŷ", 'Y'), ("ŷ", 'y'), ("ŹŻ", 'Z'), ("źż", 'z'),
    ("\u{2010}\u{2011}\u{2212}", '-'), ("\u{2007}\u{2009}\u{202f}\t", ' '),
];

/// The text in the encoding of the fonts; `None` when a letter can be shown by no other.
pub(super) fn encoded(text: &str) -> Option<Vec<u8>> {
    text.chars().map(encode).collect()
}

/// How wide an encoded text is, in thousandths of the size.
pub(super) fn width(bytes: &[u8]) -> i32 {
    bytes.iter().map(|&byte| letter_width(byte)).fold(0, i32::saturating_add)
}

fn encode(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    if (0x20..0x7f).contains(&code) || (0xa0..=0xff).contains(&code) {
        return u8::try_from(code).ok();
    }
    if let Some(place) = HIGH.chars().position(|known| known == letter && known != ' ') {
        return u8::try_from(place).ok()?.checked_add(0x80);
    }
    let (_, other) = ALIKE.iter().find(|(letters, _)| letters.contains(letter))?;
    encode(*other)
}

fn letter_width(byte: u8) -> i32 {
    let of = |letter: u8| {
        letter.checked_sub(b' ').and_then(|place| WIDTHS.get(usize::from(place))).copied()
    };
    let widths = match byte {
        b' '..=b'~' => of(byte),
        0xc0..=0xc5 => of(b'A'),
        0xc6 | 0x8c => Some(1_000),
        0xc7 | 0xd0..=0xd1 | 0xd9..=0xdc => of(b'C'),
        0xc8..=0xcb | 0xdd..=0xde => of(b'E'),
        0xcc..=0xcf | 0xec..=0xef => of(b'I'),
        0xd2..=0xd6 | 0xd8 => of(b'O'),
        0xe6 | 0x9c => Some(889),
        0xe7 | 0xfd | 0xff => of(b'c'),
        0xdf | 0xf8 => Some(611),
        0xa0 => of(b' '),
        _ => None,
    };
    widths.unwrap_or(556)
}
