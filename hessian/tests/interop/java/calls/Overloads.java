package calls;

import java.util.Date;
import java.util.List;
import java.util.Map;

/** One name for everything: who is meant is told by the number and the types of the arguments. */
public interface Overloads {
  String tell();
  String tell(int value);
  String tell(long value);
  String tell(double value);
  String tell(boolean value);
  String tell(String value);
  String tell(Date value);
  String tell(byte[] value);
  String tell(int[] value);
  String tell(String[] value);
  String tell(List<?> value);
  String tell(Map<?, ?> value);
  String tell(Item value);
  String tell(int first, String second);
  String tell(String first, int second);

  /** A bean. */
  final class Item implements java.io.Serializable {
    public int id;
    public String name;

    public Item() {}

    public Item(int id, String name) {
      this.id = id;
      this.name = name;
    }
  }

  /** The same in process. */
  final class Service implements Overloads {
    @Override public String tell() { return "nothing"; }
    @Override public String tell(int value) { return "int " + value; }
    @Override public String tell(long value) { return "long " + value; }
    @Override public String tell(double value) { return "double " + value; }
    @Override public String tell(boolean value) { return "boolean " + value; }
    @Override public String tell(String value) { return "string " + value; }
    @Override public String tell(Date value) { return "date " + value.getTime(); }
    @Override public String tell(byte[] value) { return "binary of " + value.length; }
    @Override public String tell(int[] value) { return "ints of " + value.length; }
    @Override public String tell(String[] value) { return "strings of " + value.length; }
    @Override public String tell(List<?> value) { return "list of " + value.size(); }
    @Override public String tell(Map<?, ?> value) { return "map of " + value.size(); }
    @Override public String tell(Item value) { return "item " + value.id + " " + value.name; }
    @Override public String tell(int first, String second) { return "int " + first + " string " + second; }
    @Override public String tell(String first, int second) { return "string " + first + " int " + second; }
  }
}
