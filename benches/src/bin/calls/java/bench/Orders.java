package bench;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;

/** What is called: next to nothing, and about 10 KB each way. */
public interface Orders {
  int add(int a, int b);

  Order echo(Order order);

  final class Order implements Serializable {
    String id;
    Date placed;
    List<Line> lines = new ArrayList<>();
  }

  final class Line implements Serializable {
    int product;
    boolean gift;
    String name;
    double price;
    long shipped;
  }

  final class Service implements Orders {
    @Override public int add(int a, int b) { return a + b; }
    @Override public Order echo(Order order) { return order; }
  }

  /** The same as the Rust end sends. */
  static Order sample(int lines) {
    Order order = new Order();
    order.id = "2007-0042";
    order.placed = new Date(894621091000L);
    for (int i = 0; i < lines; i++) {
      Line line = new Line();
      line.product = 100_000 + i;
      line.gift = i % 3 == 0;
      line.name = "A thing that somebody has ordered, number " + (1000 + i);
      line.price = 0.37 + i * 1.01;
      line.shipped = 894621091000L + i;
      order.lines.add(line);
    }
    return order;
  }
}
