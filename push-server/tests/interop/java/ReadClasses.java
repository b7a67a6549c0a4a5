import com.caucho.hessian.io.Hessian2StreamingInput;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/**
 * Prints every value of a stream, a line each, until the stream ends in good order; waits for a line of input before it reads on after the
 * first value, if asked to.
 *
 *   ReadClasses URL [wait]
 */
public final class ReadClasses {
  private ReadClasses() {}

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    HttpURLConnection http = (HttpURLConnection) URI.create(args[0]).toURL().openConnection();
    http.setReadTimeout(60_000);
    if (http.getResponseCode() != 200) throw new IOException("status " + http.getResponseCode());
    out.println("open");
    boolean waits = args.length > 1;
    try (InputStream body = http.getInputStream()) {
      Hessian2StreamingInput in = new Hessian2StreamingInput(body);
      while (true) {
        out.println(in.readObject());
        if (waits) System.in.read();
        waits = false;
      }
    } catch (EOFException end) {
      // The library says so at the end of a body, whose last chunk was there: without it the stream of HttpURLConnection fails otherwise.
    }
    out.println("end");
  }
}
