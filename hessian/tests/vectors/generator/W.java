import java.io.*;
import java.util.*;
import java.util.zip.*;
import java.lang.reflect.*;
import com.caucho.hessian.io.*;

/** Shared helpers: hex, JSON, independent raw decoder, source-level describer, Java verdicts. */
public class W {
  static { Opens.open(); }
  // ---------- hex / json ----------
  static final char[] HX = "0123456789abcdef".toCharArray();
  static String hex(byte[] b) { return hex(b, 0, b.length); }
  static String hex(byte[] b, int o, int n) { StringBuilder s = new StringBuilder(n * 2);
    for (int i = o; i < o + n; i++) { s.append(HX[(b[i] >> 4) & 15]).append(HX[b[i] & 15]); } return s.toString(); }
  static byte[] unhex(String s) { s = s.replaceAll("\\s+", ""); byte[] r = new byte[s.length() / 2];
    for (int i = 0; i < r.length; i++) r[i] = (byte) Integer.parseInt(s.substring(2 * i, 2 * i + 2), 16); return r; }
  static byte[] cat(byte[]... bs) { ByteArrayOutputStream o = new ByteArrayOutputStream(); for (byte[] b : bs) o.writeBytes(b); return o.toByteArray(); }
  static String gz(byte[] b) { try { ByteArrayOutputStream o = new ByteArrayOutputStream();
      GZIPOutputStream g = new GZIPOutputStream(o) {{ def.setLevel(9); }}; g.write(b); g.close();
      return Base64.getEncoder().encodeToString(o.toByteArray()); } catch (IOException e) { throw new RuntimeException(e); } }
  static boolean lone(String s) { for (int i = 0; i < s.length(); i++) { char c = s.charAt(i);
      if (Character.isHighSurrogate(c)) { if (i + 1 < s.length() && Character.isLowSurrogate(s.charAt(i + 1))) i++; else return true; }
      else if (Character.isLowSurrogate(c)) return true; } return false; }
  static void jstr(StringBuilder o, String s) { o.append('"'); for (int i = 0; i < s.length(); i++) { char c = s.charAt(i);
      if (c == '"' || c == '\\') o.append('\\').append(c); else if (c < 0x20 || c > 0x7e) o.append(String.format("\\u%04x", (int) c)); else o.append(c); } o.append('"'); }
  @SuppressWarnings("unchecked") static void json(StringBuilder o, Object v) {
    if (v == null) o.append("null");
    else if (v instanceof String) jstr(o, (String) v);
    else if (v instanceof Number || v instanceof Boolean) o.append(v);
    else if (v instanceof Map) { o.append('{'); boolean f = true; for (Map.Entry<String, Object> e : ((Map<String, Object>) v).entrySet()) { if (!f) o.append(','); f = false; jstr(o, e.getKey()); o.append(':'); json(o, e.getValue()); } o.append('}'); }
    else if (v instanceof List) { o.append('['); boolean f = true; for (Object e : (List<Object>) v) { if (!f) o.append(','); f = false; json(o, e); } o.append(']'); }
    else throw new RuntimeException("json " + v.getClass()); }
  static String json(Object v) { StringBuilder s = new StringBuilder(); json(s, v); return s.toString(); }
  static Map<String, Object> m(Object... kv) { Map<String, Object> r = new LinkedHashMap<>(); for (int i = 0; i < kv.length; i += 2) r.put((String) kv[i], kv[i + 1]); return r; }
  static List<Object> l(Object... v) { return new ArrayList<>(Arrays.asList(v)); }

