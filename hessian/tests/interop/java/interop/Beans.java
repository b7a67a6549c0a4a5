package interop;

import java.io.Serializable;
import java.util.Date;
import java.util.List;
import java.util.Map;

/**
 * The classes that both sides of the round trip know.
 *
 * Java writes a definition's fields from the concrete class upwards: for the whole hierarchy first the fields whose type is primitive or in
 * java.lang (but not Object), then all others. The other side must list them in the same order to get the same bytes; each class says its order.
 */
final class Beans {
  private Beans() {}

  /** interop.Beans$Point: x, y, z, name */
  static final class Point implements Serializable {
    int x;
    long y;
    double z;
    String name;
  }

  /** interop.Beans$Node: id, open, next, extra. The one for rings and shared parts. */
  static final class Node implements Serializable {
    String id;
    boolean open;
    Object next;
    Object extra;
  }

  /** A superclass, so that field order over a hierarchy is exercised. */
  static class Base implements Serializable {
    Object origin;
    int version;
  }

  /** interop.Beans$Derived: label, version, when, origin */
  static final class Derived extends Base {
    Date when;
    String label;
  }

  /** interop.Beans$Fields: every kind of field; see the order in FIELD_ORDER of the other side, or a definition that `generate` writes. */
  static final class Fields implements Serializable {
    byte b;
    short s;
    char c;
    int i;
    long l;
    float f;
    double d;
    boolean z;
    Integer boxedInt;
    Long boxedLong;
    Double boxedDouble;
    Boolean boxedBoolean;
    Character boxedChar;
    String text;
    Date date;
    byte[] bytes;
    int[] ints;
    List<Object> list;
    Map<Object, Object> map;
    transient int skipped = 1;
  }

  /** interop.Beans$Empty: no fields, so an instance is a single byte once the class is known. */
  static final class Empty implements Serializable {}

  /** interop.Beans$Side: an enum is an object with the one field `name`. */
  enum Side { BUY, SELL, NEITHER }
}
