//! JSON documents one after the other, cut apart as they arrive.

/// Cuts a text into JSON documents: with or without line breaks between and inside of them. Looks at each byte once; what
/// is no JSON is found by who reads the document.
#[derive(Debug, Default)]
pub(super) struct Documents {
    text: Vec<u8>,
    /// Bytes that were looked at.
    at: usize,
    /// Brackets that are open.
    depth: usize,
    within: Within,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Within {
    /// White space before a document.
    #[default]
    Nothing,
    /// A list or object.
    Brackets,
    /// A string; the next byte is escaped.
    String { escaped: bool },
    /// A number or word.
    Word,
}

impl Documents {
    /// Adds text.
    pub(super) fn push(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
    }

    /// Bytes of the document that is not complete.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The next document that is complete; `is_whole` when no more text comes: what is there is the last one then.
    pub(super) fn next(&mut self, is_whole: bool) -> Option<Vec<u8>> {
        while let Some(&byte) = self.text.get(self.at) {
            let end = match (self.within, byte) {
                (Within::Nothing, space) if space.is_ascii_whitespace() => {
                    self.at += 1;
                    continue;
                }
                (Within::String { escaped: true }, _) => {
                    self.within = Within::String { escaped: false };
                    false
                }
                (Within::String { .. }, b'\\') => {
                    self.within = Within::String { escaped: true };
                    false
                }
                (Within::String { .. }, b'"') => {
                    self.within = Within::Brackets;
                    self.depth == 0
                }
                (Within::String { .. }, _) => false,
                (Within::Word, byte) if byte.is_ascii_whitespace() || b"[{\"".contains(&byte) => {
                    // The byte is the next document's.
                    return Some(self.cut(self.at));
                }
                (Within::Word, _) => false,
                (Within::Nothing | Within::Brackets, b'"') => {
                    self.within = Within::String { escaped: false };
                    false
                }
                (Within::Nothing | Within::Brackets, b'[' | b'{') => {
                    self.within = Within::Brackets;
                    self.depth += 1;
                    false
                }
                (Within::Brackets, b']' | b'}') => {
                    self.depth -= 1;
                    self.depth == 0
                }
                (Within::Brackets, _) => false,
                (Within::Nothing, _) => {
                    self.within = Within::Word;
                    false
                }
            };
            self.at += 1;
            if end {
                return Some(self.cut(self.at));
            }
        }
        if self.within == Within::Nothing {
            self.text.clear();
            self.at = 0;
        }
        (is_whole && !self.text.is_empty()).then(|| self.cut(self.text.len()))
    }

    fn cut(&mut self, len: usize) -> Vec<u8> {
        (self.at, self.depth, self.within) = (0, 0, Within::Nothing);
        self.text.drain(..len).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_cut_apart_wherever_the_text_is() {
        let text = "1 \"a \\\" ]\"[1,[2]] {\"a\":\n{\"}\":\"\\\\\"}}\n\n null\n5[]-2.5";
        let expected =
            ["1", "\"a \\\" ]\"", "[1,[2]]", "{\"a\":\n{\"}\":\"\\\\\"}}", "null", "5", "[]", "-2.5"];
        for size in [1, 2, 5, 100] {
            let mut documents = Documents::default();
            let mut seen: Vec<String> = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                documents.push(piece);
                while let Some(document) = documents.next(false) {
                    seen.push(String::from_utf8(document).unwrap().trim().to_owned());
                }
            }
            assert_eq!(seen.len(), 7, "the last may go on");
            seen.extend(documents.next(true).map(|document| String::from_utf8(document).unwrap()));
            assert_eq!(seen, expected, "pieces of {size}");
            assert_eq!((documents.next(true), documents.len()), (None, 0));
        }
    }

    #[test]
    fn what_is_left_is_handed_on_to_be_refused() {
        let mut documents = Documents::default();
        documents.push(b"  ] [1,");
        assert_eq!(documents.next(true).as_deref(), Some(&b"  ]"[..]));
        assert_eq!(documents.next(false), None);
        assert_eq!(documents.next(true).as_deref(), Some(&b" [1,"[..]));
    }
}
