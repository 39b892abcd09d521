//! How two answers differ, in few words.

use super::table::Answer;

/// Characters of a text that are shown.
const MOST: usize = 300;

/// What is other in `answer` than in `expected`; `errors` is what came on standard error, where that is not compared.
pub(super) fn difference(expected: &Answer, answer: &Answer, errors: &str) -> String {
    let mut parts = Vec::new();
    if expected.status != answer.status {
        parts.push(format!(
            "expected {}, got {}",
            meaning(expected.status),
            meaning(answer.status)
        ));
    }
    if expected.stdout != answer.stdout {
        parts.push(texts("output", &expected.stdout, &answer.stdout));
    }
    if expected.stderr != answer.stderr {
        parts.push(texts("errors", &expected.stderr, &answer.stderr));
    } else if !errors.is_empty() {
        parts.push(format!("errors {:?}", short(errors)));
    }
    parts.join("; ")
}

/// Short texts whole, of long ones the first line that is another.
fn texts(what: &str, expected: &str, answer: &str) -> String {
    if expected.chars().count().max(answer.chars().count()) <= MOST {
        return format!("expected {what} {expected:?}, got {answer:?}");
    }
    let (mut wanted, mut got) = (expected.lines(), answer.lines());
    let mut number = 1;
    loop {
        match (wanted.next(), got.next()) {
            (Some(one), Some(other)) if one == other => number += 1,
            (one, other) => {
                let line = |line: Option<&str>| {
                    line.map_or("no more".to_owned(), |text| format!("{:?}", short(text)))
                };
                return format!(
                    "line {number} of {what}: expected {}, got {}",
                    line(one),
                    line(other)
                );
            }
        }
    }
}

fn short(text: &str) -> String {
    let mut cut: String = text.chars().take(MOST).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

pub(super) fn one_line(text: &str) -> String {
    short(&text.replace('\n', " | "))
}

/// A status as the driver tells it.
pub(super) fn meaning(status: i32) -> String {
    match status {
        -1 => "time up".to_owned(),
        -2 => "not started".to_owned(),
        status if status & 0x7f == 0 => format!("exit {}", status >> 8),
        status => format!("signal {}", status & 0x7f),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(stdout: &str) -> Answer {
        Answer {
            status: 0,
            stdout: stdout.to_owned(),
            stderr: String::new(),
        }
    }

    #[test]
    fn of_long_texts_the_line_that_differs_is_shown() {
        let long: String = (0..200).map(|n| format!("line {n}\n")).collect();
        let other = long.replace("line 150\n", "line X\n");
        assert_eq!(
            difference(&answer(&long), &answer(&other), ""),
            "line 151 of output: expected \"line 150\", got \"line X\""
        );
        let (head, _) = long.split_once("line 60\n").unwrap();
        assert_eq!(
            difference(&answer(&long), &answer(head), ""),
            "line 61 of output: expected \"line 60\", got no more"
        );
    }

    #[test]
    fn short_texts_are_shown_whole() {
        assert_eq!(
            difference(&answer("a\n"), &answer("b\n"), ""),
            "expected output \"a\\n\", got \"b\\n\""
        );
    }
}
