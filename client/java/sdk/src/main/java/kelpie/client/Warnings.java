package kelpie.client;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Warnings for a developer who does not listen to statuses. Without them, a client that reaches no coordinator, or whose
 * handlers throw, would look like a client without work. One thread at a time.
 */
final class Warnings {
  /** The time between two warnings of one kind. The next warning has the number of those that were left out. */
  private static final long INTERVAL_MS = 60_000;

  /** The most code points of a warning. */
  private static final int MOST_LENGTH = 1024;

  private static final Set<Reason> CREDENTIAL_ENDED =
      Set.of(Reason.CREDENTIAL_INVALID, Reason.CREDENTIAL_EXPIRED, Reason.CREDENTIAL_REVOKED);

  private static final class Kind {
    long reportedMs;
    int leftOut;
  }

  private final String node;
  private final Consumer<String> logger;
  private final Loop loop;
  private final Map<String, Kind> kinds = new HashMap<>();
  private String endpoint = "";
  /** Whether the last stream had a session. */
  private boolean connected;

  Warnings(String node, Consumer<String> logger, Loop loop) {
    this.node = node;
    this.logger = logger == null ? Warnings::log : logger;
    this.loop = loop;
  }

  private static void log(String message) {
    System.getLogger("kelpie").log(System.Logger.Level.WARNING, message);
  }

  /** Takes a status. {@code unread}: no listener gets it. */
  void take(Status status, boolean unread) {
    String message = messageOf(status);
    if (message != null && unread) warn(kindOf(status), message);
  }

  private String messageOf(Status status) {
    if (status instanceof Status.Connecting one) endpoint = one.endpoint();
    if (status instanceof Status.Connected) connected = true;
    if (status instanceof Status.Disconnected one) return disconnected(one.error().orElse(null));
    if (status instanceof Status.HandlerFailed one)
      return "the handler of \"" + one.pattern() + "\" failed: " + Errors.messageOf(one.error());
    if (status instanceof Status.Refused one)
      return "the coordinator refused a request and did not carry it out: " + one.error().getMessage();
    if (status instanceof Status.FileFailed one)
      return "the file " + one.path() + " cannot be read or written: " + Errors.messageOf(one.error());
    if (status instanceof Status.CredentialExpiring one)
      return "the credential of the node expires in "
          + one.expiresIn()
          + ", and its session ends then; an operator makes a new token with kelpie token rotate";
    if (status instanceof Status.Lost)
      return "events were lost and reach no handler; load again all data that the program derives from them";
    if (status instanceof Status.Closed one && one.error().isPresent())
      return "the client ended and does not connect again: " + one.error().get().getMessage();
    return null;
  }

  /**
   * A broken session needs no warning, since the client connects again: unless its token is not good any more. A failed
   * attempt may come from a mistake.
   */
  private String disconnected(KelpieException error) {
    boolean broke = connected;
    connected = false;
    if (broke && error != null && CREDENTIAL_ENDED.contains(error.reason()))
      return "the coordinator at "
          + endpoint
          + " ended the session: "
          + error.getMessage()
          + "; the client keeps trying";
    if (broke) return null;
    String why = error == null ? "" : ": " + error.getMessage();
    return "no coordinator accepts the node at " + endpoint + why + "; the client keeps trying";
  }

  /** A handler fails often for one cause, so the handlers are told apart. */
  private static String kindOf(Status status) {
    String kind = status.getClass().getSimpleName();
    return status instanceof Status.HandlerFailed one ? kind + " " + one.pattern() : kind;
  }

  private void warn(String name, String message) {
    long nowMs = loop.nowMs();
    Kind kind = kinds.get(name);
    if (kind != null && nowMs - kind.reportedMs < INTERVAL_MS) {
      kind.leftOut += 1;
      return;
    }
    String more = kind == null || kind.leftOut == 0 ? "" : " (and " + kind.leftOut + " more like it)";
    Kind fresh = new Kind();
    fresh.reportedMs = nowMs;
    kinds.put(name, fresh);
    String line = Texts.cut(Texts.printable("kelpie " + node + ": " + message + more), MOST_LENGTH);
    try {
      logger.accept(line);
    } catch (RuntimeException failed) {
      // The client goes on without a logger that fails.
      log(line);
    }
  }
}
