package bench;

import com.caucho.hessian.server.HessianSkeleton;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

/** Java's service on the JDK's HTTP server: a pool of threads, no delay on sockets, replies with their length. Ends with its stdin. */
public final class Server {
  private Server() {}

  public static void main(String[] args) throws Exception {
    java.util.logging.LogManager.getLogManager().reset();
    System.setProperty("sun.net.httpserver.nodelay", "true");
    System.setProperty("sun.net.httpserver.maxIdleConnections", "1000");
    HessianSkeleton skeleton = new HessianSkeleton(new Orders.Service(), Orders.class);
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1000);
    server.setExecutor(Executors.newFixedThreadPool(32));
    server.createContext("/orders", exchange -> {
      try {
        ByteArrayOutputStream reply = new ByteArrayOutputStream(512);
        skeleton.invoke(exchange.getRequestBody(), reply);
        // What is not read of the request keeps the connection from being used again.
        while (exchange.getRequestBody().read() >= 0) { }
        exchange.getResponseHeaders().set("Content-Type", "x-application/hessian");
        exchange.sendResponseHeaders(200, reply.size());
        reply.writeTo(exchange.getResponseBody());
      } catch (Exception problem) {
        problem.printStackTrace();
      } finally {
        exchange.close();
      }
    });
    server.start();
    System.out.println("127.0.0.1:" + server.getAddress().getPort());
    while (System.in.read() >= 0) { }
    System.exit(0);
  }
}
