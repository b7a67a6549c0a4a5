import com.caucho.hessian.io.Hessian2StreamingInput;
import example.Tick;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads the ticks of the example `ticker` with Caucho's library and prints a line a second.
 *
 *   examples/java/run ReadTicks http://127.0.0.1:8080/streams/ticks/hessian [SECONDS]
 */
public final class ReadTicks {
  private ReadTicks() {}

  public static void main(String[] args) {
    if (args.length != 1 && args.length != 2) {
      System.err.println("usage: ReadTicks URL [SECONDS]");
      System.exit(2);
    }
    try {
      int seconds = args.length > 1 ? Integer.parseInt(args[1]) : Integer.MAX_VALUE;
      try (InputStream body = open(URI.create(args[0]))) {
        read(new Hessian2StreamingInput(body), seconds);
      }
    } catch (Exception problem) {
      System.err.println("ReadTicks: " + problem);
      System.exit(1);
    }
  }

  private static InputStream open(URI url) throws IOException {
    HttpURLConnection http = (HttpURLConnection) url.toURL().openConnection();
    http.setConnectTimeout(5_000);
    http.setReadTimeout(20_000);
    if (http.getResponseCode() != 200) throw new IOException("status " + http.getResponseCode());
    return http.getInputStream();
  }

  private static void read(Hessian2StreamingInput in, int seconds) throws IOException {
    Map<String, Tick> ticks = new TreeMap<>();
    long begin = System.nanoTime();
    for (int second = 1, count = 0; second <= seconds; ) {
      Tick tick = (Tick) in.readObject();
      ticks.put(tick.getSymbol(), tick);
      count++;
      if (System.nanoTime() - begin < second * 1_000_000_000L) continue;
      System.out.printf(Locale.ROOT, "%5d ticks of %d companies  ", count, ticks.size());
      ticks.values().stream().limit(5).forEach(some -> System.out.printf(Locale.ROOT, " %s %.2f ", some.getSymbol(), some.getPrice()));
      System.out.println();
      second++;
      count = 0;
    }
  }
}
