package dev.waterdog.waterdogpe.utils.types;

import dev.waterdog.waterdogpe.Stub;

/** A stub of a text that the proxy translates. */
public class TranslationContainer extends TextContainer {
  public TranslationContainer(String message) {
    super(message);
  }

  public String getTranslated() {
    throw new Stub();
  }
}
