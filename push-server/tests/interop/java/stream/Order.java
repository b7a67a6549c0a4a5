package stream;

import java.io.Serializable;
import java.util.List;

/** A list of strings. */
public class Order implements Serializable {
  int n;
  String symbol;
  List<String> lines;

  @Override public String toString() { return "Order " + n + " " + symbol + " " + lines; }
}
