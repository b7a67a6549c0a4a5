//! Dates as people write them (RFC 3339, and shorter).

/// Milliseconds since 1970 UTC of `2024-01-31`, `2024-01-31T12:00`, with seconds and fractions or not, and `Z` or the
/// distance from UTC or not: then it is UTC.
pub(super) fn millis(text: &str) -> Result<i64, String> {
    parse(text).ok_or_else(|| {
        "no date: 2024-01-31, 2024-01-31T12:00:00Z or 2024-01-31T12:00:00.5+02:00 was expected".to_owned()
    })
}

fn parse(text: &str) -> Option<i64> {
    let mut rest = text;
    let year = number(&mut rest, 4, 0, 9999)?;
    let month = number(skip(&mut rest, '-')?, 2, 1, 12)?;
    let day = number(skip(&mut rest, '-')?, 2, 1, days_of(year, month))?;
    let mut millis = days(year, month, day) * 86_400_000;
    if rest.is_empty() {
        return Some(millis);
    }
    rest = rest.strip_prefix(['T', 't', ' '])?;
    millis += number(&mut rest, 2, 0, 23)? * 3_600_000;
    millis += number(skip(&mut rest, ':')?, 2, 0, 59)? * 60_000;
    if skip(&mut rest, ':').is_some() {
        millis += number(&mut rest, 2, 0, 59)? * 1000;
        if skip(&mut rest, '.').is_some() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            // Finer than milliseconds a date is not.
            let shown = format!("{:0<3.3}", rest.get(..digits).filter(|digits| !digits.is_empty())?);
            millis += shown.parse::<i64>().ok()?;
            rest = &rest[digits..];
        }
    }
    match rest {
        "" | "Z" | "z" => return Some(millis),
        _ => {}
    }
    let sign = if rest.starts_with('+') { 1 } else { -1 };
    rest = rest.strip_prefix(['+', '-'])?;
    let hours = number(&mut rest, 2, 0, 23)?;
    let minutes = number(skip(&mut rest, ':')?, 2, 0, 59)?;
    rest.is_empty().then_some(millis - sign * (hours * 60 + minutes) * 60_000)
}

fn skip<'r, 't>(rest: &'r mut &'t str, character: char) -> Option<&'r mut &'t str> {
    *rest = rest.strip_prefix(character)?;
    Some(rest)
}

fn number(rest: &mut &str, digits: usize, least: i64, most: i64) -> Option<i64> {
    let (number, after) = rest.split_at_checked(digits)?;
    *rest = after;
    let value = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
    (least..=most).contains(&value).then_some(value)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March: the leap day is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (text, expected) in [
            ("1970-01-01", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("1998-05-08T09:51:31Z", 894_621_091_000),
            ("1998-05-08T11:51:31+02:00", 894_621_091_000),
            ("1998-05-08 04:21:31-05:30", 894_621_091_000),
            ("1998-05-08T09:51", 894_621_060_000),
            ("2000-02-29", 951_782_400_000),
            ("2024-12-31T23:59:59.5", 1_735_689_599_500),
            ("2024-12-31T23:59:59.1239z", 1_735_689_599_123),
            ("0000-01-01", -62_167_219_200_000),
            ("9999-12-31", 253_402_214_400_000),
        ] {
            assert_eq!(millis(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "2024",
            "2024-1-1",
            "2024-13-01",
            "2024-00-01",
            "2023-02-29",
            "1900-02-29",
            "2024-01-32",
            "2024-01-01T",
            "2024-01-01T24:00",
            "2024-01-01T12:00:60",
            "2024-01-01T12:00:00.",
            "2024-01-01T12:00+2",
            "2024-01-01x",
            "+024-01-01",
            "2024-01-01T12:00:00Zx",
            "2024-01-01T12:00:00+02:00x",
            "täg4-01-01",
            "2024-01-01T12:00:00.é",
        ] {
            assert!(millis(text).is_err(), "{text}");
        }
    }
}
