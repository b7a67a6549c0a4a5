import com.caucho.hessian.io.Hessian2StreamingInput;
import example.AddString;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Reads a stream of example.AddString with Caucho's library and prints each value with the time it came in.
 *
 *   examples/java/run ReadComet URL COUNT [MIN_GAP_MS MAX_GAP_MS [http/1.0]]
 *
 * With bounds it fails when the stream holds values back: the gap between two values must lie within them. The first gap may be shorter, since a
 * reader joins at any moment. `http/1.0` sends what the Flash client sends, GET without a Host header on a bare socket, and wants a body
 * without chunks.
 */
public final class ReadComet {
  private ReadComet() {}

  public static void main(String[] args) {
    boolean bare = args.length == 5 && args[4].equals("http/1.0");
    if (args.length != 2 && args.length != 4 && !bare) {
      System.err.println("usage: ReadComet URL COUNT [MIN_GAP_MS MAX_GAP_MS [http/1.0]]");
      System.exit(2);
    }
    try {
      URI url = URI.create(args[0]);
      int count = Integer.parseInt(args[1]);
      long least = args.length > 2 ? Long.parseLong(args[2]) : 0, most = args.length > 2 ? Long.parseLong(args[3]) : 60_000;
      long start = System.nanoTime();
      try (InputStream body = bare ? openBare(url, most) : open(url, most)) {
        read(new Hessian2StreamingInput(body), start, count, least, most);
      }
    } catch (Exception problem) {
      System.err.println("ReadComet: " + problem);
      System.exit(1);
    }
  }

  private static void read(Hessian2StreamingInput in, long start, int count, long least, long most) throws IOException {
    long before = 0;
    for (int i = 0; i < count; i++) {
      Object value = in.readObject();
      long now = (System.nanoTime() - start) / 1_000_000;
      if (!(value instanceof AddString)) throw new IllegalStateException("value " + i + " is not an AddString but " + value);
      String text = ((AddString) value).getValue();
      System.out.printf("%6d ms  AddString %s%n", now, text);
      if (text == null || text.isEmpty()) throw new IllegalStateException("value " + i + " has no text");
      long gap = now - before;
      if (i > 0 && gap > most) throw new IllegalStateException("value " + i + " came " + gap + " ms after the one before: more than " + most);
      if (i > 1 && gap < least) throw new IllegalStateException("value " + i + " came " + gap + " ms after the one before: less than " + least);
      before = now;
    }
  }

  /** A little more than the longest gap: a server that says nothing fails the run instead of hanging it. */
  private static int patience(long most) { return (int) (most + 5000); }

  private static InputStream open(URI url, long most) throws IOException {
    HttpURLConnection http = (HttpURLConnection) url.toURL().openConnection();
    http.setConnectTimeout(5000);
    http.setReadTimeout(patience(most));
    if (http.getResponseCode() != 200) throw new IOException("status " + http.getResponseCode());
    System.out.println(http.getHeaderField(null) + ", " + http.getContentType() + ", Transfer-Encoding " + http.getHeaderField("Transfer-Encoding"));
    return http.getInputStream();
  }

  private static InputStream openBare(URI url, long most) throws IOException {
    Socket socket = new Socket(url.getHost(), url.getPort());
    socket.setSoTimeout(patience(most));
    socket.getOutputStream().write(("GET " + url.getPath() + " HTTP/1.0\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
    InputStream in = socket.getInputStream();
    String head = head(in);
    System.out.println(head.replace("\r\n", " | "));
    if (!head.matches("(?s)HTTP/1\\.[01] 200 .*")) throw new IOException("status");
    if (head.toLowerCase(Locale.ROOT).contains("transfer-encoding")) throw new IOException("an HTTP/1.0 client cannot read Transfer-Encoding");
    return in;
  }

  /** Up to the empty line, byte by byte, so that nothing of the body is lost. */
  private static String head(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    while (!head.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) {
      int c = in.read();
      if (c < 0) throw new EOFException("in the response head: " + head);
      if (head.size() > 8192) throw new IOException("response head longer than 8192 bytes");
      head.write(c);
    }
    return head.toString(StandardCharsets.ISO_8859_1).strip();
  }
}
