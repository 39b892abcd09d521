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

/// As short as an axis wants it.
pub(super) fn short(value: f64) -> String {
    match value {
        value if value >= 999_500.0 => format!("{:.1} M", value / 1e6),
        value if value >= 10_000.0 => format!("{:.0} k", value / 1e3),
        value => number(value.round()),
    }
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
    use super::{number, ratio, short};

    #[test]
    fn axes_have_no_room_for_digits() {
        let texts = [0.0, 1170.2, 49_699.0, 999_700.0, 2_372_936.0].map(short);
        assert_eq!(texts, ["0", "1,170", "50 k", "1.0 M", "2.4 M"]);
    }

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
