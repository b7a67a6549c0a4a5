import com.caucho.hessian.io.Hessian2StreamingInput;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Random;

/**
 * Reads a stream of {value} over as many connections as it takes: the server rotates each after a second, and this program cuts most of
 * them sooner, after any number of values. Each goes on where the one before has come to, by counting values from the position in the head.
 * Prints a line for each verdict and each value, and ends after the value "last".
 *
 *   ReadResume URL SECONDS-AT-MOST
 */
public final class ReadResume {
  private ReadResume() {}

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    long end = System.nanoTime() + Long.parseLong(args[1]) * 1_000_000_000L;
    Random random = new Random(1);
    String place = null;
    while (System.nanoTime() < end) {
      try {
        String since = place == null ? "" : "&since=" + place;
        HttpURLConnection http = (HttpURLConnection) URI.create(args[0] + "?rotate=1" + since).toURL().openConnection();
        http.setConnectTimeout(1_000);
        http.setReadTimeout(10_000);
        if (http.getResponseCode() != 200) throw new IOException("status " + http.getResponseCode());
        place = http.getHeaderField("push-position");
        out.println("verdict " + http.getHeaderField("push-resume") + " at " + place);
        String epoch = place.substring(0, place.indexOf(':'));
        long sequence = Long.parseLong(place.substring(epoch.length() + 1));
        // Now and then none, so that the server ends it.
        int most = random.nextInt(4) == 0 ? Integer.MAX_VALUE : 1 + random.nextInt(6);
        InputStream body = http.getInputStream();
        Hessian2StreamingInput in = new Hessian2StreamingInput(body);
        for (int count = 0; count < most; count++) {
          Object value = ((Map<?, ?>) in.readObject()).get("value");
          place = epoch + ":" + ++sequence;
          out.println("value " + value + " at " + place);
          if ("last".equals(value)) return;
        }
        http.disconnect();
      } catch (IOException cut) {
        // Of a body that is over the library says EOFException; of a server that is away for a moment, others.
        Thread.sleep(20);
      }
    }
    System.exit(1);
  }
}
