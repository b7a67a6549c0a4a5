//! Whether a name that means nothing was meant to be one that does.

/// Letters to change, add or leave out that still make it the same name, misspelt.
const SLIPS: usize = 2;

/// Whether `written` is likely meant to be `name`: in other case, with other separators, or with a slip.
/// Linear in both: names of quite another length are not looked at.
pub(super) fn resembles(written: &str, name: &str) -> bool {
    let local = written.rsplit(':').next().unwrap_or_default();
    if local.len() > 2 * name.len() {
        return false;
    }
    let letters = |text: &str| -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase()).collect()
    };
    let (written, name) = (letters(local), letters(name));
    // Levenshtein, a row at a time.
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, a) in written.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in name.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[name.len()] <= SLIPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_from_other_names() {
        for written in ["Secure", "SECURE", "secured", "secur", "secrue", "se-cure", "x:secure"] {
            assert!(resembles(written, "secure"), "{written}");
        }
        for written in
            ["", "x:", "domain", "to-ports", "https-only", "securityse", "é", &"secure".repeat(3_000)]
        {
            assert!(!resembles(written, "secure"), "{written}");
        }
    }
}
