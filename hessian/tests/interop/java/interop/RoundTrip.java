package interop;

import com.caucho.hessian.io.Hessian2Input;
import com.caucho.hessian.io.Hessian2Output;
import com.caucho.hessian.io.Hessian2StreamingInput;
import com.caucho.hessian.io.Hessian2StreamingOutput;
import com.caucho.hessian.io.SerializerFactory;
import java.io.*;
import java.util.Arrays;

/**
 * Java's end of the round-trip tests; the other end drives it over stdin and stdout. See ../../README.md for the protocol.
 */
public final class RoundTrip {
  static final int OK = 0;
  static final int ERROR = 1;
  static final int PACKET = 0x10;
  static final int HEARTBEAT = 0x11;

  private static final SerializerFactory FACTORY = new SerializerFactory();

  private RoundTrip() {}

  public static void main(String[] args) throws Exception {
    java.util.logging.LogManager.getLogManager().reset(); // the library logs each class it does not know
    Throwable[] failure = new Throwable[1];
    // Values nest and the library recurses: a stack of its own, so that depth is no limit of the harness.
    Thread worker = new Thread(null, () -> {
      try {
        run(args);
      } catch (Throwable problem) {
        failure[0] = problem;
      }
    }, "round-trip", 1L << 29);
    worker.start();
    worker.join();
    if (failure[0] != null) {
      failure[0].printStackTrace();
      System.exit(1);
    }
  }

  private static void run(String[] args) throws Exception {
    String mode = args.length == 0 ? "" : args[0];
    DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 16));
    DataOutputStream out = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16));
    switch (mode) {
      case "echo": echo(in, out); break;
      case "generate": generate(out, Long.parseLong(args[1]), Integer.parseInt(args[2])); break;
      case "write-stream": writeStream(out, Long.parseLong(args[1]), Integer.parseInt(args[2])); break;
      case "read-stream": readStream(in, out); break;
      case "self-check": selfCheck(Long.parseLong(args[1]), Integer.parseInt(args[2])); break;
      default:
        System.err.println("usage: RoundTrip echo | generate SEED COUNT | write-stream SEED COUNT | read-stream | self-check SEED COUNT");
        System.exit(2);
    }
    out.flush();
  }

  /** Frames in, each one value; the same value out, as this library writes it. */
  private static void echo(DataInputStream in, DataOutputStream out) throws IOException {
    while (true) {
      int tag = in.read();
      if (tag < 0) return;
      byte[] value = in.readNBytes(in.readInt());
      try {
        frame(out, OK, encode(decode(value)));
      } catch (Exception | StackOverflowError | OutOfMemoryError problem) {
        frame(out, ERROR, problem.toString().getBytes("UTF-8"));
      }
      if (in.available() == 0) out.flush();
    }
  }

  private static void generate(DataOutputStream out, long seed, int count) throws IOException {
    RandomValues values = new RandomValues(seed);
    for (int i = 0; i < count; i++) {
      byte[] bytes = encode(values.next());
      frame(out, values.flags(bytes.length), bytes);
    }
  }

  /** One stream, cut into its packets; before each packet the value by itself. Every eighth packet is followed by a heartbeat. */
  private static void writeStream(DataOutputStream out, long seed, int count) throws IOException {
    RandomValues values = new RandomValues(seed);
    ByteArrayOutputStream sink = new ByteArrayOutputStream();
    Hessian2StreamingOutput stream = new Hessian2StreamingOutput(sink);
    stream.getHessian2Output().setSerializerFactory(FACTORY);
    for (int i = 0; i < count; i++) {
      Object value = values.next();
      byte[] alone = encode(value);
      frame(out, values.flags(alone.length), alone);
      stream.writeObject(value);
      frame(out, PACKET, take(sink));
      if (i % 8 == 7) {
        stream.getHessian2Output().startPacket();
        stream.getHessian2Output().endPacket();
        frame(out, HEARTBEAT, take(sink));
      }
    }
  }

  /** A bare packet stream in; each value out as a frame, encoded by itself. The library tells the end only by this exception. */
  private static void readStream(DataInputStream in, DataOutputStream out) throws IOException {
    Hessian2StreamingInput stream = new Hessian2StreamingInput(in);
    stream.setSerializerFactory(FACTORY);
    while (true) {
      Object value;
      try {
        value = stream.readObject();
      } catch (EOFException end) {
        return;
      } catch (Exception problem) {
        frame(out, ERROR, problem.toString().getBytes("UTF-8"));
        return;
      }
      frame(out, OK, encode(value));
      if (in.available() == 0) out.flush();
    }
  }

  /** The harness against itself: what Java writes, Java must read and write again, by value and by stream. Prints totals. */
  private static void selfCheck(long seed, int count) throws IOException {
    RandomValues values = new RandomValues(seed);
    ByteArrayOutputStream sink = new ByteArrayOutputStream();
    Hessian2StreamingOutput stream = new Hessian2StreamingOutput(sink);
    int same = 0, settled = 0, other = 0, failed = 0;
    long bytes = 0;
    for (int i = 0; i < count; i++) {
      Object value = values.next();
      byte[] first = encode(value);
      bytes += first.length;
      stream.writeObject(value);
      try {
        byte[] second = encode(decode(first));
        byte[] third = encode(decode(second));
        if (Arrays.equals(first, second)) same++;
        else if (Arrays.equals(second, third)) settled++;
        else other++;
      } catch (Exception problem) {
        failed++;
        System.err.println("value " + i + ": " + problem);
      }
    }
    Hessian2StreamingInput back = new Hessian2StreamingInput(new ByteArrayInputStream(sink.toByteArray()));
    int streamed = 0;
    try {
      for (; ; streamed++) back.readObject();
    } catch (EOFException end) {
      // the only way in which the library tells the end
    }
    System.out.printf("%d values, %d bytes: %d the same after one pass, %d after two, %d never (hash order), %d unreadable; %d of %d packets read back%n",
        count, bytes, same, settled, other, failed, streamed, count);
    if (failed > 0 || streamed != count) System.exit(1);
  }

  private static byte[] encode(Object value) throws IOException {
    ByteArrayOutputStream sink = new ByteArrayOutputStream();
    Hessian2Output out = new Hessian2Output(sink);
    out.setSerializerFactory(FACTORY);
    out.writeObject(value);
    out.flush();
    return sink.toByteArray();
  }

  /** Decodes one value that must fill the bytes. */
  private static Object decode(byte[] bytes) throws IOException {
    ByteArrayInputStream source = new ByteArrayInputStream(bytes);
    Hessian2Input in = new Hessian2Input(source);
    in.setSerializerFactory(FACTORY);
    Object value = in.readObject();
    if (in.read() >= 0) throw new IOException("bytes left after the value");
    return value;
  }

  private static byte[] take(ByteArrayOutputStream sink) {
    byte[] bytes = sink.toByteArray();
    sink.reset();
    return bytes;
  }

  private static void frame(DataOutputStream out, int tag, byte[] bytes) throws IOException {
    out.writeByte(tag);
    out.writeInt(bytes.length);
    out.write(bytes);
  }
}