  // ---------- typed value nodes ----------
  static Map<String, Object> nNull() { return m("t", "null"); }
  static Map<String, Object> nBool(boolean b) { return m("t", "bool", "v", b); }
  static Map<String, Object> nInt(int v) { return m("t", "int", "v", v); }
  static Map<String, Object> nLong(long v) { return m("t", "long", "v", Long.toString(v)); }
  static Map<String, Object> nDouble(double v) { return m("t", "double", "bits", String.format("%016x", Double.doubleToRawLongBits(v)), "v", Double.toString(v)); }
  static Map<String, Object> nDate(long v) { return m("t", "date", "ms", Long.toString(v)); }
  static List<Object> rle(String s) { // try single repeated unit of length 1,2 or 3 with optional tail: only for long strings
    for (int u = 1; u <= 64; u++) { int n = 1; while ((n + 1) * u <= s.length() && s.regionMatches(n * u, s, 0, u)) n++;
      if (n * u >= s.length() - 80 && n > 8) { List<Object> r = l(l(s.substring(0, u), n)); if (n * u < s.length()) r.add(l(s.substring(n * u), 1)); return r; } }
    return null; }
  static Map<String, Object> nString(String s) {
    if (lone(s)) { StringBuilder b = new StringBuilder(); for (char c : s.toCharArray()) b.append(String.format("%04x", (int) c));
      if (s.length() > 2000) return m("t", "string", "utf16_gz_b64", gz(unhex(b.toString()))); return m("t", "string", "utf16", b.toString()); }
    if (s.length() > 300) { List<Object> r = rle(s); if (r != null && !badRle(r)) return m("t", "string", "rep", r);
      if (s.length() > 2000) return m("t", "string", "utf8_gz_b64", gz(s.getBytes(java.nio.charset.StandardCharsets.UTF_8))); }
    return m("t", "string", "v", s); }
  @SuppressWarnings("unchecked") static boolean badRle(List<Object> r) { for (Object e : r) if (lone((String) ((List<Object>) e).get(0))) return true; return false; }
  static Map<String, Object> nBin(byte[] b) {
    if (b.length > 600) { String h = new String(b, java.nio.charset.StandardCharsets.ISO_8859_1); List<Object> r = rle(h);
      if (r != null) { List<Object> q = new ArrayList<>(); for (Object e : r) { List<?> p = (List<?>) e; q.add(l(hex(((String) p.get(0)).getBytes(java.nio.charset.StandardCharsets.ISO_8859_1)), p.get(1))); } return m("t", "binary", "rep", q); }
      return m("t", "binary", "gz_b64", gz(b)); }
    return m("t", "binary", "hex", hex(b)); }

