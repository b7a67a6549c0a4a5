package calls;

import com.caucho.hessian.test.TestHessian2;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Map;

/** What the methods of {@link TestHessian2} return and want, and a service that does. */
final class TestValues {
  private static final Map<String, Object> ALL = all();

  private TestValues() {}

  /** The generator of the vectors keeps them, in a class without a package: no name reaches it from here. */
  @SuppressWarnings("unchecked")
  private static Map<String, Object> all() {
    try {
      Object generator = Class.forName("T2").getDeclaredConstructor().newInstance();
      Method all = generator.getClass().getMethod("all");
      all.setAccessible(true);
      return (Map<String, Object>) all.invoke(generator);
    } catch (ReflectiveOperationException problem) {
      throw new IllegalStateException("the class T2 of the vectors' generator is not on the class path", problem);
    }
  }

  /** The value that belongs to a method: `argX` wants what `replyX` returns. */
  static Object of(String method) {
    String name = method.startsWith("arg") ? "reply" + method.substring(3) : method;
    if (!ALL.containsKey(name)) throw new IllegalArgumentException("no value for " + method);
    return ALL.get(name);
  }

  /** What a call of the method needs. */
  static Object[] arguments(Method method) {
    return method.getParameterCount() == 0 ? new Object[0] : new Object[] { of(method.getName()) };
  }

  /** What it answers where all is well. */
  static Object answer(Method method) {
    if (method.getParameterCount() == 1) return true;
    return method.getReturnType() == void.class ? null : of(method.getName());
  }

  static TestHessian2 service() {
    return (TestHessian2) Proxy.newProxyInstance(TestValues.class.getClassLoader(), new Class<?>[] { TestHessian2.class }, (it, method, arguments) -> {
      if (arguments != null && method.getDeclaringClass() == TestHessian2.class) {
        String wanted = Describe.of(of(method.getName()));
        String found = Describe.of(arguments[0]);
        return wanted.equals(found) ? true : "wanted " + wanted + ", not " + found;
      }
      return method.getDeclaringClass() == Object.class ? method.getName() : answer(method);
    });
  }
}
