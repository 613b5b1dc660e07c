//! Durations and sizes as people write them.

use std::time::Duration;

/// `250ms`, `5s`, `2m`, `24h` or `5d`.
///
/// # Errors
/// A text for the user when it is none of these.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("`{text}` needs a unit: ms, s, m, h or d")),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(|| format!("`{text}` is too long"))
}

/// A number of bytes: `65536`, `64KiB`, `16MiB` or `1GiB`.
///
/// # Errors
/// A text for the user when it is none of these.
pub fn parse_bytes(text: &str) -> Result<usize, String> {
    let (number, unit) = split(text)?;
    let bytes: u64 = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(format!("`{text}` is not a size: a number, alone or with KiB, MiB or GiB")),
    };
    number.checked_mul(bytes).and_then(|bytes| usize::try_from(bytes).ok()).ok_or_else(|| format!("`{text}` is too large"))
}

fn split(text: &str) -> Result<(u64, &str), String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..end].parse().map_err(|_| format!("`{text}` does not begin with a number"))?;
    Ok((number, text[end..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        for (text, millis) in [("250ms", 250), ("5s", 5_000), ("2 m", 120_000), ("24h", 86_400_000), ("5d", 432_000_000), ("0s", 0)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1.5s", "5 weeks", "99999999999999999999s", "18446744073709551615d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_sizes() {
        for (text, bytes) in [("0", 0), ("65536", 65_536), ("64KiB", 65_536), ("16MiB", 16_777_216), ("1 GiB", 1_073_741_824)] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "16MB", "16 mib", "99999999999GiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
