package kelpie.client;

import java.util.Optional;
import kelpie.v1.PlayerDenialReason;
import kelpie.v1.TransferTicket;

/** The result of a login. */
public sealed interface Acquired {
  /**
   * Let the player in.
   *
   * @param generation the generation of the grant. 0: no coordinator has decided; if one later decides against the
   *     player, the client calls {@code onEvicted}
   * @param ticket set if a transfer brought the player to this proxy: its goal. A login gets it once
   */
  record Granted(long generation, Optional<TransferTicket> ticket) implements Acquired {}

  /**
   * Refuse the player and show them the text.
   *
   * @param text the text
   * @param reason ONLINE: another login holds the player. MAINTENANCE: the player is not among the allowed ones.
   *     UNSPECIFIED: the login was cancelled, or no coordinator decided
   * @param proxy the node that has the player; empty if none has
   */
  record Denied(String text, PlayerDenialReason reason, String proxy) implements Acquired {}
}
