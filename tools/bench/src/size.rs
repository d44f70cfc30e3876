//! The sizes of the functions: of their programs, and of the uploaded archives.

use std::{fs, io::Write as _};

use flate2::{Compression, write::DeflateEncoder};

use crate::{
    Result,
    programs::Programs,
    report::{Chart, Report, Table, number},
};

/// The bytes that an archive adds to one compressed file: two headers and the end of the directory, with the
/// name `bootstrap`.
const ARCHIVE: usize = 30 + 9 + 46 + 9 + 22;

pub(crate) fn run(programs: &Programs) -> Result<Report> {
    let mut report = Report::of("size");
    let mut table = Table::new(["function", "program, MB", "zip, MB"]);
    let mut bars = Vec::new();
    for name in crate::programs::FUNCTIONS.into_iter().chain(["hello"]) {
        let program = fs::read(programs.path(name))?;
        let mut archive = DeflateEncoder::new(Vec::new(), Compression::default());
        archive.write_all(&program)?;
        let zip = archive.finish()?.len() + ARCHIVE;
        #[expect(clippy::cast_precision_loss, reason = "files are smaller than 2^52 bytes")]
        let (program, zip) = (program.len() as f64, zip as f64);
        if name != "hello" {
            report.figure(format!("program.{name}"), program);
            report.figure(format!("zip.{name}"), zip);
        }
        table.row([name.to_owned(), number(program / 1e6), number(zip / 1e6)]);
        bars.push((name.to_owned(), zip / 1e6));
    }
    let most = report.figures.iter().filter(|(name, _)| name.starts_with("size.zip."));
    let most = most.map(|(_, value)| *value).fold(0.0, f64::max);
    report.figure("zip.most", most);
    report.say(table);
    report.say(
        "A zip holds the program alone, deflated at the usual level. `hello` is a bare `lambda_runtime`.",
    );
    report.charts.push(Chart { title: "zip of each function".to_owned(), unit: "MB", bars });
    Ok(report)
}
