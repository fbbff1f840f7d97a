package dev.waterdog.waterdogpe;

/** Somebody called a method of a stub. This class is no part of WaterdogPE. */
public final class Stub extends UnsupportedOperationException {
  private static final long serialVersionUID = 1;

  public Stub() {
    super("this is a stub of WaterdogPE's API, to compile and test against; run the plugin in the real proxy");
  }
}
