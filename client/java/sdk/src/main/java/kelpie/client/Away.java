package kelpie.client;

import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import kelpie.v1.NetworkSettings;
import kelpie.v1.Player;
import kelpie.v1.PlayerDenialReason;

/** The rule for a login that no coordinator decides. */
final class Away {
  /** The text of a coordinator, where the operator set none. */
  private static final String MAINTENANCE = "The network is in maintenance. Try again later.";

  private static final String UNREACHABLE = "The network cannot be reached right now. Try again soon.";

  private final boolean open;
  private final Supplier<NetworkSettings> settings;
  /** The settings that the set of allowed players was made of. */
  private NetworkSettings known;
  private Set<String> allowed = Set.of();

  /** {@code settings}: those of the roster, which are the newest that the client has. */
  Away(boolean open, Supplier<NetworkSettings> settings) {
    this.open = open;
    this.settings = settings;
  }

  /** {@code isIn}: the player is on this proxy already, and stays in the network. */
  synchronized Acquired decide(Player player, boolean isIn) {
    NetworkSettings now = settings.get();
    if (now.getMaintenance() && !isIn && !isAllowed(player, now)) {
      String message = now.getMaintenanceMessage();
      String text = message.isEmpty() ? MAINTENANCE : message;
      return new Acquired.Denied(text, PlayerDenialReason.PLAYER_DENIAL_REASON_MAINTENANCE, "");
    }
    if (open) return new Acquired.Granted(0, Optional.empty());
    return new Acquired.Denied(UNREACHABLE, PlayerDenialReason.PLAYER_DENIAL_REASON_UNSPECIFIED, "");
  }

  private boolean isAllowed(Player player, NetworkSettings now) {
    if (known != now) {
      known = now;
      allowed = now.getAllowedPlayersList().stream().map(RosterPlayers::folded).collect(Collectors.toSet());
    }
    return Stream.of(player.getId(), player.getUuid(), player.getName())
        .map(RosterPlayers::folded)
        .anyMatch(allowed::contains);
  }
}
