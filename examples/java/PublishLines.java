import com.caucho.hessian.io.Hessian2Output;
import example.AddString;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/**
 * Publishes each line of its standard input as an object, once, whatever happens on the way: a line that was not answered is sent again with
 * the same key, and a server that is full is asked again when it says.
 *
 *   ls | examples/java/run PublishLines http://127.0.0.1:8080/streams/news/messages
 *
 * A server that asks for a token is given the one in the environment's PUSH_TOKEN.
 */
public final class PublishLines {
  private static final int TRIES = 10;
  private static final String TOKEN = System.getenv("PUSH_TOKEN");

  private PublishLines() {}

  public static void main(String[] args) {
    if (args.length != 1) {
      System.err.println("usage: PublishLines URL");
      System.exit(2);
    }
    try {
      URL url = URI.create(args[0]).toURL();
      BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line; (line = lines.readLine()) != null; ) System.out.print(publish(url, line));
    } catch (Exception problem) {
      System.err.println("PublishLines: " + problem);
      System.exit(1);
    }
  }

  /** What the server answers: the position of the line, and how many readers there were. */
  private static String publish(URL url, String line) throws Exception {
    ByteArrayOutputStream value = new ByteArrayOutputStream();
    Hessian2Output hessian = new Hessian2Output(value);
    hessian.writeObject(new AddString(line));
    hessian.flush();
    String key = UUID.randomUUID().toString();
    for (int tries = 1; ; tries++) {
      try {
        HttpURLConnection http = (HttpURLConnection) url.openConnection();
        http.setConnectTimeout(5_000);
        http.setReadTimeout(15_000);
        http.setDoOutput(true);
        http.setRequestProperty("Content-Type", "application/x-hessian");
        http.setRequestProperty("Idempotency-Key", key);
        if (TOKEN != null) http.setRequestProperty("Authorization", "Bearer " + TOKEN);
        try (OutputStream body = http.getOutputStream()) {
          value.writeTo(body);
        }
        int status = http.getResponseCode();
        String answer = text(status < 400 ? http.getInputStream() : http.getErrorStream());
        if (status == 200) return answer;
        // 429, 503: come back after so many seconds. Anything else is no better the next time.
        String seconds = http.getHeaderField("Retry-After");
        if (seconds == null || tries == TRIES) throw new IllegalStateException(status + " " + answer.trim());
        Thread.sleep(1_000L * Integer.parseInt(seconds));
      } catch (IOException lost) {
        // Nobody knows whether it was published: the key does.
        if (tries == TRIES) throw lost;
        Thread.sleep(100L * tries);
      }
    }
  }

  private static String text(InputStream stream) throws IOException {
    try (InputStream body = stream) {
      return body == null ? "" : new String(body.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
