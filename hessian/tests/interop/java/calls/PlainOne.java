package calls;

import com.caucho.hessian.io.HessianInput;
import com.caucho.hessian.io.HessianOutput;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.net.HttpURLConnection;
import java.net.URL;

/** A client of Hessian 1 both ways, by the library's own reader and writer: its proxy reads such replies with the reader of Hessian 2. */
final class PlainOne implements InvocationHandler {
  private final URL url;

  PlainOne(String url) throws Exception { this.url = new URL(url); }

  @Override public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    HttpURLConnection connection = (HttpURLConnection) url.openConnection();
    connection.setDoOutput(true);
    connection.setRequestProperty("Content-Type", "x-application/hessian");
    try (OutputStream out = connection.getOutputStream()) {
      HessianOutput call = new HessianOutput(out);
      call.call(method.getName(), arguments == null ? new Object[0] : arguments);
      call.flush();
    }
    try (InputStream in = connection.getInputStream()) {
      return new HessianInput(in).readReply(method.getReturnType());
    }
  }
}
