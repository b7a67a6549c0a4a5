package calls;

import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;

/** Content that is larger than memory should be. */
public interface Files {
  /** As many bytes: {@code i * 31 + i / 251}, as bytes. */
  InputStream download(long length);

  /** `LENGTH CRC32` in hex of what was sent. */
  String upload(InputStream content) throws IOException;

  byte[] echo(byte[] content);

  /** The same, for clients that take the result as a whole: 4.0.38 closes the connection before a stream of Hessian 2 could be read. */
  interface Whole {
    byte[] download(long length);
  }

  final class Service implements Files {
    @Override public InputStream download(long length) { return new Content(length); }

    @Override public String upload(InputStream content) throws IOException {
      CRC32 crc = new CRC32();
      long length = 0;
      byte[] buffer = new byte[1 << 16];
      for (int n; (n = content.read(buffer)) > 0; length += n) crc.update(buffer, 0, n);
      return length + " " + Long.toHexString(crc.getValue());
    }

    @Override public byte[] echo(byte[] content) { return content; }
  }

  /** Bytes that are known by their place; the pattern has a period of 251 * 256. */
  final class Content extends InputStream {
    private static final byte[] PATTERN = new byte[251 * 256];

    static {
      for (int i = 0; i < PATTERN.length; i++) PATTERN[i] = (byte) (i * 31 + i / 251);
    }

    private final long length;
    private long at;

    Content(long length) { this.length = length; }

    @Override public int read() {
      return at == length ? -1 : PATTERN[(int) (at++ % PATTERN.length)] & 0xff;
    }

    @Override public int read(byte[] buffer, int offset, int most) {
      if (at == length) return -1;
      int from = (int) (at % PATTERN.length);
      int n = (int) Math.min(Math.min(most, PATTERN.length - from), length - at);
      System.arraycopy(PATTERN, from, buffer, offset, n);
      at += n;
      return n;
    }
  }
}
