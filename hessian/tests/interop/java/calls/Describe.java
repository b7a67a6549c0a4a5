package calls;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Date;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;

/**
 * Values as text: equal texts are equal values of equal classes, with the same places shared. Lists, maps and objects are numbered in the order in which
 * they begin, as Hessian's references are; text and bytes are cut, with their length and checksum.
 */
final class Describe {
  private static final int SHOWN = 40;

  private final IdentityHashMap<Object, Integer> seen = new IdentityHashMap<>();
  private final StringBuilder out = new StringBuilder();

  private Describe() {}

  static String of(Object value) {
    Describe it = new Describe();
    it.value(value);
    return it.out.toString();
  }

  /** An exception as a caller sees it: classes and messages down the causes. */
  static String thrown(Throwable problem) {
    StringBuilder text = new StringBuilder(problem.toString());
    for (Throwable cause = problem.getCause(); cause != null; cause = cause.getCause()) text.append(" <- ").append(cause);
    return text.toString();
  }

  private void value(Object value) {
    if (value == null || value instanceof Boolean || value instanceof Integer) out.append(value);
    else if (value instanceof Long) out.append(value).append('L');
    else if (value instanceof Double) out.append(value).append('d');
    else if (value instanceof Date) out.append("date ").append(((Date) value).getTime());
    else if (value instanceof String) text((String) value);
    else if (value instanceof byte[]) bytes((byte[]) value);
    else if (value instanceof Enum || value instanceof Class || value instanceof Number) out.append(value.getClass().getName()).append(' ').append(value);
    else container(value);
  }

  private void text(String text) {
    out.append('"').append(text, 0, Math.min(text.length(), SHOWN)).append('"');
    if (text.length() > SHOWN) out.append('(').append(text.length()).append(" units, ").append(text.hashCode()).append(')');
  }

  private void bytes(byte[] bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    out.append(bytes.length).append(" bytes ").append(Arrays.toString(Arrays.copyOf(bytes, Math.min(bytes.length, 8))))
        .append(" crc ").append(Long.toHexString(crc.getValue()));
  }

  private void container(Object value) {
    Integer number = seen.get(value);
    if (number != null) {
      out.append("ref #").append(number);
      return;
    }
    seen.put(value, seen.size());
    out.append(value.getClass().getTypeName()).append('#').append(seen.size() - 1);
    if (value instanceof Collection) {
      for (Object item : (Collection<?>) value) item(item);
    } else if (value.getClass().isArray()) {
      for (int i = 0; i < Array.getLength(value); i++) item(Array.get(value, i));
    } else if (value instanceof Map) {
      for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
        item(entry.getKey());
        out.append("=");
        value(entry.getValue());
      }
    } else {
      fields(value);
    }
    out.append(']');
  }

  private void item(Object value) {
    out.append(" [");
    value(value);
  }

  private void fields(Object value) {
    List<Field> fields = new ArrayList<>();
    for (Class<?> c = value.getClass(); c != Object.class; c = c.getSuperclass()) fields.addAll(Arrays.asList(c.getDeclaredFields()));
    for (Field field : fields) {
      if (Modifier.isStatic(field.getModifiers()) || Modifier.isTransient(field.getModifiers())) continue;
      field.setAccessible(true);
      out.append(" [").append(field.getName()).append(": ");
      try {
        value(field.get(value));
      } catch (IllegalAccessException problem) {
        throw new AssertionError(problem);
      }
    }
  }
}
