package calls;

import com.caucho.hessian.client.HessianProxyFactory;
import com.caucho.hessian.io.HessianServiceException;
import com.caucho.hessian.test.TestHessian2;
import com.sun.net.httpserver.HttpServer;
import java.io.FileNotFoundException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.Date;
import java.util.List;

/**
 * The library's own client against a service at a URL: `Client test URL | overloads URL | troubles URL | introspect URL | files URL`. Each check is a line when it
 * fails; the last line is `N passed, N failed`.
 */
public final class Client {
  private static int passed;
  private static int failed;

  private Client() {}

  public static void main(String[] args) throws Exception {
    java.util.logging.LogManager.getLogManager().reset();
    switch (args[0]) {
      case "test": test(args[1]); break;
      case "overloads": overloads(args[1]); break;
      case "troubles": troubles(args[1]); break;
      case "introspect": introspect(args[1]); break;
      case "files": files(args[1], Long.parseLong(args[2])); break;
      default: throw new IllegalArgumentException(args[0]);
    }
    System.out.println(passed + " passed, " + failed + " failed");
    System.exit(0); // connections that are kept alive would keep the process
  }

  /** The four ways in which Java's clients call. */
  private enum Way {
    TWO("Hessian 2") {
      @Override <T> T at(Class<T> api, String url) throws Exception {
        HessianProxyFactory factory = new HessianProxyFactory();
        factory.setHessian2Request(true);
        return api.cast(factory.create(api, url));
      }
    },
    MIXED("Hessian 1, reply in 2 (the default)") {
      @Override <T> T at(Class<T> api, String url) throws Exception {
        return api.cast(new HessianProxyFactory().create(api, url));
      }
    },
    ONE("Hessian 1") {
      @Override <T> T at(Class<T> api, String url) throws Exception {
        return api.cast(Proxy.newProxyInstance(api.getClassLoader(), new Class<?>[] { api }, new PlainOne(url)));
      }
    },
    ONE_BY_PROXY("Hessian 1 by the proxy, which reads replies as Hessian 2") {
      @Override <T> T at(Class<T> api, String url) throws Exception {
        HessianProxyFactory factory = new HessianProxyFactory();
        factory.setHessian2Reply(false);
        return api.cast(factory.create(api, url));
      }
    };

    final String text;

    Way(String text) { this.text = text; }

    abstract <T> T at(Class<T> api, String url) throws Exception;
  }

  /**
   * Every method of the test service, each way: what it answers must be what Java's own service answers to the same client; and, but for the way in which
   * Java's client cannot read the replies, what that service answers in process.
   */
  private static void test(String url) throws Exception {
    HttpServer reference = Server.start();
    String java = "http://127.0.0.1:" + reference.getAddress().getPort() + "/test";
    Method[] methods = TestHessian2.class.getMethods();
    Arrays.sort(methods, Comparator.comparing(Method::getName));
    for (Way way : Way.values()) {
      TestHessian2 theirs = way.at(TestHessian2.class, url);
      TestHessian2 javas = way.at(TestHessian2.class, java);
      int before = passed, unlike = 0;
      for (Method method : methods) {
        String answer = outcome(method, theirs);
        String wanted = Describe.of(TestValues.answer(method));
        String usual = outcome(method, javas);
        if (!usual.equals(wanted)) unlike++;
        check(way.text + ": " + method.getName(), answer.equals(usual), "answered " + answer + ", Java's service " + usual);
        if (way != Way.ONE_BY_PROXY) check(way.text + ": " + method.getName() + " of Java", usual.equals(wanted) || way == Way.ONE, usual + ", in process " + wanted);
      }
      System.out.println(way.text + ": " + methods.length + " methods, " + (passed - before) + " checks passed; from Java's own service "
          + unlike + " came otherwise than in process");
    }
    reference.stop(0);
  }

  /** What a call comes to, as text. */
  private static String outcome(Method method, Object service) throws Exception {
    try {
      return Describe.of(method.invoke(service, TestValues.arguments(method)));
    } catch (InvocationTargetException thrown) {
      return "threw " + Describe.thrown(thrown.getCause());
    }
  }

  private static void overloads(String url) throws Exception {
    Overloads wanted = new Overloads.Service();
    for (boolean two : new boolean[] { true, false }) {
      HessianProxyFactory factory = new HessianProxyFactory();
      factory.setOverloadEnabled(true);
      factory.setHessian2Request(two);
      Overloads it = (Overloads) factory.create(Overloads.class, url);
      for (Method method : Overloads.class.getMethods()) {
        Object[] arguments = new Object[method.getParameterCount()];
        for (int i = 0; i < arguments.length; i++) arguments[i] = sample(method.getParameterTypes()[i], i);
        same(method + (two ? " in 2" : " in 1"), method.invoke(wanted, arguments), () -> method.invoke(it, arguments));
      }
    }
    // By the number of arguments alone: calls in Hessian 2 tell it.
    HessianProxyFactory factory = new HessianProxyFactory();
    factory.setHessian2Request(true);
    Overloads it = (Overloads) factory.create(Overloads.class, url);
    same("tell(), not mangled", "nothing", it::tell);
  }

