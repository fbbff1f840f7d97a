package kelpie.client;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import kelpie.v1.Gap;
import kelpie.v1.Welcome;

/** One event in the life of a client. */
public sealed interface Status {
  /** An attempt begins. {@code attempt} counts from 0 after a healthy stream. */
  record Connecting(String endpoint, int attempt) implements Status {}

  /** The session is open. */
  record Connected(String endpoint, Welcome welcome) implements Status {}

  /**
   * The stream is gone, or an attempt failed. The client makes the next attempt after {@code retryIn}. Without an error
   * the coordinator ended the stream in order.
   */
  record Disconnected(Optional<KelpieException> error, Duration retryIn) implements Status {}

  /**
   * Events were lost. Load again all data that your program derives from them. If the gap has topics, only events that
   * match one of its patterns were lost.
   */
  record Lost(Gap gap) implements Status {}

  /** The coordinator is about to stop; the client moves on. */
  record Draining() implements Status {}

  /** The credential of the node ends soon, and its session then: reported from 7 days before, at each connect and daily. */
  record CredentialExpiring(Duration expiresIn) implements Status {}

  /** The coordinator refused a request of the client, and did not carry it out. */
  record Refused(KelpieException error) implements Status {}

  /**
   * A handler threw or took too long; its event counts as processed. {@code pattern} names its subscription, or the
   * function of the options: {@code load}, {@code onEvicted} or {@code latencies}.
   */
  record HandlerFailed(String pattern, Throwable error) implements Status {}

  /** The client could not read or write one of its files. */
  record FileFailed(Path path, Throwable error) implements Status {}

  /** The listener was too slow, and missed this number of statuses. */
  record Skipped(int count) implements Status {}

  /** The end, with the error if there was one. */
  record Closed(Optional<KelpieException> error) implements Status {}
}
