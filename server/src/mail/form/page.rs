//! Pages of text, fields and lines to write on, laid out from top to bottom in whole points.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::letters::{encoded, width};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// The pages so far.
pub(super) struct Pages {
    done: Vec<Vec<u8>>,
    content: Content,
    /// Above the bottom of the page.
    y: i16,
}

const WIDTH: i16 = 595;
const HEIGHT: i16 = 842;
const MARGIN: i16 = 64;
const TEXT_WIDTH: i16 = WIDTH - 2 * MARGIN;
/// Where values begin; longer labels stand above them.
const VALUES_AT: i16 = MARGIN + 190;
const BLANK_HEIGHT: i16 = 24;
const BOX: i16 = 9;
const LABEL_SIZE: i16 = 10;
const VALUE_SIZE: i16 = 11;
const REGULAR: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");
/// Bold letters are that much wider, at most, in hundredths.
const BOLD_WIDTH: i32 = 112;

impl Pages {
    pub(super) fn new() -> Self {
        Self { done: Vec::new(), content: Content::new(), y: HEIGHT - MARGIN }
    }

    /// Some air.
    pub(super) fn gap(&mut self, points: i16) {
        self.y -= points;
    }

    /// A paragraph over the whole width.
    pub(super) fn text(&mut self, text: &str, size: i16, weight: Weight) {
        self.paragraph(text, (MARGIN, TEXT_WIDTH), size, weight);
    }

    /// A box to tick, with what it is for.
    pub(super) fn choice(&mut self, text: &str) {
        self.room(line_height(VALUE_SIZE));
        let bottom = self.y - VALUE_SIZE;
        self.content.set_line_width(0.75);
        self.content.rect(f32::from(MARGIN), f32::from(bottom), f32::from(BOX), f32::from(BOX));
        self.content.stroke();
        let indent = 2 * BOX;
        self.paragraph(text, (MARGIN + indent, TEXT_WIDTH - indent), VALUE_SIZE, Weight::Regular);
    }

    /// A line to write on.
    pub(super) fn blank(&mut self) {
        self.room(BLANK_HEIGHT);
        self.y -= BLANK_HEIGHT;
        self.rule(MARGIN);
    }

    /// A label with its value. Where there is none, or one that these letters cannot show, there is
    /// room to write it.
    pub(super) fn field(&mut self, label: &str, lines: &[String]) {
        let lines: Vec<&String> = lines.iter().filter(|line| !line.trim().is_empty()).collect();
        let is_shown = !lines.is_empty() && lines.iter().all(|line| encoded(line).is_some());
        let is_beside = fits(label, LABEL_SIZE, VALUES_AT - MARGIN - 8, Weight::Bold);
        if !is_beside {
            self.room(2 * BLANK_HEIGHT);
            self.gap(6);
            self.text(label, LABEL_SIZE, Weight::Bold);
        }
        if is_shown {
            self.room(line_height(VALUE_SIZE) + 4);
            self.gap(4);
            self.label(label, is_beside);
            let start = if is_beside { VALUES_AT } else { MARGIN };
            for line in lines {
                let across = WIDTH - MARGIN - start;
                self.paragraph(line, (start, across), VALUE_SIZE, Weight::Regular);
            }
            return;
        }
        self.room(BLANK_HEIGHT);
        self.y -= BLANK_HEIGHT - LABEL_SIZE - 4;
        self.label(label, is_beside);
        self.y -= LABEL_SIZE + 4;
        self.rule(if is_beside { VALUES_AT } else { MARGIN });
    }

