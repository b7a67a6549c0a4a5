package example;

import java.io.Serializable;
import java.util.Date;
import java.util.List;

/** News of somewhere. The server does not know this class. */
public class Headline implements Serializable {
  private static final long serialVersionUID = 1;

  private String title;
  private String place;
  private Date at;
  private List<String> topics;

  public Headline() {}

  public Headline(String title, String place, Date at, List<String> topics) {
    this.title = title;
    this.place = place;
    this.at = at;
    this.topics = topics;
  }
}
