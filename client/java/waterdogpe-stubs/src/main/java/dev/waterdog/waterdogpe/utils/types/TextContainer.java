package dev.waterdog.waterdogpe.utils.types;

/** A stub of a text for players. */
public class TextContainer {
  private final String message;

  public TextContainer(String message) {
    this.message = message;
  }

  public String getMessage() {
    return message;
  }
}
