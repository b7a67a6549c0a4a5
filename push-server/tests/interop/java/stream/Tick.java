package stream;

import java.io.Serializable;

/** Scalars. */
public class Tick implements Serializable {
  int n;
  double price;

  @Override public String toString() { return "Tick " + n + " " + price; }
}
