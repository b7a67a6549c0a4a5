package interop;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.*;

/**
 * Pseudo-random values, the same for the same seed: every scalar form, lists, maps, arrays, objects, shared parts and cycles.
 *
 * Left out, because the library's own encoder writes wrong reference numbers for them: Calendar, Iterator and Enumeration.
 * What hashes its parts (keys, sets) gets parts without cycles, since Java itself cannot hash those.
 */
final class RandomValues {
  /** The value has a binary that the encoder may have cut where its 8 KiB buffer ended: compare values, not bytes. */
  static final int CUT_BINARY = 1;
  /** A string may have a surrogate without its partner (or had, and lost its place in a map to an equal key). */
  static final int LONE_SURROGATE = 2;

  private static final int TOP_LEVEL_KINDS = 24;
  private static final int MAX_DEPTH = 6;

  private final Random random;
  private final RandomText text;
  /** Containers of the value in the making, finished or still open: candidates for sharing and for cycles. */
  private final List<Object> containers = new ArrayList<>();
  private int budget;
  private boolean binary;
  private long count;

  RandomValues(long seed) {
    random = new Random(seed);
    text = new RandomText(random);
  }

  /** The next value. Kinds take turns at the top level, so that a run of N values covers each kind N/24 times. */
  Object next() {
    containers.clear();
    binary = false;
    text.takeLoneSurrogate();
    budget = 1 + random.nextInt(random.nextInt(8) == 0 ? 400 : 40);
    int kind = (int) (count++ % TOP_LEVEL_KINDS);
    switch (kind) {
      case 0: return random.nextInt(3) == 0 ? null : random.nextBoolean();
      case 1: return anyInt();
      case 2: return anyLong();
      case 3: case 4: return anyDouble();
      case 5: return anyDate();
      case 6: case 7: return text.any();
      case 8: return random.nextInt(6) == 0 ? text.large() : text.any();
      case 9: return anyBinary(random.nextInt(6) == 0);
      case 10: return javaClass();
      default: return container(0);
    }
  }

  /** What is special about the value that `next` gave last, once it has been encoded to so many bytes. */
  int flags(int encodedLength) {
    return (binary && encodedLength > 8000 ? CUT_BINARY : 0) | (text.takeLoneSurrogate() ? LONE_SURROGATE : 0);
  }

  private Object any(int depth) {
    budget--;
    if (!containers.isEmpty() && random.nextInt(12) == 0) return containers.get(random.nextInt(containers.size()));
    if (budget > 0 && depth < MAX_DEPTH && random.nextInt(3) == 0) return container(depth);
    if (random.nextInt(16) == 0) return javaClass();
    return scalar();
  }

  private Object scalar() {
    switch (random.nextInt(9)) {
      case 0: return null;
      case 1: return random.nextBoolean();
      case 2: return anyInt();
      case 3: return anyLong();
      case 4: return anyDouble();
      case 5: return anyDate();
      case 6: return anyBinary(false);
      default: return text.any();
    }
  }

  private int size() { return random.nextInt(6) == 0 ? random.nextInt(60) : random.nextInt(10); }

  // ---- scalars ----

  private static final int[] INT_EDGES = { 0, -16, 47, -2048, 2047, -0x40000, 0x3ffff, Integer.MIN_VALUE, Integer.MAX_VALUE };
  private static final long[] LONG_EDGES = { 0, -8, 15, -2048, 2047, -0x40000, 0x3ffff, Integer.MIN_VALUE, Integer.MAX_VALUE, Long.MIN_VALUE, Long.MAX_VALUE };

  private int anyInt() {
    return random.nextInt(3) == 0 ? INT_EDGES[random.nextInt(INT_EDGES.length)] + random.nextInt(5) - 2 : random.nextInt() >> random.nextInt(32);
  }

  private long anyLong() {
    return random.nextInt(3) == 0 ? LONG_EDGES[random.nextInt(LONG_EDGES.length)] + random.nextInt(5) - 2 : random.nextLong() >> random.nextInt(64);
  }

  /** Over all classes of bit patterns, and over what the compact forms take or just miss. */
  private double anyDouble() {
    long sign = random.nextLong() & Long.MIN_VALUE, mantissa = random.nextLong() >>> 12;
    switch (random.nextInt(14)) {
      case 0: return Double.longBitsToDouble(random.nextLong());                                                   // anything
      case 1: return Double.longBitsToDouble(sign);                                                                // zeros
      case 2: return Double.longBitsToDouble(sign | mantissa >>> random.nextInt(52));                              // subnormal
      case 3: return Double.longBitsToDouble(sign | 0x7ff0000000000000L);                                          // infinities
      case 4: return Double.longBitsToDouble(sign | 0x7ff0000000000000L | mantissa | 1);                           // NaNs of all payloads
      case 5: return Double.longBitsToDouble(sign | (1L + random.nextInt(2046)) << 52);                            // powers of two
      case 6: return random.nextInt(300) - 150;                                                                    // around one byte
      case 7: return random.nextInt(70000) - 35000;                                                                // around two bytes
      case 8: return random.nextInt() * 0.001;                                                                     // thousandths
      case 9: return random.nextInt() / 1000.0;                                                                    // thousandths, rounded the other way
      case 10: return Math.nextUp(random.nextInt() * 0.001);                                                       // just missed
      case 11: return anyInt();
      case 12: return (float) random.nextGaussian();
      default: return random.nextGaussian() * Math.pow(10, random.nextInt(40) - 20);
    }
  }

