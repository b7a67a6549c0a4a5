package bench;

import com.caucho.hessian.client.HessianProxyFactory;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;

/**
 * Java's client under load. A line `URL CONNECTIONS LINES MILLISECONDS` on stdin calls for so long over so many connections, one call at a time on each
 * (`add` if LINES is 0, else `echo` of an order of so many lines); the answer is `CALLS P50 P99`, in nanoseconds.
 */
public final class Load {
  private Load() {}

  public static void main(String[] args) throws Exception {
    java.util.logging.LogManager.getLogManager().reset();
    // As many connections as threads are kept (the JDK's default is 5). Requests have a length; -Dchunked=true sends chunks, the library's default, and costs
    // the same.
    System.setProperty("http.maxConnections", "64");
    HessianProxyFactory factory = new HessianProxyFactory();
    factory.setHessian2Request(true);
    factory.setChunkedPost(Boolean.getBoolean("chunked"));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      String[] words = line.split(" ");
      Orders orders = (Orders) factory.create(Orders.class, words[0]);
      System.out.println(run(orders, Integer.parseInt(words[1]), Integer.parseInt(words[2]), Long.parseLong(words[3])));
    }
    System.exit(0);
  }

  private static String run(Orders orders, int connections, int lines, long milliseconds) throws Exception {
    long end = System.nanoTime() + milliseconds * 1_000_000;
    long[][] times = new long[connections][];
    Thread[] threads = new Thread[connections];
    for (int i = 0; i < connections; i++) {
      int which = i;
      threads[i] = new Thread(() -> times[which] = call(orders, lines, end));
      threads[i].start();
    }
    for (Thread thread : threads) thread.join();
    long[] all = Arrays.stream(times).flatMapToLong(Arrays::stream).sorted().toArray();
    return all.length + " " + all[all.length / 2] + " " + all[(int) (all.length * 0.99)];
  }

  private static long[] call(Orders orders, int lines, long end) {
    long[] times = new long[1024];
    int count = 0;
    Orders.Order order = Orders.sample(lines);
    for (long start = System.nanoTime(); start < end; count++) {
      if (lines == 0) {
        if (orders.add(count, 1) != count + 1) throw new AssertionError("add");
      } else if (orders.echo(order).lines.size() != lines) {
        throw new AssertionError("echo");
      }
      long now = System.nanoTime();
      if (count == times.length) times = Arrays.copyOf(times, 2 * count);
      times[count] = now - start;
      start = now;
    }
    return Arrays.copyOf(times, count);
  }
}