    /// The finished file.
    pub(super) fn finish(mut self, title: &str, language: &str) -> Vec<u8> {
        let last = std::mem::replace(&mut self.content, Content::new());
        self.done.push(last.finish().into_vec());
        let mut pdf = Pdf::new();
        let mut next = Ref::new(1);
        let mut id = || next.bump();
        let (catalog, tree, info) = (id(), id(), id());
        let (regular, bold) = (id(), id());
        let ids: Vec<(Ref, Ref)> = self.done.iter().map(|_| (id(), id())).collect();
        let mut root = pdf.catalog(catalog);
        root.pages(tree).lang(TextStr(language));
        root.finish();
        let count = i32::try_from(ids.len()).unwrap_or(1);
        pdf.pages(tree).kids(ids.iter().map(|(page, _)| *page)).count(count);
        pdf.document_info(info).title(TextStr(title));
        for (font, name) in [(regular, &b"Helvetica"[..]), (bold, b"Helvetica-Bold")] {
            pdf.type1_font(font)
                .base_font(Name(name))
                .encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        for ((page, contents), bytes) in ids.into_iter().zip(self.done) {
            let mut written = pdf.page(page);
            written.media_box(Rect::new(0.0, 0.0, f32::from(WIDTH), f32::from(HEIGHT)));
            written.parent(tree).contents(contents);
            written.resources().fonts().pair(REGULAR, regular).pair(BOLD, bold);
            written.finish();
            pdf.stream(contents, &bytes);
        }
        pdf.finish()
    }

    fn paragraph(&mut self, text: &str, (x, across): (i16, i16), size: i16, weight: Weight) {
        for line in broken(text, size, across, weight) {
            self.room(line_height(size));
            self.show(&line, x, size, weight);
            self.y -= line_height(size);
        }
    }

    /// Writes one line, its letters below the cursor, which stays.
    fn show(&mut self, line: &[u8], x: i16, size: i16, weight: Weight) {
        let font = if weight == Weight::Bold { BOLD } else { REGULAR };
        self.content.begin_text();
        self.content.set_font(font, f32::from(size));
        self.content.next_line(f32::from(x), f32::from(self.y - size));
        self.content.show(Str(line));
        self.content.end_text();
    }

    fn label(&mut self, label: &str, is_beside: bool) {
        if is_beside && let Some(label) = encoded(label) {
            self.show(&label, MARGIN, LABEL_SIZE, Weight::Bold);
        }
    }

    fn rule(&mut self, from: i16) {
        self.content.set_line_width(0.5);
        self.content.move_to(f32::from(from), f32::from(self.y));
        self.content.line_to(f32::from(WIDTH - MARGIN), f32::from(self.y));
        self.content.stroke();
    }

    /// Goes on with the next page where so many points are not left.
    fn room(&mut self, points: i16) {
        if self.y - points < MARGIN {
            let full = std::mem::replace(&mut self.content, Content::new());
            self.done.push(full.finish().into_vec());
            self.y = HEIGHT - MARGIN;
        }
    }
}

fn line_height(size: i16) -> i16 {
    size + size / 3 + 1
}

fn fits(text: &str, size: i16, across: i16, weight: Weight) -> bool {
    encoded(text).is_some_and(|bytes| is_within(&bytes, size, across, weight))
}

fn is_within(bytes: &[u8], size: i16, across: i16, weight: Weight) -> bool {
    let factor = if weight == Weight::Bold { BOLD_WIDTH } else { 100 };
    let needed = i64::from(width(bytes)) * i64::from(size) * i64::from(factor);
    needed <= i64::from(across) * 100_000
}

/// The text in lines that fit; words that no line can hold are cut. Letters that cannot be shown
/// are left out.
fn broken(text: &str, size: i16, across: i16, weight: Weight) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut line: Vec<u8> = Vec::new();
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let word: Vec<u8> =
            word.chars().filter_map(|letter| encoded(&letter.to_string())).flatten().collect();
        let mut longer = line.clone();
        if !longer.is_empty() {
            longer.push(b' ');
        }
        longer.extend(&word);
        if is_within(&longer, size, across, weight) {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for letter in word {
            line.push(letter);
            if !is_within(&line, size, across, weight) {
                line.pop();
                lines.push(std::mem::replace(&mut line, vec![letter]));
            }
        }
    }
    lines.push(line);
    lines
}
