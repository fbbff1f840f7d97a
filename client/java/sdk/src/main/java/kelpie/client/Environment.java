package kelpie.client;

/** The variables of the process. */
final class Environment {
  private Environment() {}

  /** The value that the program gave, else that of the variable. An empty variable counts as not set: null. */
  static String or(String given, String variable) {
    if (given != null) return given;
    String value = System.getenv(variable);
    return value == null || value.isBlank() ? null : value.trim();
  }
}
