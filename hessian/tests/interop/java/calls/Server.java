package calls;

import com.caucho.hessian.io.Deflation;
import com.caucho.hessian.io.Hessian2Input;
import com.caucho.hessian.io.Hessian2Output;
import com.caucho.hessian.server.HessianSkeleton;
import com.caucho.hessian.test.TestHessian2;
import com.sun.net.httpserver.BasicAuthenticator;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;

/**
 * Java's services behind the JDK's HTTP server, as servlets would have them. Writes its port to stdout and ends with its stdin.
 *
 * <p>`/test`, `/overloads`, `/troubles`, `/files`: the interfaces of those names. `/spring/troubles`: as Spring's HessianServiceExporter answers.
 * `/private`: user `reader`, password `öffne`. `/envelope`: calls and replies in {@link Deflation} envelopes. `/deflated`: replies with
 * `Content-Encoding: deflate`, as the library's own client accepts them.
 */
public final class Server {
  private Server() {}

  public static void main(String[] args) throws Exception {
    java.util.logging.LogManager.getLogManager().reset();
    HttpServer server = start();
    System.out.println(server.getAddress().getPort());
    while (System.in.read() >= 0) { }
    server.stop(0);
    System.exit(0);
  }

  static HttpServer start() throws IOException {
    System.setProperty("sun.net.httpserver.nodelay", "true");
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newCachedThreadPool(task -> {
      Thread thread = new Thread(task);
      thread.setDaemon(true);
      return thread;
    }));
    HessianSkeleton test = new HessianSkeleton(TestValues.service(), TestHessian2.class);
    HessianSkeleton troubles = new HessianSkeleton(new Troubles.Service(), Troubles.class);
    server.createContext("/test", servlet(test, "x-application/hessian", false));
    server.createContext("/deflated", servlet(test, "x-application/hessian", true));
    server.createContext("/envelope", exchange -> envelope(test, exchange));
    server.createContext("/overloads", servlet(new HessianSkeleton(new Overloads.Service(), Overloads.class), "x-application/hessian", false));
    server.createContext("/files", servlet(new HessianSkeleton(new Files.Service(), Files.class), "x-application/hessian", false));
    server.createContext("/troubles", servlet(troubles, "x-application/hessian", false));
    server.createContext("/spring/troubles", servlet(troubles, "application/x-hessian", false));
    server.createContext("/private", servlet(test, "x-application/hessian", false)).setAuthenticator(new BasicAuthenticator("test") {
      @Override public boolean checkCredentials(String user, String password) {
        return user.equals("reader") && password.equals("öffne");
      }
    });
    server.start();
    return server;
  }

  /** One call, one reply. What escapes the skeleton (a call that cannot be read) is a 500 with its text, as servlet containers answer. */
  private static HttpHandler servlet(HessianSkeleton skeleton, String type, boolean deflated) {
    return exchange -> {
      if (!exchange.getRequestMethod().equals("POST")) {
        if (type.equals("application/x-hessian")) exchange.getResponseHeaders().set("Allow", "POST");
        refuse(exchange, type.equals("application/x-hessian") ? 405 : 500, "Hessian Requires POST");
        return;
      }
      exchange.getResponseHeaders().set("Content-Type", type);
      if (deflated) exchange.getResponseHeaders().set("Content-Encoding", "deflate");
      Reply reply = new Reply(exchange);
      OutputStream out = deflated ? new DeflaterOutputStream(reply, new Deflater(Deflater.DEFAULT_COMPRESSION, true)) : reply;
      try {
        skeleton.invoke(exchange.getRequestBody(), out);
        out.close();
      } catch (Throwable problem) {
        reply.abandon(problem);
      } finally {
        exchange.close();
      }
    };
  }

  private static void envelope(HessianSkeleton skeleton, HttpExchange exchange) throws IOException {
    Reply reply = new Reply(exchange);
    exchange.getResponseHeaders().set("Content-Type", "x-application/hessian");
    try {
      Hessian2Input call = new Deflation().unwrap(new Hessian2Input(exchange.getRequestBody()));
      // The message inside begins as it would by itself: `H 02 00 C`.
      for (int i = 0; i < 3; i++) call.read();
      call.readCall();
      Hessian2Output around = new Hessian2Output(reply);
      Hessian2Output out = new Deflation().wrap(around);
      skeleton.invoke(call, out);
      out.close();
      around.close();
      reply.close();
    } catch (Throwable problem) {
      reply.abandon(problem);
    } finally {
      exchange.close();
    }
  }

  private static void refuse(HttpExchange exchange, int status, String text) throws IOException {
    byte[] body = text.getBytes("UTF-8");
    exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  /** A short reply goes out with its length, a long one in chunks: what a servlet container's buffer does. */
  private static final class Reply extends OutputStream {
    private static final int BUFFER = 1 << 15;

    private final HttpExchange exchange;
    private ByteArrayOutputStream buffer = new ByteArrayOutputStream();
    private boolean done;

    Reply(HttpExchange exchange) { this.exchange = exchange; }

    @Override public void write(int b) throws IOException { write(new byte[] { (byte) b }, 0, 1); }

    @Override public void write(byte[] bytes, int offset, int length) throws IOException {
      if (buffer != null) {
        buffer.write(bytes, offset, length);
        if (buffer.size() < BUFFER) return;
        exchange.sendResponseHeaders(200, 0);
        buffer.writeTo(exchange.getResponseBody());
        buffer = null;
      } else {
        exchange.getResponseBody().write(bytes, offset, length);
      }
    }

    @Override public void close() throws IOException {
      if (done) return;
      done = true;
      drain(exchange.getRequestBody());
      if (buffer != null) {
        exchange.sendResponseHeaders(200, buffer.size() == 0 ? -1 : buffer.size());
        buffer.writeTo(exchange.getResponseBody());
      }
      exchange.getResponseBody().close();
    }

    /** Something went wrong: a 500 if nothing was sent yet, else the reply ends without its end. */
    void abandon(Throwable problem) throws IOException {
      if (buffer != null && !done) refuse(exchange, 500, problem.toString());
    }

    private static void drain(InputStream in) throws IOException {
      byte[] rest = new byte[4096];
      while (in.read(rest) >= 0) { }
    }
  }
}
