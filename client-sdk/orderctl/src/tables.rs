//! Plain tables: a heading, columns by width, no lines, so that a terminal and a script can read them.

use comfy_table::{CellAlignment, ColumnConstraint, Table, Width, presets};

/// Rows under a heading. What does not fit on a page of a long list goes into the next table, with the
/// widths of the first.
#[derive(Debug)]
pub(crate) struct Rows {
    headings: Vec<&'static str>,
    /// Places of the columns of numbers.
    right: Vec<usize>,
    /// Widths of the tables before this one.
    widths: Vec<u16>,
}

impl Rows {
    /// A heading that begins with `>` stands over numbers.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        let right = headings
            .iter()
            .enumerate()
            .filter(|(_, heading)| heading.starts_with('>'))
            .map(|(place, _)| place)
            .collect();
        let headings = headings.iter().map(|heading| heading.trim_start_matches('>')).collect();
        Self { headings, right, widths: Vec::new() }
    }

    /// The rows as text; with the heading the first time.
    pub(crate) fn text(&mut self, rows: Vec<Vec<String>>) -> String {
        let is_first = self.widths.is_empty();
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if is_first {
            table.set_header(self.headings.clone());
        }
        table.add_rows(rows);
        for (place, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if self.right.contains(&place) {
                column.set_cell_alignment(CellAlignment::Right);
            }
            if let Some(width) = self.widths.get(place) {
                // Padding counts.
                let width = width.saturating_add(2);
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
            }
        }
        if is_first {
            self.widths = table.column_max_content_widths();
        }
        table.trim_fmt()
    }
}

/// One table.
pub(crate) fn table(headings: &[&'static str], rows: Vec<Vec<String>>) -> String {
    Rows::new(headings).text(rows)
}

/// Facts under each other, empty ones left out: `Placed   2026-11-23`.
pub(crate) fn facts(facts: &[(&str, String)]) -> String {
    let filled = || facts.iter().filter(|(_, value)| !value.is_empty());
    let width = filled().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    filled().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_keeps_its_columns_and_has_one_heading() {
        let mut rows = Rows::new(&["NAME", ">TOTAL"]);
        let row = |name: &str, total: &str| vec![vec![name.to_owned(), total.to_owned()]];
        assert_eq!(rows.text(row("longer", "9.50")), "NAME    TOTAL\nlonger   9.50");
        assert_eq!(rows.text(row("b", "10.00")), "b       10.00");
    }

    #[test]
    fn facts_that_are_empty_are_left_out() {
        let text =
            facts(&[("A", "1".to_owned()), ("Long", String::new()), ("Bee", "2".to_owned())]);
        assert_eq!(text, "A    1\nBee  2\n");
    }
}
