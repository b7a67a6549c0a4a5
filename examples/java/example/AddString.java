package example;

import java.io.Serializable;

/** The tutorial's message: one line of text. */
public class AddString implements Serializable {
  private static final long serialVersionUID = 1;

  private String value;

  public AddString() {}

  public AddString(String value) { this.value = value; }

  public String getValue() { return value; }
}
