//! Labs' figures as a page of HTML that needs nothing else.

use super::figures::{COLUMNS, Ran, of_name, row_names};
use super::recipe::Lab;
use std::fmt::Write;

const STYLE: &str = include_str!("../bench/page.css");

/// The page.
pub(super) fn page(labs: &[(String, Lab)], ran: &[Ran]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Gaon's labs</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>Gaon's labs</h1>\n\
         <p>Times are of a guest in an emulator and on its clock; what crosses, what is copied and what waits is counted \
         for one operation. The formula is T = k C_b + C_c, or C_sync in place of C_c where memory is shared; what was \
         measured beyond it are context switches and what the program itself does.</p>\n"
    );
    for (name, lab) in labs {
        let runs: Vec<&Ran> = ran.iter().filter(|run| run.lab == *name).collect();
        if runs.is_empty() {
            continue;
        }
        let _ = write!(
            out,
            "<h2>{}: {}</h2>\n<p>{}</p>\n",
            escape(name),
            escape(&lab.title),
            escape(lab.question.as_deref().unwrap_or(""))
        );
        table(&mut out, &runs);
        for run in &runs {
            let _ = write!(
                out,
                "<details><summary>What {} said</summary>\n<pre>{}</pre></details>\n",
                escape(&run.kernel),
                escape(&run.said.join("\n"))
            );
        }
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn table(out: &mut String, runs: &[&Ran]) {
    if runs.iter().all(|run| run.rows.is_empty()) {
        return;
    }
    out.push_str("<div class=\"scroll\"><table>\n<tr><th></th><th>kernel</th>");
    for (head, _, _) in COLUMNS {
        let _ = write!(out, "<th>{head}</th>");
    }
    out.push_str("</tr>\n");
    for name in row_names(runs) {
        for (kernel, row) in of_name(runs, name) {
            let _ = write!(out, "<tr><td>{}</td><td>{kernel}</td>", escape(name));
            for (_, figure, written) in COLUMNS {
                let cell = row
                    .figures
                    .get(figure)
                    .map_or("".to_owned(), |v| written(*v));
                let _ = write!(out, "<td>{cell}</td>");
            }
            out.push_str("</tr>\n");
        }
    }
    out.push_str("</table></div>\n");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::figures::Reader;

    #[test]
    fn what_a_lab_says_cannot_be_markup() {
        let lab = toml::from_str("title = \"a < b\"\nscript = \"\"").unwrap();
        let mut reader = Reader::new("Gaon");
        for line in ["@lab\tx", "<script>", "@row\tr & s\tp50_ns=5", "@end\t0"] {
            reader.take(line);
        }
        let page = super::page(&[("x".to_owned(), lab)], &reader.ran);
        assert!(page.contains("a &lt; b") && page.contains("r &amp; s") && page.contains("5 ns"));
        assert!(!page.contains("<script>"), "{page}");
    }
}
