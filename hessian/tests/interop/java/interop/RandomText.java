package interop;

import java.util.Random;

/** Strings over all of Unicode, with lengths around every boundary of the encoding. */
final class RandomText {
  /** UTF-16 lengths at which the encoding changes form: one-byte length, two-byte length, `S`, and the 32768-unit chunk. */
  private static final int[] SHORT_BOUNDARIES = { 0, 1, 30, 31, 32, 33, 255, 256, 1022, 1023, 1024, 1025 };
  private static final int[] LONG_BOUNDARIES = { 32766, 32767, 32768, 32769, 32770, 65535, 65536, 65537, 98304 };

  private final Random random;
  private boolean loneSurrogate;

  RandomText(Random random) { this.random = random; }

  /** Whether any string since the last call had a surrogate without its partner; clears the mark. */
  boolean takeLoneSurrogate() {
    boolean was = loneSurrogate;
    loneSurrogate = false;
    return was;
  }

  /** Mostly short; one in eight has a boundary length. */
  String any() {
    return random.nextInt(8) == 0 ? ofLength(SHORT_BOUNDARIES[random.nextInt(SHORT_BOUNDARIES.length)]) : ofLength(random.nextInt(24));
  }

  /** A string of at least 32766 units, where chunks begin. */
  String large() { return ofLength(LONG_BOUNDARIES[random.nextInt(LONG_BOUNDARIES.length)]); }

  String identifier() {
    StringBuilder text = new StringBuilder();
    for (int i = 1 + random.nextInt(8); i > 0; i--) text.append((char) ('a' + random.nextInt(26)));
    return text.toString();
  }

  private String ofLength(int units) {
    StringBuilder text = new StringBuilder(units);
    int style = random.nextInt(10);
    while (text.length() < units) {
      int room = units - text.length();
      switch (style) {
        case 0: case 1: case 2: text.append((char) (0x20 + random.nextInt(0x5f))); break;  // printable ASCII
        case 3: text.append((char) random.nextInt(0x80)); break;                           // ASCII with controls and NUL
        case 4: text.append((char) (0x80 + random.nextInt(0x780))); break;                 // two bytes each
        case 5: text.append((char) (0x4e00 + random.nextInt(0x5200))); break;              // three bytes each
        case 6: pair(text, room); break;                                                   // pairs only
        case 7: case 8: codePoint(text, room); break;                                      // all planes mixed
        default: text.append((char) random.nextInt(0x10000)); break;                       // any unit, lone surrogates included
      }
    }
    if (hasLoneSurrogate(text)) loneSurrogate = true;
    return text.toString();
  }

  /** A character beyond the basic plane; where only one unit is left, a last ASCII one keeps the pair whole. */
  private void pair(StringBuilder text, int room) {
    if (room < 2) text.append('.');
    else text.appendCodePoint(0x10000 + random.nextInt(0x100000));
  }

  private void codePoint(StringBuilder text, int room) {
    int[] edges = { 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xffff, 0x10000, 0x1f600, 0x10ffff };
    int point;
    do point = random.nextInt(4) == 0 ? edges[random.nextInt(edges.length)] : random.nextInt(0x110000);
    while (point >= 0xd800 && point < 0xe000);
    if (Character.charCount(point) > room) pair(text, room);
    else text.appendCodePoint(point);
  }

  private static boolean hasLoneSurrogate(CharSequence text) {
    for (int i = 0; i < text.length(); i++) {
      char unit = text.charAt(i);
      if (!Character.isSurrogate(unit)) continue;
      if (Character.isLowSurrogate(unit) || i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1))) return true;
      i++;
    }
    return false;
  }
}
