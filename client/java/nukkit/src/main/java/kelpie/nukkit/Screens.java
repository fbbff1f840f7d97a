package kelpie.nukkit;

import cn.nukkit.Player;
import kelpie.v1.Display;
import kelpie.v1.Title;

/** Messages on the screens of players. */
final class Screens {
  private static final int MS_OF_A_TICK = 50;

  /** The times of the game, in ticks. */
  private static final int FADE_IN = 10;

  private static final int STAY = 70;
  private static final int FADE_OUT = 20;

  private Screens() {}

  static void show(Player player, Display display) {
    switch (display.getFormCase()) {
      case CHAT -> player.sendMessage(display.getChat());
      case TITLE -> title(player, display.getTitle());
      case ACTION_BAR -> player.sendActionBar(display.getActionBar());
      case TIP -> player.sendTip(display.getTip());
      case POPUP -> player.sendPopup(display.getPopup());
      // This version of the game has no toasts of servers.
      case TOAST -> player.sendPopup(display.getToast().getTitle() + "\n" + display.getToast().getMessage());
      case FORM_NOT_SET -> throw new IllegalArgumentException("this server does not have this form of a message");
    }
  }

  private static void title(Player player, Title title) {
    // Without a large line the game shows no small one.
    String large = title.getTitle().isEmpty() ? " " : title.getTitle();
    int fadeIn = title.hasFadeIn() ? ticks(title.getFadeIn().getSeconds(), title.getFadeIn().getNanos()) : FADE_IN;
    int stay = title.hasStay() ? ticks(title.getStay().getSeconds(), title.getStay().getNanos()) : STAY;
    int fadeOut = title.hasFadeOut() ? ticks(title.getFadeOut().getSeconds(), title.getFadeOut().getNanos()) : FADE_OUT;
    player.sendTitle(large, title.getSubtitle(), fadeIn, stay, fadeOut);
  }

  private static int ticks(long seconds, int nanos) {
    return (int) Math.min(Integer.MAX_VALUE, (seconds * 1000 + nanos / 1_000_000) / MS_OF_A_TICK);
  }
}
