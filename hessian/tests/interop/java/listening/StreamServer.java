package listening;

import com.caucho.hessian.io.Hessian2StreamingOutput;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Random;
import java.util.concurrent.Executors;

/**
 * Streams of numbered objects by {@link Hessian2StreamingOutput}: `StreamServer COUNT SIZE CUTS SEED` sends COUNT objects of SIZE bytes to each reader
 * and cuts CUTS of its connections at random places. Writes three ports to stdout: the JDK's HTTP server (HTTP/1.1, chunked), a bare socket that
 * answers HTTP/1.0 without a length, and a bare socket that sends packets at once. Ends with its stdin.
 *
 * <p>A server that knows no positions (`/plain`, and the socket) goes on after the last packet that it wrote as a whole, and ends cut connections so
 * that all it wrote arrives: no client could get more of such a server, and one that loses or repeats something is found out. `/positions` tells the
 * position in the header `push-position`, goes on after that of `Last-Event-ID`, and ends half of the cut connections so that what is on its way may be lost.
 * After the last object an empty packet comes each tenth of a second.
 */
public final class StreamServer {
  private static final String EPOCH = "1a";

  private final long count;
  private final int size;
  private final int cuts;
  private final Random random;

  private StreamServer(long count, int size, int cuts, long seed) {
    this.count = count;
    this.size = size;
    this.cuts = cuts;
    random = new Random(seed);
  }

  public static void main(String[] args) throws Exception {
    java.util.logging.LogManager.getLogManager().reset();
    System.setProperty("sun.net.httpserver.nodelay", "true");
    StreamServer it = new StreamServer(Long.parseLong(args[0]), Integer.parseInt(args[1]), Integer.parseInt(args[2]), Long.parseLong(args[3]));
    System.out.println(it.http() + " " + it.socket(true) + " " + it.socket(false));
    while (System.in.read() >= 0) { }
    System.exit(0);
  }

  /** What one kind of reader has got, over all its connections. */
  private final class Session {
    private long next = 1;
    private int cutsLeft = cuts;
    private int connections;

    /** After how many bytes its next connection ends. */
    synchronized long limit() {
      connections++;
      if (cutsLeft == 0) return Long.MAX_VALUE;
      cutsLeft--;
      long whole = count * (size + 8L);
      return 1 + (long) (random.nextDouble() * 2 * whole / (cuts + 1));
    }

    void send(OutputStream out) throws IOException {
      Hessian2StreamingOutput packets = new Hessian2StreamingOutput(out);
      for (; next <= count; next++) packets.writeObject(new Numbered(next, size));
      for (;;) {
        packets.getHessian2Output().startPacket();
        packets.getHessian2Output().endPacket();
        out.flush();
        pause();
      }
    }
  }

  /** The end that a cut connection comes to. */
  private static final class Cut extends IOException {
    Cut() { super("cut"); }
  }

  /** Lets so many bytes pass. */
  private static final class Cutting extends OutputStream {
    private final OutputStream out;
    private long left;

    Cutting(OutputStream out, long limit) {
      this.out = out;
      left = limit;
    }

    @Override public void write(int b) throws IOException { write(new byte[] { (byte) b }, 0, 1); }

    @Override public void write(byte[] bytes, int offset, int length) throws IOException {
      out.write(bytes, offset, (int) Math.min(length, left));
      left -= length;
      if (left < 0) {
        out.flush();
        throw new Cut();
      }
    }

    @Override public void flush() throws IOException { out.flush(); }
  }

  private int http() throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newCachedThreadPool(StreamServer::thread));
    Session plain = new Session();
    Session positions = new Session();
    server.createContext("/plain", exchange -> answer(exchange, plain));
    server.createContext("/positions", exchange -> {
      long since = since(exchange.getRequestHeaders().getFirst("Last-Event-ID"));
      positions.next = since + 1;
      exchange.getResponseHeaders().set("push-position", EPOCH + ":" + since);
      exchange.getResponseHeaders().set("push-resume", positions.connections == 0 ? "fresh" : "complete");
      answer(exchange, positions);
    });
    server.start();
    return server.getAddress().getPort();
  }

  private static void answer(HttpExchange exchange, Session session) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "application/x-hessian");
    exchange.sendResponseHeaders(200, 0);
    // Chunks as large as a writer that buffers makes them.
    OutputStream body = new BufferedOutputStream(exchange.getResponseBody(), 1 << 14);
    try {
      session.send(new Cutting(body, session.limit()));
    } catch (Cut cut) {
      // Every other time the body ends by its last chunk, else the server closes the connection, as it does when a handler fails.
      if (session.cutsLeft % 2 == 0) exchange.close();
      else throw new IllegalStateException("cut");
    }
  }

  /** A socket per reader; `http` waits for a request and answers it as HTTP/1.0 does: the body ends with the connection. */
  private int socket(boolean http) throws IOException {
    ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Session plain = new Session();
    Session positions = new Session();
    thread(() -> {
      for (;;) {
        try (Socket socket = listener.accept()) {
          socket.setTcpNoDelay(true);
          OutputStream out = new BufferedOutputStream(socket.getOutputStream(), 1 << 14);
          Session session = plain;
          if (http) {
            String[] request = request(socket);
            String position = "";
            if (request[0].startsWith("/positions")) {
              session = positions;
              session.next = since(request[1]) + 1;
              position = "push-position: " + EPOCH + ":" + (session.next - 1) + "\r\n";
            }
            out.write(("HTTP/1.0 200 OK\r\nContent-Type: application/x-hessian\r\n" + position + "\r\n").getBytes("US-ASCII"));
          }
          try {
            session.send(new Cutting(out, session.limit()));
          } catch (Cut cut) {
            // A reset: the client's system may drop what it has received and nobody has read.
            if (session == positions && session.cutsLeft % 2 == 0) socket.setSoLinger(true, 0);
          }
        } catch (IOException gone) {
          // The reader went away.
        }
      }
    }).start();
    return listener.getLocalPort();
  }

  /** The target of a request, and its `Last-Event-ID`. */
  private static String[] request(Socket socket) throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), "US-ASCII"));
    String line = in.readLine();
    if (line == null) throw new IOException("no request");
    String position = null;
    for (String field = in.readLine(); field != null && !field.isEmpty(); field = in.readLine()) {
      if (field.toLowerCase().startsWith("last-event-id:")) position = field.substring(14).trim();
    }
    return new String[] { line.split(" ")[1], position };
  }

  /** The sequence of `EPOCH:SEQUENCE`; 0 if there is none. */
  private static long since(String position) {
    if (position == null) return 0;
    if (!position.startsWith(EPOCH + ":")) throw new IllegalArgumentException("not a position of mine: " + position);
    return Long.parseLong(position.substring(EPOCH.length() + 1));
  }

  private static void pause() throws IOException {
    try {
      Thread.sleep(100);
    } catch (InterruptedException stop) {
      throw new IOException(stop);
    }
  }

  private static Thread thread(Runnable task) {
    Thread thread = new Thread(task);
    thread.setDaemon(true);
    return thread;
  }
}
