package push;

import java.util.List;
import java.util.Map;

/** What `POST /hessian` of a push-server answers; a program declares those that it calls. */
public interface Publisher {
  /** Publishes `value` to `stream`. Answers where it stands, and to how many it went: {position=ab:7, receivers=3}. */
  Map<String, Object> publish(String stream, Object value);

  /** The same, once for each `key`, however often it is called. */
  Map<String, Object> publishOnce(String stream, Object value, String key);

  /** All or none. */
  Map<String, Object> publishAll(String stream, List<?> values);
}