  // ---------- independent raw Hessian 2 decoder ----------
  static class Inv extends RuntimeException { Inv(String s) { super(s); } }
  static class Eof extends RuntimeException { }
  static class Raw {
    byte[] b; int p, end; int refs; List<String> types = new ArrayList<>(); List<Object[]> defs = new ArrayList<>(); int depth;
    Raw(byte[] b) { this.b = b; end = b.length; }
    int u() { if (p >= end) throw new Eof(); return b[p++] & 255; }
    int peek() { if (p >= end) throw new Eof(); return b[p] & 255; }
    int i32() { return (u() << 24) | (u() << 16) | (u() << 8) | u(); }
    long i64() { return ((long) i32() << 32) | (i32() & 0xffffffffL); }
    int integer() { int t = u();
      if (t >= 0x80 && t <= 0xbf) return t - 0x90; if (t >= 0xc0 && t <= 0xcf) return ((t - 0xc8) << 8) + u();
      if (t >= 0xd0 && t <= 0xd7) return ((t - 0xd4) << 16) + (u() << 8) + u(); if (t == 'I') return i32();
      throw new Inv("int expected at " + Integer.toHexString(t)); }
    void chars(StringBuilder s, int n) { while (n-- > 0) { int c = u();
        if (c < 0x80) s.append((char) c); else if ((c & 0xe0) == 0xc0) { s.append((char) (((c & 31) << 6) + cont())); }
        else if ((c & 0xf0) == 0xe0) { int a = cont(), d = cont(); s.append((char) (((c & 15) << 12) + (a << 6) + d)); }
        else throw new Inv("utf8 " + Integer.toHexString(c)); } }
    int cont() { int c = u(); if ((c & 0xc0) != 0x80) throw new Inv("utf8 continuation"); return c & 63; }
    String str() { StringBuilder s = new StringBuilder(); for (;;) { int t = u();
        if (t <= 0x1f) { chars(s, t); return s.toString(); } if (t >= 0x30 && t <= 0x33) { chars(s, ((t - 0x30) << 8) + u()); return s.toString(); }
        if (t == 'S') { chars(s, (u() << 8) + u()); return s.toString(); } if (t == 'R') { chars(s, (u() << 8) + u()); continue; }
        throw new Inv("string expected at " + Integer.toHexString(t)); } }
    String type() { int t = peek(); if (t <= 0x1f || (t >= 0x30 && t <= 0x33) || t == 'R' || t == 'S') { String s = str(); types.add(s); return s; }
      int r = integer(); if (r < 0 || r >= types.size()) throw new Inv("type ref " + r); return types.get(r); }
    byte[] bin() { ByteArrayOutputStream o = new ByteArrayOutputStream(); for (;;) { int t = u(); int n; boolean last = true;
        if (t >= 0x20 && t <= 0x2f) n = t - 0x20; else if (t >= 0x34 && t <= 0x37) n = ((t - 0x34) << 8) + u(); else if (t == 'B') n = (u() << 8) + u();
        else if (t == 'A') { n = (u() << 8) + u(); last = false; } else throw new Inv("binary expected at " + Integer.toHexString(t));
        if (end - p < n) throw new Eof(); o.write(b, p, n); p += n; if (last) return o.toByteArray(); } }
    Map<String, Object> value() { if (++depth > 2000) throw new Inv("depth"); try { return value0(); } finally { depth--; } }
    Map<String, Object> value0() { int t = peek();
      if (t >= 0x80 && t <= 0xd7 || t == 'I') return nInt(integer());
      if (t <= 0x1f || (t >= 0x30 && t <= 0x33) || t == 'R' || t == 'S') return nString(str());
      if ((t >= 0x20 && t <= 0x2f) || (t >= 0x34 && t <= 0x37) || t == 'A' || t == 'B') return nBin(bin());
      u();
      if (t >= 0xd8 && t <= 0xef) return nLong(t - 0xe0); if (t >= 0xf0) return nLong(((t - 0xf8) << 8) + u());
      if (t >= 0x38 && t <= 0x3f) return nLong(((t - 0x3c) << 16) + (u() << 8) + u());
      if (t >= 0x60 && t <= 0x6f) return obj(t - 0x60);
      if (t >= 0x70 && t <= 0x77) { String ty = type(); return list(ty, t - 0x70); }
      if (t >= 0x78 && t <= 0x7f) return list(null, t - 0x78);
      switch (t) {
        case 'N': return nNull(); case 'T': return nBool(true); case 'F': return nBool(false);
        case 'L': return nLong(i64()); case 0x59: return nLong(i32());
        case 0x5b: return nDouble(0); case 0x5c: return nDouble(1); case 0x5d: return nDouble((byte) u());
        case 0x5e: return nDouble((short) ((u() << 8) | u())); case 0x5f: return nDouble(0.001 * i32()); case 'D': return nDouble(Double.longBitsToDouble(i64()));
        case 0x4a: return nDate(i64()); case 0x4b: return nDate(i32() * 60000L);
        case 'V': { String ty = type(); int n = integer(); return list(ty, n); } case 'X': return list(null, integer());
        case 'U': { String ty = type(); return list(ty, VAR); } case 'W': return list(null, VAR);
        case 'H': return map(null); case 'M': return map(type());
        case 'C': { String cn = str(); int n = integer(); if (n < 0) throw new Inv("field count"); List<String> f = new ArrayList<>(); for (int i = 0; i < n; i++) f.add(str()); defs.add(new Object[] { cn, f }); return value(); }
        case 'O': return obj(integer());
        case 'Q': { int r = integer(); if (r < 0 || r >= refs) throw new Inv("ref " + r); return m("t", "ref", "id", r); }
        default: throw new Inv("unknown tag " + Integer.toHexString(t)); } }
    static final int VAR = Integer.MIN_VALUE + 7;
    Map<String, Object> list(String ty, int n) { if (n < 0 && n != VAR) throw new Inv("length " + n); List<Object> v = new ArrayList<>(); Map<String, Object> r = m("t", "list", "id", refs++, "type", ty, "v", v);
      if (n >= 0) for (int i = 0; i < n; i++) v.add(value()); else { while (peek() != 'Z') v.add(value()); u(); } return r; }
    Map<String, Object> map(String ty) { List<Object> v = new ArrayList<>(); Map<String, Object> r = m("t", "map", "id", refs++, "type", ty, "v", v);
      while (peek() != 'Z') { Object k = value(); v.add(l(k, value())); } u(); return r; }
    @SuppressWarnings("unchecked") Map<String, Object> obj(int i) { if (i < 0 || i >= defs.size()) throw new Inv("class ref " + i); Object[] d = defs.get(i); List<Object> v = new ArrayList<>();
      Map<String, Object> r = m("t", "object", "id", refs++, "class", d[0], "f", v); for (String f : (List<String>) d[1]) v.add(l(f, value())); return r; }
  }
  /** {"verdict":"value|incomplete|error","node":..,"used":n,"msg":..} */
  static Map<String, Object> raw(byte[] b) { Raw r = new Raw(b); try { Object v = r.value(); return m("verdict", "value", "value", v, "used", r.p); }
    catch (Eof e) { return m("verdict", "incomplete"); } catch (Inv e) { return m("verdict", "error", "msg", e.getMessage()); } catch (StackOverflowError e) { return m("verdict", "error", "msg", "depth"); } }

