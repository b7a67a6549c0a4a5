import com.caucho.hessian.io.Hessian2StreamingOutput;
import com.sun.net.httpserver.HttpServer;
import example.AddString;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

/**
 * The other way round: Caucho's own writer behind an HTTP server of the JDK, for Rust clients to read and for ReadComet to be checked against.
 * Prints its address, serves /comet and ends when its standard input does.
 *
 *   examples/java/run ServeComet COUNT GAP_MS [held]
 *
 * `held` keeps the packets back until they fill a buffer, as a server does that forgets to flush: a reader must find that out.
 */
public final class ServeComet {
  private ServeComet() {}

  public static void main(String[] args) {
    if (args.length < 2) {
      System.err.println("usage: ServeComet COUNT GAP_MS [held]");
      System.exit(2);
    }
    try {
      serve(Integer.parseInt(args[0]), Integer.parseInt(args[1]), args.length == 3 && args[2].equals("held"));
      System.exit(0);
    } catch (Exception problem) {
      System.err.println("ServeComet: " + problem);
      System.exit(1);
    }
  }

  private static void serve(int count, int gap, boolean held) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/comet", exchange -> {
      exchange.getResponseHeaders().set("Content-Type", "application/x-hessian-stream");
      exchange.sendResponseHeaders(200, 0);
      try (OutputStream body = held ? new BufferedOutputStream(exchange.getResponseBody(), 1 << 16) : exchange.getResponseBody()) {
        write(body, count, gap, !held);
      } catch (IOException gone) {
        System.err.println("ServeComet: " + gone);
      }
    });
    server.setExecutor(Executors.newCachedThreadPool());
    server.start();
    System.out.println("http://127.0.0.1:" + server.getAddress().getPort() + "/comet");
    while (System.in.read() >= 0) {
      // only the end matters
    }
  }

  private static void write(OutputStream body, int count, int gap, boolean flush) throws IOException {
    Hessian2StreamingOutput out = new Hessian2StreamingOutput(body);
    for (int i = 0; i < count; i++) {
      out.writeObject(new AddString("line " + i));
      if (flush) body.flush();
      try {
        Thread.sleep(gap);
      } catch (InterruptedException stop) {
        return;
      }
    }
  }
}
