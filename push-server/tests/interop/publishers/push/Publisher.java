package push;

import java.util.List;
import java.util.Map;

/** What `POST /hessian` answers. */
public interface Publisher {
  Map<String, Object> publish(String stream, Object value);

  Map<String, Object> publishAll(String stream, List<?> values);

  boolean send(String stream, String client, Object value);

  Map<String, Object> publishOnce(String stream, Object value, String key);

  Map<String, Object> publishAllOnce(String stream, List<?> values, String key);

  boolean sendOnce(String stream, String client, Object value, String key);
}
