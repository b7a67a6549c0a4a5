import com.caucho.hessian.client.HessianConnectionException;
import com.caucho.hessian.client.HessianProxyFactory;
import com.caucho.hessian.client.HessianRuntimeException;
import example.Headline;
import java.io.IOException;
import java.lang.reflect.UndeclaredThrowableException;
import java.net.MalformedURLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.UUID;
import push.Publisher;

/**
 * Publishes headlines with Caucho's HessianProxyFactory: those of the command line, or one of its own every two seconds.
 *
 *   examples/java/run PublishNews http://127.0.0.1:8080/hessian ["Something has happened" ...]
 */
public final class PublishNews {
  private static final String STREAM = "news";
  private static final int TRIES = 10;
  private static final long PACE = 2_000;

  private static final String[][] NEWS = {
    {"The night train to the coast runs again", "Lisbon", "railways"},
    {"A comet is seen with the naked eye, for the second week", "Reykjavik", "astronomy"},
    {"The old lighthouse has a new keeper", "Brest", "people", "the sea"},
    {"Bees have moved into the town hall", "Ghent", "animals"},
    {"The choir sings <b>Ave maris stella</b> & more, and no page runs it", "Chartres", "music"},
    {"Lake frozen from shore to shore: Παμβώτιδα", "Ioannina", "weather"},
    {"Library lends out its hundred-thousandth umbrella", "Bergen", "weather", "people"},
    {"First apricots at the market", "Yerevan", "fruit"},
  };

  private PublishNews() {}

  public static void main(String[] args) {
    if (args.length == 0) {
      System.err.println("usage: PublishNews URL [TITLE...]");
      System.exit(2);
    }
    try {
      run(publisher(args[0]), Arrays.asList(args).subList(1, args.length));
    } catch (Exception problem) {
      // The server's own, such as java.util.NoSuchElementException for a stream that is not there; what became of the connection; a URL that is none.
      System.err.println("PublishNews: " + cause(problem));
      System.exit(1);
    }
  }

  private static Publisher publisher(String url) throws MalformedURLException {
    HessianProxyFactory factory = new HessianProxyFactory();
    // Objects as objects; in Hessian 1, the default, they are maps with the name of their class.
    factory.setHessian2Request(true);
    factory.setConnectTimeout(5_000);
    factory.setReadTimeout(15_000);
    return (Publisher) factory.create(Publisher.class, url);
  }

  private static void run(Publisher publisher, List<String> titles) throws InterruptedException {
    for (String title : titles) publish(publisher, new Headline(title, "the command line", new Date(), new ArrayList<>()));
    for (int i = 0; titles.isEmpty(); i++) {
      String[] news = NEWS[i % NEWS.length];
      // Not List.of: its elements are lost in Caucho's library.
      List<String> topics = new ArrayList<>(Arrays.asList(news).subList(2, news.length));
      publish(publisher, new Headline(news[0], news[1], new Date(), topics));
      Thread.sleep(PACE);
    }
  }

  /** Once, whatever happens on the way: a call that was not answered is made again with the same key. */
  private static void publish(Publisher publisher, Headline headline) throws InterruptedException {
    String key = UUID.randomUUID().toString();
    for (int tries = 1; ; tries++) {
      try {
        System.out.println(publisher.publishOnce(STREAM, headline, key));
        return;
      } catch (RuntimeException problem) {
        if (tries == TRIES || !passes(problem)) throw problem;
        System.err.println("not answered (" + cause(problem).getMessage() + "); again in " + tries + " s");
        Thread.sleep(1_000L * tries);
      }
    }
  }

  /** Whether it may be better the next time: no connection, half an answer, too often (429), full or ending (503). What the server throws is not. */
  private static boolean passes(RuntimeException problem) {
    // Begins with the status; the library says 500 where there was no answer.
    if (problem instanceof HessianConnectionException) return problem.getMessage().matches("(?s)(429|5..):.*");
    return problem instanceof HessianRuntimeException || cause(problem) instanceof IOException;
  }

  /** The library throws IOException as it is, which no method of the interface declares. */
  private static Throwable cause(Exception problem) {
    return problem instanceof UndeclaredThrowableException ? problem.getCause() : problem;
  }
}