  private Date anyDate() {
    switch (random.nextInt(4)) {
      case 0: return new Date(60000L * random.nextInt());                     // whole minutes that fit 32 bits
      case 1: return new Date(60000L * (random.nextLong() >> 24));            // whole minutes, some of which do not
      case 2: return new Date(60000L * random.nextInt() + random.nextInt(3) - 1);
      default: return new Date(random.nextLong() >> random.nextInt(64));
    }
  }

  private byte[] anyBinary(boolean large) {
    int[] edges = { 0, 1, 14, 15, 16, 17, 1022, 1023, 1024, 1025 };
    int[] largeEdges = { 8188, 8189, 8190, 8192, 16378, 32768, 65535, 65536, 100000 };
    int n = large ? largeEdges[random.nextInt(largeEdges.length)] : random.nextInt(6) == 0 ? edges[random.nextInt(edges.length)] : random.nextInt(30);
    byte[] bytes = new byte[n];
    random.nextBytes(bytes);
    binary |= n > 0;
    return bytes;
  }

  /** Values of the JDK's own classes, and enum constants: all of them objects on the wire. */
  private Object javaClass() {
    switch (random.nextInt(13)) {
      case 0: return (byte) random.nextInt();
      case 1: return (short) random.nextInt();
      case 2: return Float.intBitsToFloat(random.nextInt());
      case 3: return (char) random.nextInt(0xd800);
      case 4: return new BigDecimal(new BigInteger(random.nextInt(120), random), random.nextInt(40) - 10);
      case 5: return new BigInteger(random.nextInt(200), random).negate();
      case 6: return new UUID(random.nextLong(), random.nextLong());
      case 7: return Locale.forLanguageTag(new String[] { "en-US", "de", "zh-Hant-TW", "und" }[random.nextInt(4)]);
      case 8: return new java.sql.Timestamp(random.nextLong() >> random.nextInt(40));
      case 9: return new Class<?>[] { String.class, int.class, int[].class, Beans.Point.class }[random.nextInt(4)];
      case 10: return exception(random.nextInt(3));
      default: return Beans.Side.values()[random.nextInt(3)];
    }
  }

  private Throwable exception(int causes) {
    Throwable it = new IllegalStateException(text.any(), causes == 0 ? null : exception(causes - 1));
    it.setStackTrace(new StackTraceElement[] { new StackTraceElement("a.B", text.identifier(), "B.java", random.nextInt(500)) });
    return it;
  }

  // ---- containers ----

  private <T> T open(T container) {
    containers.add(container);
    return container;
  }

  private Object container(int depth) {
    switch (random.nextInt(22)) {
      case 0: case 1: case 2: return fill(open(new ArrayList<>()), depth);
      case 3: return fill(open(new LinkedList<>()), depth);
      case 4: return fill(open(new Vector<>()), depth);
      case 5: return set();
      case 6: case 7: return hashMap(depth);
      case 8: case 9: return linkedMap(depth);
      case 10: return treeMap(depth);
      case 11: return table(depth);
      case 12: return primitives();
      case 13: return strings();
      case 14: return objects(depth);
      case 15: return arraysOfArrays();
      case 16: case 17: return point();
      case 18: case 19: return node(depth);
      case 20: return derived(depth);
      default: return random.nextInt(3) == 0 ? open(new Beans.Empty()) : fields(depth);
    }
  }

  private <L extends List<Object>> L fill(L list, int depth) {
    for (int n = size(); n > 0; n--) list.add(any(depth + 1));
    return list;
  }

  private Object set() {
    Set<Object> set = open(random.nextBoolean() ? new HashSet<>() : new LinkedHashSet<>());
    for (int n = size(); n > 0; n--) set.add(key());
    return set;
  }

  /** Something that hashes and is not the same as its neighbours. */
  private Object key() {
    switch (random.nextInt(6)) {
      case 0: return anyInt();
      case 1: return anyLong();
      case 2: return anyDouble();
      case 3: return anyDate();
      default: return text.any();
    }
  }

  private Object hashMap(int depth) {
    Map<Object, Object> map = open(new HashMap<>());
    for (int n = size(); n > 0; n--) map.put(key(), any(depth + 1));
    return map;
  }

