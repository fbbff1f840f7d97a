package kelpie.nukkit;

import cn.nukkit.event.EventHandler;
import cn.nukkit.event.EventPriority;
import cn.nukkit.event.Listener;
import cn.nukkit.event.player.PlayerChatEvent;
import cn.nukkit.utils.TextFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import kelpie.client.KelpieClient;
import kelpie.client.PublishOptions;
import kelpie.client.ReceivedEvent;

/**
 * The chat with other servers. A line goes out as text, with the attributes {@code player} and {@code server}. Lines of
 * others are shown on the main thread, all that have come in one tick together.
 */
public final class Chat implements Listener {
  /** While more lines than this wait for the main thread, the next event waits too. */
  private static final int MOST_WAITING = 256;

  private static final int LONGEST = 512;

  private final KelpiePlugin plugin;
  private final MainThread mainThread;
  private final KelpieClient client;
  private final String topic;
  private final String format;
  private final RareWarning refusals;
  private final List<String> waiting = new ArrayList<>();
  /** Completes when the lines that wait have been shown; null: none wait. */
  private CompletableFuture<Void> showing;

  Chat(KelpiePlugin plugin, MainThread mainThread, String topic, String format) {
    this.plugin = plugin;
    this.mainThread = mainThread;
    this.client = plugin.client();
    this.topic = topic;
    this.format = format;
    refusals = new RareWarning(plugin.getLogger()::warning, System::nanoTime);
  }

  void start() {
    client.subscribeAsync(topic, this::receive);
    plugin.getServer().getPluginManager().registerEvents(this, plugin);
  }

  /** A player of this server said something. */
  @EventHandler(priority = EventPriority.MONITOR, ignoreCancelled = true)
  public void onChat(PlayerChatEvent event) {
    Map<String, String> attributes = Map.of("player", event.getPlayer().getName(), "server", client.name());
    client
        .publish(topic, cut(event.getMessage()), PublishOptions.ofType("chat").withAttributes(attributes))
        .exceptionally(
            error -> {
              refusals.warn("a line of chat did not go out: " + KelpieClient.errorOf(error).getMessage());
              return null;
            });
  }

  private synchronized CompletionStage<?> receive(ReceivedEvent event) {
    if (event.source().equals(client.name())) return null;
    String text = event.content().flatMap(content -> content.asText()).orElse("");
    if (text.isEmpty()) return null;
    waiting.add(lineOf(format, event.attributes().getOrDefault("player", "?"), event.source(), text));
    if (showing == null) showing = mainThread.call(this::show);
    return waiting.size() >= MOST_WAITING ? showing : null;
  }

  /** The line that players see. A line without a server comes from an operator. */
  static String lineOf(String format, String player, String server, String text) {
    return format
        .replace("{player}", plain(player))
        .replace("{server}", server.isEmpty() ? "kelpie" : server)
        .replace("{text}", plain(text));
  }

  /** One line without colours: a client of another server may have written it. */
  private static String plain(String text) {
    return TextFormat.clean(cut(text)).replaceAll("\\p{Cntrl}", " ");
  }

  /** Never cuts a character in two. */
  static String cut(String text) {
    if (text.codePointCount(0, text.length()) <= LONGEST) return text;
    return text.substring(0, text.offsetByCodePoints(0, LONGEST));
  }

  private Void show() {
    List<String> lines;
    synchronized (this) {
      lines = List.copyOf(waiting);
      waiting.clear();
      showing = null;
    }
    lines.forEach(plugin.getServer()::broadcastMessage);
    return null;
  }
}
