//! Answers on standard output, complaints on standard error; JSON for programs, text for people.

use std::io::Write;

use serde::Serialize;

use super::CliError;

/// Where answers go, and in which form.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// JSON or text.
    #[must_use]
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Answers with one object, or a text.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn tell(self, object: &impl Serialize, text: impl AsRef<str>) -> Result<(), CliError> {
        let mut out = std::io::stdout().lock();
        let written = if self.json {
            serde_json::to_writer(&mut out, object).map_err(std::io::Error::from).and_then(|()| writeln!(out))
        } else {
            writeln!(out, "{}", text.as_ref().trim_end())
        };
        written.and_then(|()| out.flush()).map_err(CliError::Stream)
    }

    /// Answers with a list: as an array, or as a table with these headings.
    ///
    /// # Errors
    /// When standard output is gone.
    pub fn list<T: Serialize, const N: usize>(
        self,
        items: &[T],
        headings: [&str; N],
        row: impl Fn(&T) -> [String; N],
    ) -> Result<(), CliError> {
        let rows: Vec<[String; N]> = std::iter::once(headings.map(str::to_owned)).chain(items.iter().map(row)).collect();
        let widths: [usize; N] = std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        let line = |row: &[String; N]| {
            let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            cells.join("  ").trim_end().to_owned()
        };
        self.tell(&items, rows.iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    /// Says why something was not done.
    pub fn complain(self, error: &CliError) {
        let mut out = std::io::stderr().lock();
        // Nobody is left to hear it if this fails.
        let _ =
            if self.json { writeln!(out, "{}", serde_json::json!({"error": error.to_string()})) } else { writeln!(out, "baton: {error}") };
    }
}
