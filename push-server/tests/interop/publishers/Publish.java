import com.caucho.hessian.client.HessianProxyFactory;
import com.caucho.hessian.io.Hessian2Output;
import example.AddString;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import push.Publisher;

/**
 * Publishes lines to a stream in every way that Java has, and prints what it was told, a line each, of fields between tabs:
 *
 *   call VALUES ANSWER             by HessianProxyFactory; several values are separated by "|"
 *   http VALUES STATUS AGAIN BODY  by HttpURLConnection and Hessian2Output
 *   direct VALUE ANSWER
 *   thrown CLASS: MESSAGE
 *
 *   Publish http://HOST:PORT STREAM CLIENT
 */
public final class Publish {
  private static PrintStream out;
  private static String site;

  private Publish() {}

  public static void main(String[] args) throws Exception {
    out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    site = args[0];
    String stream = args[1];
    String client = args[2];
    for (boolean is2 : new boolean[] {false, true}) {
      String by = is2 ? "Hessian 2" : "Hessian 1";
      HessianProxyFactory factory = new HessianProxyFactory();
      factory.setHessian2Request(is2);
      Publisher publisher = (Publisher) factory.create(Publisher.class, site + "/hessian");
      String one = "by a call of " + by;
      told(publisher.publish(stream, new AddString(one)), one);
      String first = "first of a list, " + by;
      String second = "second of a list, " + by;
      told(publisher.publishAll(stream, Arrays.asList(new AddString(first), new AddString(second))), first, second);
      String once = "once, " + by;
      for (int tries = 0; tries < 3; tries++) {
        told(publisher.publishOnce(stream, new AddString(once), "once" + is2), once);
      }
      try {
        // Such a list has its elements written for Java's own serialization only.
        publisher.publishAll(stream, List.of(new AddString("never")));
      } catch (IllegalArgumentException refused) {
        out.println("thrown\t" + refused);
      }
      try {
        publisher.publishOnce(stream, new AddString("never"), "once" + is2);
      } catch (IllegalArgumentException refused) {
        out.println("thrown\t" + refused);
      }
      String list = "a list, once, " + by;
      for (int tries = 0; tries < 2; tries++) {
        told(publisher.publishAllOnce(stream, Arrays.asList(new AddString(list)), "list" + is2), list);
      }
      String alone = "for one alone, " + by;
      out.println("direct\t" + alone + "\t" + publisher.send(stream, client, new AddString(alone)));
      alone = "for one alone, once, " + by;
      for (int tries = 0; tries < 2; tries++) {
        out.println("direct\t" + alone + "\t" + publisher.sendOnce(stream, client, new AddString(alone), "alone" + is2));
      }
    }
    String messages = "/streams/" + stream + "/messages";
    post(messages, "application/x-hessian", null, "by HttpURLConnection");
    post(messages, "x-application/hessian", "java-1", "by HttpURLConnection, once");
    post(messages, "application/x-hessian", "java-2", "by HttpURLConnection, once more");
    post(messages, "application/x-hessian", "java-2", "by HttpURLConnection, once more");
    // The key stands for something else.
    post(messages, "application/x-hessian", "java-2", "never");
    // Two values where there is to be one.
    post(messages, "application/x-hessian", null, "never", "never");
    post("/streams/" + stream + "/batch", "application/x-hessian", null, "first of three", "second of three", "first of three");
    post("/streams/" + stream + "/batch", "application/x-hessian", "java-3", "of a batch");
    post("/streams/" + stream + "/batch", "application/x-hessian", "java-3", "of a batch");
    post("/streams/" + stream + "/clients/" + client + "/messages", "application/x-hessian", null, "for one alone, posted");
    post("/streams/" + stream + "/clients/nobody/messages", "application/x-hessian", null, "never");
  }

  private static void told(Map<String, Object> answer, String... values) {
    out.println("call\t" + String.join("|", values) + "\t" + answer.getOrDefault("first", answer.get("position")) + "\t"
        + answer.get("position") + "\t" + answer.get("receivers"));
  }

  /** Lines that are the same are one object: Java's output writes it once, and then refers to it. */
  private static void post(String path, String type, String key, String... values) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Hessian2Output hessian = new Hessian2Output(bytes);
    Map<String, AddString> objects = new java.util.HashMap<>();
    for (String value : values) hessian.writeObject(objects.computeIfAbsent(value, AddString::new));
    hessian.flush();
    HttpURLConnection http = (HttpURLConnection) URI.create(site + path).toURL().openConnection();
    http.setReadTimeout(30_000);
    http.setDoOutput(true);
    http.setRequestProperty("Content-Type", type);
    if (key != null) http.setRequestProperty("Idempotency-Key", key);
    try (OutputStream body = http.getOutputStream()) {
      bytes.writeTo(body);
    }
    int status = http.getResponseCode();
    try (InputStream answer = status < 400 ? http.getInputStream() : http.getErrorStream()) {
      String text = new String(answer.readAllBytes(), StandardCharsets.UTF_8).trim();
      String again = http.getHeaderField("Idempotent-Replayed");
      out.println("http\t" + String.join("|", values) + "\t" + status + "\t" + (again != null) + "\t" + text);
    }
  }
}
