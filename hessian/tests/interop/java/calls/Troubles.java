package calls;

import java.io.FileNotFoundException;
import java.io.IOException;

/** Methods that throw. */
public interface Troubles {
  void state(String message);
  void argument(String message);
  void file(String message) throws IOException;
  void account(long number, double lacking) throws AccountException;
  void chain(String message);
  void unknown(String message) throws Exception;
  int nothing(int value);

  /** An exception of an application, with fields of its own. */
  final class AccountException extends Exception {
    public final long number;
    public final double lacking;

    public AccountException(long number, double lacking, Throwable cause) {
      super("account " + number + " lacks " + lacking, cause);
      this.number = number;
      this.lacking = lacking;
    }
  }

  /** The same in process. */
  final class Service implements Troubles {
    @Override public void state(String message) { throw new IllegalStateException(message); }
    @Override public void argument(String message) { throw new IllegalArgumentException(message); }
    @Override public void file(String message) throws IOException { throw new FileNotFoundException(message); }
    @Override public void account(long number, double lacking) throws AccountException {
      throw new AccountException(number, lacking, null);
    }
    @Override public void chain(String message) {
      throw new RuntimeException(message, new AccountException(7, 0.5, new IOException("the ledger is closed")));
    }
    @Override public void unknown(String message) { throw new Hidden(message); }
    @Override public int nothing(int value) { return value; }

    /** What no client has a class for. */
    private static final class Hidden extends RuntimeException {
      Hidden(String message) { super(message); }
    }
  }
}
