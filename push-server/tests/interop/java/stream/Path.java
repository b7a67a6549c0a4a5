package stream;

import java.io.Serializable;
import java.util.List;

/** Objects of another class inside. */
public class Path implements Serializable {
  int n;
  List<Tick> ticks;

  @Override public String toString() { return "Path " + n + " " + ticks; }
}
