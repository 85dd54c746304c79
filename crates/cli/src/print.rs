//! The only place that writes to standard output. Data goes there; progress and messages go to
//! standard error. Colour never carries meaning. Text comes from chains and machines of strangers, so nothing in it
//! is left that a terminal obeys.

use std::{
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Writes a line of data.
pub fn line(text: &str) {
    raw(plain(text).as_bytes());
    raw(b"\n");
}

/// Writes data as it is.
pub fn raw(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    // Nobody reads any more: the process ends by SIGPIPE, or there is nothing left to do.
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Writes bytes of a workload's standard error.
pub fn raw_error(bytes: &[u8]) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Writes a value as JSON, indented.
pub fn json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).expect("values printed have string keys");
    line(&escaped(&text));
}

/// Writes a value: as JSON when asked for, else the text.
pub fn data(as_json: bool, value: &impl Serialize, text: impl FnOnce() -> String) {
    if as_json {
        json(value);
    } else {
        let text = text();
        if !text.is_empty() {
            line(text.trim_end_matches('\n'));
        }
    }
}

/// Writes a message to standard error.
pub fn note(text: &str) {
    raw_error(plain(text).as_bytes());
    raw_error(b"\n");
}

/// Text as it is shown: lines and tabs stay, other control characters do not.
fn plain(text: &str) -> String {
    let kept = |letter: char| matches!(letter, '\n' | '\t') || !letter.is_control();
    text.chars().map(|letter| if kept(letter) { letter } else { '\u{fffd}' }).collect()
}

/// JSON means the same with its control characters escaped; its format does so for the first 32 alone.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '\n' => text.push(letter),
            _ if letter.is_control() => text += &format!("\\u{:04x}", u32::from(letter)),
            _ => text.push(letter),
        }
    }
    text
}

/// Columns of text, padded to their widest cell.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let format_row = |cells: Vec<&str>| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_string() + "\n"
    };
    let mut text = format_row(head.to_vec());
    for row in rows {
        text += &format_row(row.iter().map(String::as_str).collect());
    }
    text
}

/// Progress of a long step: a spinner on a terminal, plain lines elsewhere, nothing when quiet.
pub struct Step {
    bar: Option<ProgressBar>,
    quiet: bool,
    name: String,
    last: String,
    since: Instant,
}

impl Step {
    /// Begins a step.
    pub fn begin(name: impl Into<String>, quiet: bool) -> Self {
        let name = name.into();
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner} {prefix}: {msg}");
            bar.set_style(style.expect("a fixed template"));
            bar.set_prefix(name.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, quiet, name, last: String::new(), since: Instant::now() }
    }

    /// Says what it does now.
    pub fn say(&mut self, text: &str) {
        if self.quiet || text == self.last {
            return;
        }
        self.last = text.to_string();
        match &self.bar {
            Some(bar) => bar.set_message(plain(text).replace(['\n', '\t'], " ")),
            None => note(&format!("    {}: {text}", self.name)),
        }
    }

    /// Ends it with a word on the result.
    pub fn done(self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if !self.quiet {
            note(&format!(
                "  ✓ {}: {text} ({:.1} s)",
                self.name,
                self.since.elapsed().as_secs_f32()
            ));
        }
    }
}

/// Seconds as people say them, e.g. `1 h 5 min`.
pub fn duration(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds % 86_400 / 3_600);
    let (minutes, rest) = (seconds % 3_600 / 60, seconds % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")];
    let shown: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .take(2)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if shown.is_empty() { "0 s".into() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(0), "0 s");
        assert_eq!(duration(3_905), "1 h 5 min");
        assert_eq!(duration(90_000), "1 d 1 h");
    }

    #[test]
    fn nothing_is_shown_that_a_terminal_obeys() {
        let hostile = "a\u{1b}[2J\u{9b}31mb\r\u{7f}\n\tc";
        assert_eq!(plain(hostile), "a\u{fffd}[2J\u{fffd}31mb\u{fffd}\u{fffd}\n\tc");
        let json = serde_json::to_string_pretty(&[hostile]).unwrap();
        let shown = escaped(&json);
        assert!(!shown.chars().any(|letter| letter.is_control() && letter != '\n'), "{shown}");
        let read: Vec<String> = serde_json::from_str(&shown).unwrap();
        assert_eq!(read, [hostile], "it means the same");
    }

    #[test]
    fn a_table_pads_its_columns() {
        let rows = vec![vec!["1".into(), "long cell".into()], vec!["22".into(), "x".into()]];
        assert_eq!(table(&["id", "name"], &rows), "id  name\n1   long cell\n22  x\n");
    }
}