  // ---------- source-level describer (does not look at bytes) ----------
  static class Desc { IdentityHashMap<Object, Integer> ids = new IdentityHashMap<>(); int n;
    Map<String, Object> d(Object o) {
      if (o == null) return nNull(); if (o instanceof Boolean) return nBool((Boolean) o); if (o instanceof Integer) return nInt((Integer) o);
      if (o instanceof Long) return nLong((Long) o); if (o instanceof Double) return nDouble((Double) o); if (o instanceof String) return nString((String) o);
      if (o instanceof Character) return nString(o.toString());
      if (o.getClass() == Date.class) return nDate(((Date) o).getTime()); if (o instanceof byte[]) return nBin((byte[]) o);
      Integer id = ids.get(o); if (id != null) return m("t", "ref", "id", id); int me = n++; ids.put(o, me);
      Class<?> c = o.getClass(); List<Object> v = new ArrayList<>();
      if (c.isArray()) { for (int i = 0; i < Array.getLength(o); i++) { Object e = Array.get(o, i); if (e instanceof Float) e = (double) (Float) e; if (e instanceof Short) e = (int) (Short) e; v.add(d(e)); } return m("t", "list", "id", me, "type", arr(c), "v", v); }
      if (o instanceof Collection) { for (Object e : (Collection<?>) o) v.add(d(e)); return m("t", "list", "id", me, "type", c == ArrayList.class ? null : c.getName(), "v", v); }
      if (o instanceof Map) { for (Map.Entry<?, ?> e : ((Map<?, ?>) o).entrySet()) { Object k = d(e.getKey()); v.add(l(k, d(e.getValue()))); } return m("t", "map", "id", me, "type", c == HashMap.class ? null : c.getName(), "v", v); }
      List<Field> a = new ArrayList<>(), b = new ArrayList<>();
      for (Class<?> k = c; k != null && k != Object.class; k = k.getSuperclass()) for (Field f : k.getDeclaredFields()) { if (Modifier.isStatic(f.getModifiers()) || Modifier.isTransient(f.getModifiers())) continue;
          f.setAccessible(true); (f.getType().isPrimitive() || f.getType().getName().startsWith("java.lang.") && f.getType() != Object.class ? a : b).add(f); }
      a.addAll(b); try { for (Field f : a) { Object x = f.get(o); Class<?> ft = f.getType(); if (ft == byte.class || ft == short.class) x = ((Number) x).intValue(); if (ft == float.class) x = ((Number) x).doubleValue(); v.add(l(f.getName(), d(x))); } } catch (IllegalAccessException e) { throw new RuntimeException(e); }
      return m("t", "object", "id", me, "class", c.getName(), "f", v); }
    static String arr(Class<?> c) { Class<?> e = c.getComponentType(); if (e.isArray()) return "[" + arr(e); if (e == String.class) return "[string"; if (e == Object.class) return "[object"; if (e == Date.class) return "[date"; return "[" + e.getName(); } }
  static Map<String, Object> desc(Object o) { return new Desc().d(o); }

  // ---------- Java encode / decode ----------
  static byte[] enc(Object o) { try { ByteArrayOutputStream os = new ByteArrayOutputStream(); Hessian2Output h = new Hessian2Output(os); h.writeObject(o); h.flush(); return os.toByteArray(); } catch (IOException e) { throw new RuntimeException(e); } }
  interface Wr { void w(Hessian2Output h) throws IOException; }
  static byte[] enc2(Wr w) { try { ByteArrayOutputStream os = new ByteArrayOutputStream(); Hessian2Output h = new Hessian2Output(os); w.w(h); h.flush(); return os.toByteArray(); } catch (IOException e) { throw new RuntimeException(e); } }
  /** delivers one byte per read so the consumed count is exact */
  static class One extends InputStream { final byte[] b; int p; boolean eof; One(byte[] b) { this.b = b; }
    public int read() { if (p >= b.length) { eof = true; return -1; } return b[p++] & 255; }
    public int read(byte[] d, int o, int n) { if (n == 0) return 0; if (p >= b.length) { eof = true; return -1; } d[o] = b[p++]; return 1; }
    public long skip(long n) { long k = Math.min(n, b.length - p); p += (int) k; return k; }
    public int available() { return b.length - p; } }
  /** Describes what Java's decoder returned, using the source-level describer where it can. */
  static Object jdesc(Object o) { try { return desc(norm(o, new IdentityHashMap<>())); } catch (Throwable e) { return m("t", "java", "class", o.getClass().getName()); } }
  static Object norm(Object o, IdentityHashMap<Object, Object> seen) { return o; }
  static Map<String, Object> java(byte[] b) { One in = new One(b); Map<String, Object> r = m(); try { Hessian2Input h = new Hessian2Input(in); Object o = h.readObject(); r.put("verdict", "value"); r.put("class", o == null ? "null" : o.getClass().getName());
      r.put("used", in.p); r.put("hit_eof", in.eof); r.put("_obj", o); }
    catch (Throwable e) { String mm = String.valueOf(e.getMessage()); boolean eof = e instanceof EOFException || mm.contains("end of file"); r.put("verdict", eof ? "eof" : "error"); r.put("class", e.getClass().getName()); r.put("msg", mm.length() > 140 ? mm.substring(0, 140) : mm); r.put("used", in.p); r.put("hit_eof", in.eof); }
    return r; }

