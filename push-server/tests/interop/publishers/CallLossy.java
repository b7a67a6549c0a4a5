import com.caucho.hessian.client.HessianProxyFactory;
import example.AddString;
import push.Publisher;

/**
 * Publishes a line with a key, and one without, over a way on which answers are lost. Java's HttpURLConnection sends a POST that was not
 * answered again by itself (`sun.net.http.retryPost`), so neither call fails.
 *
 *   CallLossy http://HOST:PORT STREAM
 */
public final class CallLossy {
  private CallLossy() {}

  public static void main(String[] args) throws Exception {
    HessianProxyFactory factory = new HessianProxyFactory();
    factory.setHessian2Request(true);
    Publisher publisher = (Publisher) factory.create(Publisher.class, args[0] + "/hessian");
    System.out.println(publisher.publishOnce(args[1], new AddString("with a key"), "k").get("position"));
    System.out.println(publisher.publish(args[1], new AddString("without")).get("position"));
  }
}