  private static Object sample(Class<?> type, int place) {
    if (type == int.class) return 40 + place;
    if (type == long.class) return 1L << 40;
    if (type == double.class) return 2.5;
    if (type == boolean.class) return true;
    if (type == String.class) return "ein Wörtchen " + place;
    if (type == Date.class) return new Date(894621091000L);
    if (type == byte[].class) return new byte[100];
    if (type == int[].class) return new int[] { 1, 2, 3 };
    if (type == String[].class) return new String[] { "a", "b" };
    if (type == List.class) return new ArrayList<>(Arrays.asList(1, "two", 3.0));
    if (type == java.util.Map.class) return new java.util.HashMap<>(Collections.singletonMap("a", 1));
    if (type == Overloads.Item.class) return new Overloads.Item(7, "seven");
    throw new IllegalArgumentException(type.toString());
  }

  private static void troubles(String url) throws Exception {
    for (Way way : new Way[] { Way.TWO, Way.MIXED, Way.ONE }) {
      Troubles it = way.at(Troubles.class, url);
      String how = " in " + way.text;
      throwing("state" + how, IllegalStateException.class, "the valve is shut", () -> it.state("the valve is shut"));
      throwing("argument" + how, IllegalArgumentException.class, "-1 < 0 & \"wrong\"", () -> it.argument("-1 < 0 & \"wrong\""));
      throwing("file" + how, FileNotFoundException.class, "/no/such", () -> it.file("/no/such"));
      Throwable account = throwing("account" + how, Troubles.AccountException.class, "account 12 lacks 1.5", () -> it.account(12, 1.5));
      if (account instanceof Troubles.AccountException) {
        Troubles.AccountException own = (Troubles.AccountException) account;
        check("its fields" + how, own.number == 12 && own.lacking == 1.5, own.number + ", " + own.lacking);
        check("it has no cause" + how, own.getCause() == null, String.valueOf(own.getCause()));
      }
      Throwable chain = throwing("chain" + how, RuntimeException.class, "outermost", () -> it.chain("outermost"));
      if (chain != null) {
        check("the causes" + how, Describe.thrown(chain).equals("java.lang.RuntimeException: outermost <- "
            + "calls.Troubles$AccountException: account 7 lacks 0.5 <- java.io.IOException: the ledger is closed"), Describe.thrown(chain));
        check("a stack trace" + how, chain.getStackTrace().length > 0, "none");
      }
      // The class is nobody's: the library hands its own exception over.
      throwing("unknown" + how, HessianServiceException.class, "what is this?", () -> it.unknown("what is this?"));
      same("and then a call that is well" + how, 5, () -> it.nothing(5));
    }
    // A method that the service does not have.
    More more = Way.TWO.at(More.class, url);
    Throwable missing = null;
    try {
      more.noSuchMethod(1);
    } catch (RuntimeException problem) {
      missing = problem;
    }
    boolean told = missing != null && Describe.thrown(missing).contains("HessianServiceException") && Describe.thrown(missing).contains("noSuchMethod");
    check("no such method", told, missing == null ? "threw nothing" : Describe.thrown(missing));
  }

  /** A method too many. */
  public interface More {
    int noSuchMethod(int value);
  }

  /** No class given: the proxy asks the service for the name of its interface. */
  private static void introspect(String url) throws Exception {
    Object service = new HessianProxyFactory().create(url);
    check("it is the interface", service instanceof TestHessian2, String.valueOf(service.getClass()));
    if (service instanceof TestHessian2) same("a call through it", 2147483647, ((TestHessian2) service)::replyInt_0x7fffffff);
  }

  /** Large content both ways. */
  private static void files(String url, long length) throws Exception {
    for (Way way : new Way[] { Way.TWO, Way.MIXED, Way.ONE }) {
      Files files = way.at(Files.class, url);
      Files.Whole whole = way.at(Files.Whole.class, url);
      String how = " in " + way.text;
      String wanted = new Files.Service().upload(new Files.Content(length));
      same("upload of " + length + how, wanted, () -> files.upload(new Files.Content(length)));
      byte[] some = new Files.Content(length).readAllBytes();
      same("echo of " + length + how, Describe.of(some), () -> Describe.of(files.echo(some)));
      same("download of " + length + how, Describe.of(some), () -> Describe.of(whole.download(length)));
    }
  }

  // ---- checks ----

  private interface Call<T> {
    T call() throws Exception;
  }

  private interface Action {
    void run() throws Exception;
  }

  private static void check(String name, boolean holds, String otherwise) {
    if (holds) {
      passed++;
    } else {
      failed++;
      System.out.println("FAILED " + name + ": " + otherwise);
    }
  }

  private static <T> void same(String name, T wanted, Call<T> call) {
    try {
      T found = call.call();
      check(name, wanted.equals(found), "wanted " + wanted + ", not " + found);
    } catch (Exception problem) {
      Throwable thrown = problem instanceof InvocationTargetException ? problem.getCause() : problem;
      check(name, false, "wanted " + wanted + ", threw " + Describe.thrown(thrown));
    }
  }

  private static Throwable throwing(String name, Class<? extends Throwable> wanted, String message, Action action) {
    try {
      action.run();
      check(name, false, "threw nothing");
      return null;
    } catch (Throwable thrown) {
      check(name, thrown.getClass() == wanted && message.equals(thrown.getMessage()), "threw " + Describe.thrown(thrown));
      return thrown;
    }
  }
}
