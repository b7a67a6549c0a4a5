package listening;

import java.io.Serializable;

/** An object of a stream that is known by its number. */
public final class Numbered implements Serializable {
  private final long number;
  private final byte[] content;

  /** `size` bytes that tell the number, too. */
  Numbered(long number, int size) {
    this.number = number;
    content = new byte[size];
    for (int i = 0; i < size; i++) content[i] = (byte) (number + i * 7 + (i >>> 8));
  }
}
