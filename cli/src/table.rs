//! Columns for people: as wide as their content, or narrower if the terminal is.

use console::{Style, measure_text_width, pad_str, truncate_str};

use crate::terminal::safe_line;

const GAP: &str = "  ";

/// A column: its heading, and how narrow it may become where the line is short.
pub(crate) type Column = (&'static str, usize);

/// The columns that a line has place for, with their widths.
pub(crate) struct Layout {
    headings: Vec<String>,
    widths: Vec<usize>,
    /// Whether a field that is too wide is cut, since the line has an end.
    cuts: bool,
}

impl Layout {
    /// The layout for these rows on a line of `width`; without one nothing is cut. If the line is too short for all
    /// columns, the last are left out.
    pub(crate) fn of(columns: &[Column], rows: &[impl AsRef<[String]>], width: Option<usize>) -> Self {
        let widths = (0..columns.len()).map(|column| {
            let fields = rows.iter().map(|row| measure_text_width(&safe_line(&row.as_ref()[column])));
            fields.chain([measure_text_width(columns[column].0)]).max().unwrap_or_default()
        });
        let widths: Vec<_> = widths.collect();
        let floors: Vec<_> = columns.iter().map(|(_, floor)| *floor).collect();
        let widths = match width {
            Some(width) => narrowed(widths, &floors, width),
            None => widths,
        };
        let headings = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        Self { headings, widths, cuts: width.is_some() }
    }

    /// The line with the headings.
    pub(crate) fn heading(&self) -> String {
        self.line(&self.headings, &Style::new().bold())
    }

    /// The line of a row, all in one style, which is ignored where colours are off.
    pub(crate) fn line(&self, row: &[String], style: &Style) -> String {
        let fields = row.iter().zip(&self.widths).map(|(field, width)| {
            let field = safe_line(field);
            let field = if self.cuts { truncate_str(&field, *width, "…").into_owned() } else { field };
            pad_str(&field, *width, console::Alignment::Left, None).into_owned()
        });
        let line = fields.collect::<Vec<_>>().join(GAP);
        format!("{}\n", style.apply_to(line.trim_end()))
    }
}

fn gaps(columns: usize) -> usize {
    GAP.len() * columns.saturating_sub(1)
}

/// The least width of all columns together.
fn least(widths: &[usize], floors: &[usize]) -> usize {
    widths.iter().zip(floors).map(|(width, floor)| width.min(floor)).sum()
}

/// Makes the widest columns narrower until all fit. No column becomes narrower than its floor.
fn narrowed(mut widths: Vec<usize>, floors: &[usize], available: usize) -> Vec<usize> {
    while widths.len() > 1 && least(&widths, floors) + gaps(widths.len()) > available {
        widths.pop();
    }
    while widths.iter().sum::<usize>() + gaps(widths.len()) > available {
        let over = widths.iter_mut().zip(floors).filter(|(width, floor)| **width > **floor);
        match over.max_by_key(|(width, floor)| **width - **floor) {
            Some((width, _)) => *width -= 1,
            None => break,
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(rows: &[[&str; 2]], width: Option<usize>) -> String {
        let rows: Vec<_> = rows.iter().map(|row| row.map(str::to_owned)).collect();
        let layout = Layout::of(&[("NAME", 4), ("WHAT", 8)], &rows, width);
        let plain = Style::new().force_styling(false);
        rows.iter().map(|row| layout.line(row, &plain)).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_content() {
        assert_eq!(render(&[["a", "b"], ["longer", "c"]], None), "a       b\nlonger  c\n");
        assert_eq!(render(&[["日本", "b"], ["a", "c"]], None), "日本  b\na     c\n");
    }

    #[test]
    fn a_wide_field_is_cut_at_the_end_of_the_line() {
        let wide = "0123456789".repeat(3);
        assert_eq!(render(&[["short", &wide]], Some(20)), "short  012345678901…\n");
        assert_eq!(render(&[["short", &wide]], Some(14)), "sho…  0123456…\n");
        assert_eq!(render(&[["short", &wide]], Some(13)), "short\n");
        assert_eq!(render(&[["short", &wide]], None), format!("short  {wide}\n"));
        assert_eq!(narrowed(vec![20, 30, 20], &[20, 10, 10], 49), [20, 13, 12]);
        assert_eq!(narrowed(vec![20, 30], &[20, 10], 4), [20]);
    }

    #[test]
    fn a_field_stays_on_its_line() {
        assert_eq!(render(&[["a\nb", "\u{1b}[31mred"]], None), "a\\nb  \\u001b[31mred\n");
    }
}
