package example;

import java.io.Serializable;

/** A price that somebody has paid, as the example `ticker` publishes it. */
public class Tick implements Serializable {
  private static final long serialVersionUID = 1;

  private String symbol;
  private double price;
  private double close;
  private int shares;
  private long time;

  public String getSymbol() { return symbol; }

  public double getPrice() { return price; }

  public double getClose() { return close; }

  public int getShares() { return shares; }

  /** Milliseconds since 1970. */
  public long getTime() { return time; }
}
