//! What was measured, as tables: printed, and put between the marks of `docs/benchmarks.md`.

use std::path::{Path, PathBuf};

use crate::machine;

/// Runs of one figure.
#[derive(Debug, Clone, Default)]
pub struct Runs(pub Vec<f64>);

impl Runs {
    /// The middle one.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        match (sorted.len(), sorted.len() / 2) {
            (0, _) => 0.0,
            (length, middle) if length % 2 == 1 => sorted[middle],
            (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    /// The smallest and the largest.
    fn ends(&self) -> (f64, f64) {
        self.0.iter().fold((f64::MAX, f64::MIN), |(low, high), run| (low.min(*run), high.max(*run)))
    }

    /// How far the largest is from the smallest.
    pub fn spread(&self) -> f64 {
        let (low, high) = self.ends();
        (high - low).max(0.0)
    }

    /// The median with the smallest and the largest, where they differ.
    pub fn show(&self) -> String {
        let (low, high) = self.ends();
        if self.0.len() < 2 { figure(self.median()) } else { format!("{} ({}–{})", figure(self.median()), figure(low), figure(high)) }
    }
}

/// A number with three digits that count.
pub fn figure(number: f64) -> String {
    let size = number.abs();
    if size >= 100.0 {
        let digits = format!("{number:.0}");
        let mut parted = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index) % 3 == 0 && !parted.ends_with('-') {
                parted.push(',');
            }
            parted.push(digit);
        }
        parted
    } else if size >= 10.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.2}")
    }
}

/// A goal and what came of it.
#[derive(Debug, Clone)]
pub struct Row {
    /// What is measured, and what must hold.
    pub goal: String,
    /// What Baton did.
    pub figure: String,
    /// What it is held against.
    pub baseline: String,
    /// The one by the other.
    pub ratio: f64,
    /// Whether it holds. None: only told.
    pub met: Option<bool>,
}

/// A section: goals, and what each process cost.
#[derive(Debug, Default)]
pub struct Section {
    /// Goals.
    pub goals: Vec<Row>,
    /// What ran and what it cost, cells of [`COSTS`].
    pub costs: Vec<[String; 6]>,
}

/// Headings of the costs.
const COSTS: [&str; 6] =
    ["run", "a second", "server, µs an event", "PostgreSQL, µs an event", "load, µs an event", "of the machine, others"];

impl Section {
    /// Adds a goal: the ratio must be at least, or at most, this.
    pub fn goal(&mut self, goal: &str, figure: String, baseline: String, ratio: f64, bound: Bound) {
        let met = match bound {
            Bound::AtLeast(least) => Some(ratio >= least),
            Bound::AtMost(most) => Some(ratio <= most),
            Bound::Told => None,
        };
        self.goals.push(Row { goal: goal.to_owned(), figure, baseline, ratio, met });
    }

    fn text(&self) -> String {
        let mut text = String::from("| goal | figure | baseline | ratio | met |\n|---|---|---|---|---|\n");
        for row in &self.goals {
            let met = row.met.map_or("–", |met| if met { "yes" } else { "**no**" });
            text += &format!("| {} | {} | {} | {} | {met} |\n", row.goal, row.figure, row.baseline, figure(row.ratio));
        }
        if !self.costs.is_empty() {
            text += &format!("\n| {} |\n|{}\n", COSTS.join(" | "), "---|".repeat(COSTS.len()));
            for row in &self.costs {
                text += &format!("| {} |\n", row.join(" | "));
            }
        }
        text
    }
}

/// What a ratio must be.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
    /// Nothing.
    Told,
}

/// The report of a run.
pub struct Report {
    path: Option<PathBuf>,
}

impl Report {
    /// A report that is printed, and unless it is a quick one or of another program, written down.
    pub fn new(quick: bool) -> Self {
        let written = !quick && std::env::var_os("BATON_BIN").is_none();
        Self { path: written.then(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/benchmarks.md")) }
    }

    /// Takes a section.
    pub fn section(&mut self, name: &str, section: &Section) {
        let text = section.text();
        println!("\n## {name}\n\n{text}");
        self.write(name, &text);
    }

    /// What it was run on.
    pub fn machine(&mut self, postgres: &str) {
        let text = format!("{}, {postgres}, Linux {}\n", machine::describe(), kernel());
        println!("{text}");
        self.write("machine", &text);
    }

    fn write(&self, name: &str, text: &str) {
        let Some(path) = &self.path else { return };
        let whole = std::fs::read_to_string(path).expect("docs/benchmarks.md");
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let (before, rest) = whole.split_once(&begin).unwrap_or_else(|| panic!("{begin} is missing in {}", path.display()));
        let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{end} is missing in {}", path.display()));
        std::fs::write(path, format!("{before}{begin}{text}{end}{after}")).expect("docs/benchmarks.md is written");
    }
}

fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}