  /** The one whose keys may be anything: null, lists, objects. */
  private Object linkedMap(int depth) {
    Map<Object, Object> map = open(new LinkedHashMap<>());
    for (int n = size(); n > 0; n--) {
      Object key = key();
      if (random.nextInt(10) == 0) key = null;
      else if (random.nextInt(10) == 0) key = new ArrayList<>(Arrays.asList(key(), key()));
      else if (random.nextInt(10) == 0) key = point();
      map.put(key, any(depth + 1));
    }
    return map;
  }

  private Object treeMap(int depth) {
    Map<Object, Object> map = open(new TreeMap<>());
    boolean numbers = random.nextBoolean();
    for (int n = size(); n > 0; n--) map.put(numbers ? (Object) anyLong() : text.any(), any(depth + 1));
    return map;
  }

  private Object table(int depth) {
    Map<Object, Object> map = open(new Hashtable<>());
    for (int n = size(); n > 0; n--) {
      Object value = any(depth + 1);
      if (value != null) map.put(text.identifier(), value);
    }
    return map;
  }

  private Object primitives() {
    int n = size();
    switch (random.nextInt(7)) {
      case 0: int[] ints = open(new int[n]); for (int i = 0; i < n; i++) ints[i] = anyInt(); return ints;
      case 1: long[] longs = open(new long[n]); for (int i = 0; i < n; i++) longs[i] = anyLong(); return longs;
      case 2: double[] doubles = open(new double[n]); for (int i = 0; i < n; i++) doubles[i] = anyDouble(); return doubles;
      case 3: float[] floats = open(new float[n]); for (int i = 0; i < n; i++) floats[i] = (float) anyDouble(); return floats;
      case 4: short[] shorts = open(new short[n]); for (int i = 0; i < n; i++) shorts[i] = (short) anyInt(); return shorts;
      case 5: boolean[] flags = open(new boolean[n]); for (int i = 0; i < n; i++) flags[i] = random.nextBoolean(); return flags;
      default: Integer[] boxed = open(new Integer[n]); for (int i = 0; i < n; i++) boxed[i] = random.nextInt(9) == 0 ? null : anyInt(); return boxed;
    }
  }

  private Object strings() {
    if (random.nextInt(4) == 0) {
      Date[] dates = open(new Date[size()]);
      for (int i = 0; i < dates.length; i++) dates[i] = anyDate();
      return dates;
    }
    String[] strings = open(new String[size()]);
    for (int i = 0; i < strings.length; i++) strings[i] = random.nextInt(9) == 0 ? null : text.any();
    return strings;
  }

  private Object objects(int depth) {
    Object[] items = open(new Object[size()]);
    for (int i = 0; i < items.length; i++) items[i] = any(depth + 1);
    return items;
  }

  private Object arraysOfArrays() {
    if (random.nextBoolean()) {
      byte[][] rows = open(new byte[size()][]);
      for (int i = 0; i < rows.length; i++) rows[i] = anyBinary(false);
      return rows;
    }
    int[][] rows = open(new int[size()][]);
    for (int i = 0; i < rows.length; i++) rows[i] = i > 0 && random.nextInt(5) == 0 ? rows[i - 1] : new int[] { anyInt(), anyInt() };
    return rows;
  }

  // ---- objects ----

  private Object point() {
    Beans.Point point = open(new Beans.Point());
    point.x = anyInt();
    point.y = anyLong();
    point.z = anyDouble();
    point.name = random.nextInt(9) == 0 ? null : text.any();
    return point;
  }

  private Object node(int depth) {
    Beans.Node node = open(new Beans.Node());
    node.id = text.any();
    node.open = random.nextBoolean();
    node.next = any(depth + 1);
    node.extra = any(depth + 1);
    return node;
  }

  private Object derived(int depth) {
    Beans.Derived derived = open(new Beans.Derived());
    derived.version = anyInt();
    derived.label = text.any();
    derived.when = random.nextInt(5) == 0 ? null : anyDate();
    derived.origin = any(depth + 1);
    return derived;
  }

  @SuppressWarnings("unchecked")
  private Object fields(int depth) {
    Beans.Fields it = open(new Beans.Fields());
    it.b = (byte) random.nextInt();
    it.s = (short) random.nextInt();
    it.c = (char) random.nextInt(0xd800);
    it.i = anyInt();
    it.l = anyLong();
    it.f = (float) anyDouble();
    it.d = anyDouble();
    it.z = random.nextBoolean();
    if (random.nextBoolean()) {
      it.boxedInt = anyInt();
      it.boxedLong = anyLong();
      it.boxedDouble = anyDouble();
      it.boxedBoolean = random.nextBoolean();
      it.boxedChar = (char) random.nextInt(0xd800);
      it.text = text.any();
      it.date = anyDate();
      it.bytes = anyBinary(false);
      it.ints = new int[] { anyInt(), anyInt() };
      it.list = fill(open(new ArrayList<>()), depth + 1);
      it.map = (Map<Object, Object>) hashMap(depth + 1);
    }
    return it;
  }
}
