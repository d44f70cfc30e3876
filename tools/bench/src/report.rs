//! The results of a suite: tables to read, figures to compare, and charts.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs,
    path::Path,
};

use serde_json::json;

use crate::Result;

/// The results of a suite.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) suite: &'static str,
    pub(crate) text: String,
    /// The figures by name, such as `cost.write_units.table`.
    pub(crate) figures: BTreeMap<String, f64>,
    pub(crate) charts: Vec<Chart>,
}

impl Report {
    pub(crate) fn of(suite: &'static str) -> Self {
        Self { suite, ..Self::default() }
    }

    pub(crate) fn say(&mut self, text: impl fmt::Display) {
        let _ = writeln!(self.text, "{text}\n");
    }

    pub(crate) fn figure(&mut self, name: impl fmt::Display, value: f64) {
        self.figures.insert(format!("{}.{name}", self.suite), value);
    }

    /// Writes the results as `suite.md`, `suite.json` and charts into a directory.
    pub(crate) fn keep(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory)?;
        let Self { suite, text, figures, charts } = self;
        let mut text = format!("# {suite}\n\n{text}");
        for (number, chart) in charts.iter().enumerate() {
            let file = format!("{suite}-{number}.svg");
            fs::write(directory.join(&file), chart.svg())?;
            let _ = writeln!(text, "![{}]({file})\n", chart.title);
        }
        fs::write(directory.join(format!("{suite}.md")), text.trim_end().to_owned() + "\n")?;
        let figures = serde_json::to_string_pretty(&json!({"suite": suite, "figures": figures}))?;
        fs::write(directory.join(format!("{suite}.json")), figures + "\n")?;
        Ok(())
    }
}

/// A table in Markdown.
pub(crate) struct Table {
    text: String,
}

impl Table {
    pub(crate) fn new<const N: usize>(columns: [&str; N]) -> Self {
        Self { text: format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(N)) }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        let _ = writeln!(self.text, "| {} |", cells.join(" | "));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim_end())
    }
}

/// Bars, on a logarithmic scale if they differ by more than a hundred times.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) unit: &'static str,
    pub(crate) bars: Vec<(String, f64)>,
}

impl Chart {
    fn svg(&self) -> String {
        const ROW: usize = 26;
        const LEFT: usize = 170;
        const WIDTH: f64 = 460.0;
        let values = || self.bars.iter().map(|(_, value)| *value).filter(|value| *value > 0.0);
        let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN_POSITIVE, f64::max));
        let powers = most / least > 100.0;
        let length = |value: f64| {
            let share = if powers {
                (value / least * 1.5).max(1.0).ln() / (most / least * 1.5).ln()
            } else {
                value / most
            };
            (share * WIDTH).max(1.0)
        };
        let height = 44 + ROW * self.bars.len();
        let scale = if powers { ", scale of powers" } else { "" };
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
             <rect width=\"760\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             <text x=\"12\" y=\"22\" font-weight=\"bold\">{} ({}{scale})</text>\n",
            escaped(&self.title),
            escaped(self.unit)
        );
        for (row, (label, value)) in self.bars.iter().enumerate() {
            let top = 36 + ROW * row;
            let (end, base) = (length(*value), top + 14);
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"{LEFT}\" y=\"{top}\" width=\"{end:.0}\" height=\"18\" fill=\"#3b6ea5\"/>\
                 <text x=\"{:.0}\" y=\"{base}\">{}</text>",
                LEFT - 8,
                escaped(label),
                170.0 + end + 6.0,
                number(*value)
            );
        }
        svg + "</svg>\n"
    }
}

/// A number with a readable number of digits.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    // Thousands are separated in the part before the point.
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, rest) =
        text.split_once('.').map_or((text, String::new()), |(whole, rest)| (whole, format!(".{rest}")));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

/// The median and the 99th percentile.
pub(crate) fn percentiles(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at =
        |hundredths: usize| values.get((values.len() * hundredths / 100).min(values.len().saturating_sub(1)));
    (at(50).copied().unwrap_or_default(), at(99).copied().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