  // ---------- vector file ----------
  static class Out implements Closeable { final PrintWriter w; int n; final Set<String> names = new HashSet<>(); final String file; String grammar;
    static int total; static String dir = ".";
    Out(String f) { try { file = f; w = new PrintWriter(new OutputStreamWriter(new FileOutputStream(dir + "/" + f), "UTF-8")); } catch (IOException e) { throw new RuntimeException(e); } }
    void put(Map<String, Object> r) { String nm = (String) r.get("name"); String base = nm; int k = 2; while (!names.add(nm)) nm = base + "#" + k++; r.put("name", nm); w.print(json(grammar == null ? r : tagged(r))); w.print('\n'); n++; total++; }
    /** the same line with `grammar` right after the name, for files that are not of the final grammar */
    Map<String, Object> tagged(Map<String, Object> r) { Map<String, Object> t = m("name", r.get("name"), "grammar", grammar); t.putAll(r); return t; }
    static void hexInto(Map<String, Object> r, byte[] b) { if (b.length > 1500) { r.put("hex_gz_b64", gz(b)); r.put("len", b.length); } else r.put("hex", hex(b)); }
    /** value given by source-level describer, bytes by the jar; checked against the raw decoder */
    void obj(String name, Object o, String note) { byte[] b = enc(o); Map<String, Object> d = desc(o); chk(name, b, d); Map<String, Object> r = m("name", name); hexInto(r, b); r.put("value", d); r.put("note", note); put(r); }
    void wr(String name, Wr w, Map<String, Object> value, String note) { byte[] b = enc2(w); if (value == null) value = val(name, b); else chk(name, b, value); Map<String, Object> r = m("name", name); hexInto(r, b); r.put("value", value); r.put("note", note); put(r); }
    /** exotic Java objects: value from the raw decoder */
    void exo(String name, Object o, String note) { byte[] b; try { b = enc(o); } catch (Throwable e) { System.err.println("ENCODE FAIL " + name + " " + o.getClass() + ": " + e); return; } Map<String, Object> r = m("name", name); hexInto(r, b); Map<String, Object> rv = raw(b); Map<String, Object> j = java(b); j.remove("_obj"); boolean ok = "value".equals(rv.get("verdict")) && (Integer) rv.get("used") == b.length;
      if (ok) r.put("value", rv.get("value")); else { r.put("value", null); r.put("expect", "error"); r.put("java_encoder_bug", true); rv.remove("value"); r.put("raw", rv); } if (!"value".equals(j.get("verdict"))) r.put("java_decode", j); r.put("note", note); put(r); if (!ok || !"value".equals(j.get("verdict"))) System.err.println("NOTE " + name + " raw=" + (ok ? "ok" : rv) + " java=" + j); }
    @SuppressWarnings("unchecked") static Map<String, Object> val(String name, byte[] b) { Map<String, Object> r = raw(b); if (!"value".equals(r.get("verdict")) || (Integer) r.get("used") != b.length) throw new RuntimeException(name + " raw " + r + " " + hex(b)); return (Map<String, Object>) r.get("value"); }
    static void chk(String name, byte[] b, Map<String, Object> d) { Map<String, Object> v = val(name, b); if (!json(v).equals(json(d))) throw new RuntimeException("MISMATCH " + name + "\n src " + json(d) + "\n raw " + json(v) + "\n hex " + (b.length < 2000 ? hex(b) : "...")); }
    public void close() { w.close(); System.out.println(file + " " + n); } }
}
