package stream;

import java.io.Serializable;

/** Objects of two other classes inside. */
public class Trade implements Serializable {
  int n;
  Order order;
  Note note;

  @Override public String toString() { return "Trade " + n + " (" + order + ") (" + note + ")"; }
}
