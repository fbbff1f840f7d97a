package kelpie.client;

import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;

/** How players are moved. It never changes. */
public final class TransferOptions {
  /** No context, 30 s for each transfer, and each transfer holds a slot itself. */
  public static final TransferOptions DEFAULT = new TransferOptions(ByteString.EMPTY, Duration.ofSeconds(30), "");

  private static final int CONTEXT_BYTES = 16 * 1024;
  private static final Duration LONGEST = Duration.ofMinutes(5);

  final ByteString context;
  final Duration timeout;
  final String reservationId;

  private TransferOptions(ByteString context, Duration timeout, String reservationId) {
    this.context = context;
    this.timeout = timeout;
    this.reservationId = reservationId;
  }

  /**
   * For the programs of the target: text, JSON among it, at most 16 KiB in UTF-8. The target gets it in
   * {@code prepare_arrival}, and another proxy in the ticket of the login. Throws VALUE_INVALID or PAYLOAD_TOO_LARGE.
   */
  public TransferOptions context(String text) {
    return context(Texts.wellFormed("context", text).getBytes(StandardCharsets.UTF_8));
  }

  /** The same for bytes. */
  public TransferOptions context(byte[] bytes) {
    if (bytes.length > CONTEXT_BYTES) {
      String message = "the context has " + bytes.length + " bytes; the limit is " + CONTEXT_BYTES;
      throw Errors.permanent(Reason.PAYLOAD_TOO_LARGE, message, Map.of("limit", String.valueOf(CONTEXT_BYTES)));
    }
    return new TransferOptions(ByteString.copyFrom(bytes), timeout, reservationId);
  }

  /** How long each transfer may take: above 0, at most 5 min. Throws DEADLINE_INVALID. */
  public TransferOptions timeout(Duration time) {
    if (time.isNegative() || time.isZero() || time.compareTo(LONGEST) > 0) {
      String message = "the timeout is " + time + "; it must be above 0 and at most " + LONGEST;
      throw Errors.permanent(Reason.DEADLINE_INVALID, message, Map.of("limit", String.valueOf(LONGEST.toMillis())));
    }
    return new TransferOptions(context, time, reservationId);
  }

  /**
   * Each player uses a slot of this reservation, and holds none of their own. The destination must name its node. The slot
   * is free when the player has arrived, and also when the transfer fails: the reservation does not get it back. Players
   * beyond its slots get SERVER_FULL.
   */
  public TransferOptions reservation(Reservation reservation) {
    return new TransferOptions(context, timeout, reservation.id());
  }
}
