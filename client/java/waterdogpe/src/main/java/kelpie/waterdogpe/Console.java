package kelpie.waterdogpe;

import dev.waterdog.waterdogpe.ProxyServer;
import dev.waterdog.waterdogpe.command.ConsoleCommandSender;
import dev.waterdog.waterdogpe.utils.types.TextContainer;
import dev.waterdog.waterdogpe.utils.types.TranslationContainer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import kelpie.v1.ConsoleOutput;
import kelpie.v1.RunConsoleCommand;

/** Runs lines as on the proxy's console, and collects what they print. */
final class Console {
  /** The most lines of a reply by the contract, and fewer bytes than a reply may have. */
  private static final int LINES = 10_000;

  private static final int CHARS = 60_000;

  private final ProxyServer proxy;
  private final Executor thread;

  /** {@code thread} runs the commands one after the other: a command may take its time. */
  Console(ProxyServer proxy, Executor thread) {
    this.proxy = proxy;
    this.thread = thread;
  }

  /** Handles run_console_command. The reply has the lines that the command printed before it returned. */
  CompletableFuture<ConsoleOutput> handle(RunConsoleCommand asked) {
    return CompletableFuture.supplyAsync(() -> run(asked.getLine().trim()), thread);
  }

  private ConsoleOutput run(String line) {
    Sender sender = new Sender(proxy);
    boolean known = proxy.dispatchCommand(sender, line);
    List<String> lines = sender.close();
    // v2.0.3 prints nothing for a command that it does not have.
    if (!known && lines.isEmpty()) lines = List.of("unknown command: " + line);
    return ConsoleOutput.newBuilder().setSuccess(known).addAllLines(lines).build();
  }

  /** The console of one command. Some commands look whether their sender is the console's class. */
  private static final class Sender extends ConsoleCommandSender {
    private final ProxyServer proxy;
    private final List<String> lines = new ArrayList<>();
    private int chars;
    private boolean closed;

    Sender(ProxyServer proxy) {
      super(proxy);
      this.proxy = proxy;
    }

    @Override
    public String getName() {
      return "Kelpie";
    }

    @Override
    public boolean isPlayer() {
      return false;
    }

    @Override
    public boolean hasPermission(String permission) {
      return true;
    }

    @Override
    public ProxyServer getProxy() {
      return proxy;
    }

    @Override
    public void sendMessage(TextContainer message) {
      sendMessage(
          message instanceof TranslationContainer translated ? translated.getTranslated() : message.getMessage());
    }

    @Override
    public synchronized void sendMessage(String message) {
      for (String line : message.split("\n", -1)) {
        if (closed || lines.size() == LINES || chars + line.length() > CHARS) return;
        lines.add(line);
        chars += line.length();
      }
    }

    /** Later lines have no reader. */
    synchronized List<String> close() {
      closed = true;
      return List.copyOf(lines);
    }
  }
}
