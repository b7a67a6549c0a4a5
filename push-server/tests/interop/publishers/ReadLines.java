import com.caucho.hessian.io.Hessian2StreamingInput;
import example.AddString;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Prints the position and the line of each message of a stream, until that ends. Positions are counted from the one in the head. A line
 * came as an object, or as a map with the same field.
 *
 *   ReadLines URL
 */
public final class ReadLines {
  private ReadLines() {}

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    HttpURLConnection http = (HttpURLConnection) URI.create(args[0]).toURL().openConnection();
    http.setReadTimeout(120_000);
    if (http.getResponseCode() != 200) throw new IOException("status " + http.getResponseCode());
    String place = http.getHeaderField("push-position");
    String epoch = place.substring(0, place.indexOf(':'));
    long sequence = Long.parseLong(place.substring(epoch.length() + 1));
    try (InputStream body = http.getInputStream()) {
      Hessian2StreamingInput in = new Hessian2StreamingInput(body);
      while (true) {
        Object value = in.readObject();
        Object line = value instanceof AddString ? ((AddString) value).getValue() : ((Map<?, ?>) value).get("value");
        out.println(epoch + ":" + ++sequence + "\t" + line);
      }
    } catch (EOFException end) {
      // The library says so at the end of a body.
    }
  }
}
