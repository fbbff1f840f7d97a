package kelpie.client;

/** The version of this library. A test compares it with that of the build. */
final class Version {
  static final String TEXT = "0.1.0";

  private Version() {}
}
