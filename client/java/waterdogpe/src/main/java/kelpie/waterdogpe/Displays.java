package kelpie.waterdogpe;

import dev.waterdog.waterdogpe.player.ProxiedPlayer;
import java.util.ArrayList;
import java.util.List;
import kelpie.client.PlayerFailure;
import kelpie.v1.Display;
import kelpie.v1.KickPlayersCommand;
import kelpie.v1.PlayerRef;
import kelpie.v1.ShowMessageCommand;
import kelpie.v1.Title;

/** Shows messages to players, and kicks them, for the network. */
final class Displays {
  /** The proxy's own times of a title, in ticks. */
  private static final int FADE_IN = 20;

  private static final int STAY = 20;
  private static final int FADE_OUT = 5;
  /** Older clients have no toasts, and the proxy sends them none. */
  private static final int FIRST_TOAST_PROTOCOL = 527;

  private final Sessions sessions;

  Displays(Sessions sessions) {
    this.sessions = sessions;
  }

  /** Handles kick_players. */
  List<PlayerFailure> kick(KickPlayersCommand asked) {
    List<PlayerFailure> failures = new ArrayList<>();
    for (PlayerRef player : asked.getPlayersList())
      if (!sessions.kick(player.getPlayerId(), asked.getMessage())) failures.add(gone(player));
    return failures;
  }

  /** Handles show_message. */
  List<PlayerFailure> show(ShowMessageCommand asked) {
    List<PlayerFailure> failures = new ArrayList<>();
    for (PlayerRef ref : asked.getPlayersList()) {
      PlayerSession session = sessions.get(ref.getPlayerId());
      if (session == null || !session.player.isConnected()) failures.add(gone(ref));
      else {
        String failure = show(session.player, asked.getDisplay());
        if (failure != null) failures.add(new PlayerFailure(ref.getPlayerId(), failure));
      }
    }
    return failures;
  }

  private static PlayerFailure gone(PlayerRef player) {
    return new PlayerFailure(player.getPlayerId(), "the player is not here any more");
  }

  /** Null if the player sees it; else why not. */
  private static String show(ProxiedPlayer player, Display display) {
    switch (display.getFormCase()) {
      case CHAT -> {
        // The proxy drops it without a word.
        if (display.getChat().isBlank()) return "the proxy shows no empty line of chat";
        player.sendMessage(display.getChat());
      }
      case TITLE -> title(player, display.getTitle());
      // The proxy has no method for the action bar. A tip stands in the same place.
      case ACTION_BAR -> player.sendTip(display.getActionBar());
      case TIP -> player.sendTip(display.getTip());
      case POPUP -> player.sendPopup(display.getPopup(), "");
      case TOAST -> {
        if (player.getProtocol().getProtocol() < FIRST_TOAST_PROTOCOL) return "the player's client has no toasts";
        player.sendToastMessage(display.getToast().getTitle(), display.getToast().getMessage());
      }
      default -> {
        return "this proxy does not know the form of the message";
      }
    }
    return null;
  }

  private static void title(ProxiedPlayer player, Title title) {
    player.sendTitle(
        title.getTitle(),
        title.getSubtitle(),
        title.hasFadeIn() ? ticks(title.getFadeIn().getSeconds(), title.getFadeIn().getNanos()) : FADE_IN,
        title.hasStay() ? ticks(title.getStay().getSeconds(), title.getStay().getNanos()) : STAY,
        title.hasFadeOut() ? ticks(title.getFadeOut().getSeconds(), title.getFadeOut().getNanos()) : FADE_OUT);
  }

  /** A tick is 50 ms. */
  private static int ticks(long seconds, int nanos) {
    return (int) Math.min(Integer.MAX_VALUE, Math.max(0, seconds * 20 + nanos / 50_000_000));
  }
}
