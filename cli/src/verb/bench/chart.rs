//! The pictures of the page: ratios as bars, costs by processors as lines.
//!
//! All are 360 units wide, so that they fill the width of a phone with letters that can be read. Colours are classes that
//! the page gives.

use super::rows::{Judged, Verdict};
use super::scaling::{COUNTS, Curve};
use super::text;
use svg::Document;
use svg::node::element::{Circle, Line, Polyline, Rectangle, Text, Title};

const WIDTH: f64 = 360.0;
/// A row of bars: words above, the bar below.
const ROW: f64 = 34.0;
const BAR: f64 = 12.0;
/// Room for the words of the axis.
const AXIS: f64 = 20.0;
/// Powers of two at the ends of the axis of ratios.
const ENDS: (f64, f64) = (-5.0, 1.0);
/// What the axis names.
const MARKS: [(f64, &str); 7] = [
    (0.03125, "1/32"),
    (0.0625, "1/16"),
    (0.125, "1/8"),
    (0.25, "1/4"),
    (0.5, "1/2"),
    (1.0, "1"),
    (2.0, "2"),
];

/// Where a ratio stands on the axis; what is beyond it stands at its end.
fn ratio_x(ratio: f64) -> f64 {
    let (low, high) = ENDS;
    let place = (ratio.log2().clamp(low, high) - low) / (high - low);
    12.0 + place * (WIDTH - 24.0)
}

fn words(x: f64, y: f64, class: &str, text: &str) -> Text {
    Text::new(text)
        .set("x", round(x))
        .set("y", round(y))
        .set("class", class)
}

fn line(from: (f64, f64), to: (f64, f64), class: &str) -> Line {
    Line::new()
        .set("x1", round(from.0))
        .set("y1", round(from.1))
        .set("x2", round(to.0))
        .set("y2", round(to.1))
        .set("class", class)
}

/// A tenth of a unit is finer than any screen.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn document(height: f64, label: &str) -> Document {
    Document::new()
        .set("viewBox", format!("0 0 {WIDTH} {}", round(height)))
        .set("role", "img")
        .set("aria-label", label)
}

/// Bars of ratios, on a logarithmic scale: from 1, where both kernels cost the same, to the left where Gaon costs less.
pub(super) fn bars(label: &str, rows: &[&Judged]) -> String {
    let height = rows.len() as f64 * ROW + AXIS + 4.0;
    let mut picture = document(height, label);
    for (mark, name) in MARKS {
        let x = ratio_x(mark);
        let class = if mark == 1.0 { "par" } else { "grid" };
        picture = picture.add(line((x, AXIS), (x, height), class)).add(words(
            x,
            AXIS - 6.0,
            "mark",
            name,
        ));
    }
    for (at, judged) in rows.iter().enumerate() {
        let top = AXIS + at as f64 * ROW;
        picture = picture.add(words(2.0, top + 14.0, "name", &judged.row.name));
        let Some(ratio) = judged.ratio else {
            let why = match &judged.verdict {
                Verdict::Absent(_) => "absent",
                Verdict::Failed(_) => "FAILED",
                _ => "not compared",
            };
            picture = picture.add(words(WIDTH - 2.0, top + 14.0, "value dim", why));
            continue;
        };
        let (from, to) = (ratio_x(ratio.min(1.0)), ratio_x(ratio.max(1.0)));
        let class = match judged.verdict {
            Verdict::Over(_) => "over",
            _ if ratio > 1.0 => "worse",
            _ => "better",
        };
        let value = text::ratio(ratio);
        let hint = format!("{}: {value} of Linux", judged.row.unit);
        let bar = Rectangle::new()
            .set("x", round(from))
            .set("y", round(top + 18.0))
            .set("width", round((to - from).max(1.0)))
            .set("height", BAR)
            .set("class", class)
            .add(Title::new(hint));
        picture = picture.add(bar).add(words(
            WIDTH - 2.0,
            top + 14.0,
            &format!("value {class}"),
            &value,
        ));
        if let Some(limit) = judged.limit {
            let x = ratio_x(limit);
            picture = picture.add(line((x, top + 15.0), (x, top + 21.0 + BAR), "limit"));
        }
    }
    picture.to_string()
}

/// Costs by the number of processors, a line for each kernel; from zero, so that heights compare.
pub(super) fn curve(curve: &Curve) -> String {
    const HEIGHT: f64 = 190.0;
    let (left, right, top, bottom) = (64.0, WIDTH - 60.0, 14.0, HEIGHT - 26.0);
    let costs = || curve.costs.iter().flatten().flatten().copied();
    let most = costs().fold(1.0, f64::max) * 1.1;
    let x = |at: usize| left + at as f64 / (COUNTS.len() - 1) as f64 * (right - left);
    let y = |cost: f64| bottom - cost / most * (bottom - top);
    let mut picture = document(HEIGHT, &curve.name);
    for part in [0.0, 0.5, 1.0] {
        let cost = most * part / 1.1;
        picture = picture
            .add(line((left, y(cost)), (right, y(cost)), "grid"))
            .add(words(
                left - 6.0,
                y(cost) + 4.0,
                "value dim",
                &text::short(cost),
            ));
    }
    for (at, count) in COUNTS.iter().enumerate() {
        picture = picture.add(words(x(at), HEIGHT - 8.0, "mark", &count.to_string()));
    }
    for (kernel, costs) in curve.costs.iter().enumerate() {
        let class = ["gaon", "linux"][kernel.min(1)];
        let points: Vec<(f64, f64)> = costs
            .iter()
            .enumerate()
            .filter_map(|(at, cost)| Some((x(at), y((*cost)?))))
            .collect();
        let path = points
            .iter()
            .map(|(x, y)| format!("{},{}", round(*x), round(*y)))
            .collect::<Vec<_>>()
            .join(" ");
        picture = picture.add(Polyline::new().set("points", path).set("class", class));
        for (x, y) in &points {
            let dot = Circle::new()
                .set("cx", round(*x))
                .set("cy", round(*y))
                .set("r", 3.5);
            picture = picture.add(dot.set("class", class));
        }
        if let Some((x, y)) = points.last() {
            let name = ["Gaon", "Linux"][kernel.min(1)];
            picture = picture.add(words(x + 8.0, y + 4.0, &format!("{class} tag"), name));
        }
    }
    picture.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_is_logarithmic() {
        let step = ratio_x(1.0) - ratio_x(0.5);
        assert!((ratio_x(0.5) - ratio_x(0.25) - step).abs() < 1e-9);
        assert!((ratio_x(2.0) - ratio_x(1.0) - step).abs() < 1e-9);
        // Neither a bar without end nor one to the other side of the page.
        assert_eq!(ratio_x(1e-9), ratio_x(2.0_f64.powf(ENDS.0)));
        assert_eq!(ratio_x(1e9), ratio_x(2.0));
    }

    #[test]
    fn a_missing_count_leaves_a_gap_in_the_line() {
        let picture = curve(&Curve {
            name: "scaling/x".to_owned(),
            unit: String::new(),
            costs: vec![vec![Some(100.0), None, Some(300.0)], vec![None; 3]],
        });
        assert_eq!(picture.matches("<circle").count(), 2);
        assert!(picture.contains("Gaon") && !picture.contains("Linux"));
    }
}
