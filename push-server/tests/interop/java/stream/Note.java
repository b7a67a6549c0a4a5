package stream;

import java.io.Serializable;

/** Long text: told by its length, and checked to be of one letter. */
public class Note implements Serializable {
  int n;
  String text;

  @Override public String toString() {
    char letter = text.charAt(0);
    if (text.chars().anyMatch(c -> c != letter)) throw new IllegalStateException("a note of several letters");
    return "Note " + n + " " + text.length() + " " + letter;
  }
}
