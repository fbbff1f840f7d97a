package kelpie.nukkit;

import cn.nukkit.Server;
import cn.nukkit.command.ConsoleCommandSender;
import cn.nukkit.event.server.RemoteServerCommandEvent;
import cn.nukkit.lang.TextContainer;
import cn.nukkit.utils.TextFormat;
import java.util.ArrayList;
import java.util.List;
import kelpie.client.CommandType;
import kelpie.v1.ConsoleOutput;

/** Runs lines of the network on the console of this server, and collects what they print. */
final class ConsoleCommands {
  /** The contract carries at most this many lines, and the client at most 256 KiB of a reply. */
  private static final int MOST_LINES = 10_000;

  private static final int MOST_CHARACTERS = 50_000;

  private ConsoleCommands() {}

  static void handle(KelpiePlugin plugin, MainThread mainThread) {
    plugin
        .client()
        .handleAsync(
            CommandType.RUN_CONSOLE_COMMAND,
            (request, context) -> mainThread.call(() -> run(plugin.getServer(), request.getLine())));
  }

  private static ConsoleOutput run(Server server, String line) {
    Collector collector = new Collector();
    RemoteServerCommandEvent event = new RemoteServerCommandEvent(collector, line);
    server.getPluginManager().callEvent(event);
    if (event.isCancelled()) throw new IllegalStateException("a plugin of the server does not allow this line");
    boolean known = server.dispatchCommand(collector, event.getCommand());
    return ConsoleOutput.newBuilder().setSuccess(known).addAllLines(collector.lines).build();
  }

  /** A console of its own. A command that answers later, from a task, does not reach it. */
  private static final class Collector extends ConsoleCommandSender {
    private final List<String> lines = new ArrayList<>();
    private int characters;

    @Override
    public String getName() {
      return "Kelpie";
    }

    @Override
    public void sendMessage(String message) {
      String text = TextFormat.clean(getServer().getLanguage().translateString(message));
      for (String line : text.split("\n", -1)) add(line);
    }

    @Override
    public void sendMessage(TextContainer message) {
      sendMessage(getServer().getLanguage().translate(message));
    }

    private void add(String line) {
      if (lines.size() >= MOST_LINES || characters > MOST_CHARACTERS) return;
      characters += line.length();
      boolean last = lines.size() == MOST_LINES - 1 || characters > MOST_CHARACTERS;
      lines.add(last ? "(the output is longer)" : line);
    }
  }
}
