import com.caucho.hessian.client.HessianConnectionException;
import com.caucho.hessian.client.HessianProxyFactory;
import example.AddString;
import java.net.MalformedURLException;
import push.Publisher;

/**
 * Publishes a line to a server that asks for a token: with it as the password of any user, with it in the address, with a wrong one, without.
 * Prints what each was told.
 *
 *   CallGuarded http://HOST:PORT STREAM TOKEN
 */
public final class CallGuarded {
  private CallGuarded() {}

  public static void main(String[] args) throws Exception {
    String url = args[0] + "/hessian";
    call("password", url, args[2], args[1]);
    call("address", url + "?token=" + args[2], null, args[1]);
    call("wrong", url, "a-token-that-is-not-known", args[1]);
    call("none", url, null, args[1]);
  }

  private static void call(String how, String url, String password, String stream) throws MalformedURLException {
    HessianProxyFactory factory = new HessianProxyFactory();
    if (password != null) {
      factory.setUser("any");
      factory.setPassword(password);
    }
    Publisher publisher = (Publisher) factory.create(Publisher.class, url);
    try {
      System.out.println(how + " " + publisher.publish(stream, new AddString(how)).get("position"));
    } catch (HessianConnectionException refused) {
      System.out.println(how + " refused, " + (refused.getMessage().startsWith("401:") ? "401" : refused));
    }
  }
}
