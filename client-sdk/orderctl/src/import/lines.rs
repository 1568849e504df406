//! The lines of a file or of stdin, read ahead by a few and never all at once.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use futures_util::Stream;
use futures_util::stream;
use tokio::sync::mpsc;

use crate::failure::Failure;

const READ_AHEAD: usize = 64;

/// One line that is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1, as an editor counts.
    pub(super) number: u64,
    /// Without its line break.
    pub(super) text: String,
    /// Bytes it takes in the file, with its line break and empty lines before it.
    pub(super) size: u64,
}

/// The size in bytes, if it is known, and the lines.
pub(super) fn read(
    file: &str,
) -> Result<(Option<u64>, impl Stream<Item = io::Result<Line>> + Unpin + use<>), Failure> {
    let (size, source): (_, Box<dyn Read + Send>) = if file == "-" {
        (None, Box::new(io::stdin()))
    } else {
        let opened = File::open(file).and_then(|opened| Ok((opened.metadata()?, opened)));
        let (metadata, opened) =
            opened.map_err(|error| Failure::Usage(format!("{file}: {error}")))?;
        if metadata.is_dir() {
            return Err(Failure::Usage(format!("{file}: is a directory")));
        }
        (metadata.is_file().then_some(metadata.len()), Box::new(opened))
    };
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    // A read of a pipe can wait for ever: on a thread of its own, which ends with the process.
    std::thread::spawn(move || {
        for line in lines(BufReader::new(source)) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let lines = stream::unfold(receiver, |mut receiver| async move {
        let line = receiver.recv().await?;
        Some((line, receiver))
    });
    Ok((size, Box::pin(lines)))
}

fn lines(mut source: impl BufRead) -> impl Iterator<Item = io::Result<Line>> {
    let mut number = 0;
    let mut size = 0;
    let mut has_failed = false;
    std::iter::from_fn(move || {
        while !has_failed {
            let mut bytes = Vec::new();
            match source.read_until(b'\n', &mut bytes) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => {
                    has_failed = true;
                    return Some(Err(error));
                }
            }
            number += 1;
            size += u64::try_from(bytes.len()).unwrap_or_default();
            // What is no text is no order either: it fails as a line, not as the file.
            let text = String::from_utf8_lossy(&bytes);
            // Some editors begin a file with a mark of its encoding.
            let text = text.trim_start_matches('\u{feff}').trim();
            if !text.is_empty() {
                return Some(Ok(Line {
                    number,
                    text: text.to_owned(),
                    size: std::mem::take(&mut size),
                }));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers_and_empty_ones_are_passed_over() {
        let text = "\u{feff}{\"a\": 1}\r\n\n  \n{\"b\": \"\u{e6}\"}\n\n{\"c\"";
        let read: Vec<Line> =
            lines(text.as_bytes()).collect::<io::Result<_>>().expect("bytes can be read");
        let told: Vec<(u64, &str)> =
            read.iter().map(|line| (line.number, line.text.as_str())).collect();
        assert_eq!(told, [(1, "{\"a\": 1}"), (4, "{\"b\": \"\u{e6}\"}"), (6, "{\"c\"")]);
        assert_eq!(read.iter().map(|line| line.size).sum::<u64>(), 34, "all bytes");
    }
}
