//! Numbers as people read them.

/// With commas between thousands; small ones with what stands behind the point.
pub(super) fn number(value: f64) -> String {
    if value.abs() < 10.0 && value.fract() != 0.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 && text != "0" {
        text.insert(0, '-');
    }
    text
}

/// With two digits that count.
pub(super) fn ratio(value: f64) -> String {
    if value < 0.095 {
        format!("{value:.3}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::{number, ratio};

    #[test]
    fn small_ratios_keep_their_digits() {
        assert_eq!(
            [ratio(0.0123), ratio(0.4567), ratio(1.0)],
            ["0.012", "0.46", "1.00"]
        );
    }

    #[test]
    fn thousands_stand_apart() {
        for (value, text) in [
            (0.0, "0"),
            (2.5, "2.50"),
            (181.25, "181"),
            (1000.0, "1,000"),
            (1_411_000_000.0, "1,411,000,000"),
            (-1234.0, "-1,234"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
