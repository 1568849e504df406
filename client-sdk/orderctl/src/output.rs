//! The two channels: data to stdout, talk to stderr.

use std::io::{self, IsTerminal, Write};

use crate::arguments::Format;
use crate::failure::Failure;
use crate::json::{self, Named};

/// Where data goes, and in what form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
    is_coloured: bool,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { format, is_coloured: io::stdout().is_terminal() && !no_color }
    }

    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Writes data for people, ending in a line break.
    pub(crate) fn text(text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Writes a message of the contract as one line of JSON.
    pub(crate) fn json<M: Named>(message: &M) -> Result<(), Failure> {
        Self::text(&json::write(message)?)
    }

    /// Writes a message as JSON, or for people as told here.
    pub(crate) fn either<M: Named>(
        self,
        message: &M,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.is_json() { Self::json(message) } else { Self::text(&text()) }
    }

    pub(crate) fn flush() -> Result<(), Failure> {
        Ok(io::stdout().flush()?)
    }

    /// A heading; bold on a terminal.
    pub(crate) fn heading(self, text: &str) -> String {
        self.styled("1", text)
    }

    /// Something that needs attention; red on a terminal.
    pub(crate) fn alarm(self, text: &str) -> String {
        self.styled("31", text)
    }

    /// Something of little weight; dim on a terminal.
    pub(crate) fn aside(self, text: &str) -> String {
        self.styled("2", text)
    }

    /// Says something to the person, beside the data.
    pub(crate) fn tell(text: &str) {
        // Nobody is left to tell when stderr is gone.
        let _told = writeln!(io::stderr(), "{text}");
    }

    fn styled(self, style: &str, text: &str) -> String {
        if self.is_coloured { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
