package kelpie.waterdogpe;

import static kelpie.waterdogpe.harness.Network.awaitServer;
import static kelpie.waterdogpe.harness.Network.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.waterdog.waterdogpe.command.ConsoleCommandSender;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import kelpie.client.CommandResult;
import kelpie.client.CommandType;
import kelpie.client.IssueOptions;
import kelpie.client.PlayerFailure;
import kelpie.client.Target;
import kelpie.v1.ConsoleOutput;
import kelpie.v1.Display;
import kelpie.v1.KickPlayersCommand;
import kelpie.v1.Node;
import kelpie.v1.PlayerRef;
import kelpie.v1.PlayerVerified;
import kelpie.v1.RunConsoleCommand;
import kelpie.v1.ShowMessageCommand;
import kelpie.v1.Title;
import kelpie.v1.Toast;
import kelpie.v1.VerifyPlayerCommand;
import kelpie.waterdogpe.harness.HarnessPlayer;
import kelpie.waterdogpe.harness.HarnessProxy;
import kelpie.waterdogpe.harness.Network;
import kelpie.waterdogpe.harness.Version;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The commands of the network to a proxy. */
@Timeout(90)
class CommandsTest {
  private static Network network;

  @BeforeAll
  static void start() throws Exception {
    network = new Network();
    network.server("lobby-1");
  }

  @AfterAll
  static void stop() throws Exception {
    network.close();
  }

  private static <Q, R> CommandResult<R> ask(CommandType<Q, R> type, Q request) throws Exception {
    until(() -> network.roster().node("gate-1").map(Node::getCommandsList).orElseThrow().contains(type.name()));
    return network
        .desk
        .issue(Target.node("gate-1"), type, request, IssueOptions.within(Duration.ofSeconds(10)))
        .results()
        .get(20, TimeUnit.SECONDS)
        .get(0);
  }

  @ParameterizedTest
  @EnumSource
  void aProxyDoesWhatTheNetworkAsks(Version version) throws Exception {
    try (HarnessProxy gate = network.proxy(version, "gate-1")) {
      awaitServer(gate, "lobby-1");
      HarnessPlayer kim = gate.login("Kim", "2535400000000201");
      network.awaitOn(kim, "lobby-1");
      shows(kim);
      verifies(kim);
      runs(gate);
      kicks(kim);
      assertEquals(List.of(), gate.faults);
    }
    until(() -> network.roster().node("gate-1").isEmpty());
  }

  private static void shows(HarnessPlayer kim) throws Exception {
    assertEquals("chat hello", shown(kim, Display.newBuilder().setChat("hello")));
    assertEquals("tip low", shown(kim, Display.newBuilder().setTip("low")));
    assertEquals("popup pop", shown(kim, Display.newBuilder().setPopup("pop")));
    assertEquals("tip bar", shown(kim, Display.newBuilder().setActionBar("bar")));
    assertEquals("title A/b 20,20,5", shown(kim, Display.newBuilder().setTitle(Title.newBuilder().setTitle("A").setSubtitle("b"))));
    assertEquals("toast T/m", shown(kim, Display.newBuilder().setToast(Toast.newBuilder().setTitle("T").setMessage("m"))));
    // What the proxy drops without a word is a failure.
    assertEquals("the proxy shows no empty line of chat", failed(kim, Display.newBuilder().setChat(" ")));
    kim.protocol = 500;
    assertEquals("the player's client has no toasts", failed(kim, Display.newBuilder().setToast(Toast.newBuilder().setTitle("T"))));
  }

  private static String shown(HarnessPlayer player, Display.Builder display) throws Exception {
    CommandResult<List<PlayerFailure>> result = ask(CommandType.SHOW_MESSAGE, message(player, display));
    assertTrue(result.error().isEmpty(), () -> result.error().toString());
    assertEquals(List.of(), result.reply());
    return player.screen.get(player.screen.size() - 1);
  }

  private static String failed(HarnessPlayer player, Display.Builder display) throws Exception {
    return ask(CommandType.SHOW_MESSAGE, message(player, display)).reply().get(0).error().getMessage();
  }

  private static ShowMessageCommand message(HarnessPlayer player, Display.Builder display) {
    return ShowMessageCommand.newBuilder().addPlayers(network.ref(player)).setDisplay(display).build();
  }

  /** The silence is the time since the client's last packet. */
  private static void verifies(HarnessPlayer kim) throws Exception {
    VerifyPlayerCommand verify = VerifyPlayerCommand.newBuilder().setPlayer(network.ref(kim)).build();
    TimeUnit.MILLISECONDS.sleep(1100); // a silence that can be seen
    PlayerVerified silent = ask(CommandType.VERIFY_PLAYER, verify).reply();
    assertTrue(silent.getConnected());
    assertTrue(silent.getSilence().getSeconds() >= 1, silent.toString());
    kim.sendsPacket();
    PlayerVerified heard = ask(CommandType.VERIFY_PLAYER, verify).reply();
    assertTrue(heard.getConnected() && heard.getSilence().getSeconds() == 0, heard.toString());
    PlayerRef other = network.ref(kim).toBuilder().setGeneration(7).build();
    VerifyPlayerCommand wrong = VerifyPlayerCommand.newBuilder().setPlayer(other).build();
    assertFalse(ask(CommandType.VERIFY_PLAYER, wrong).reply().getConnected());
  }

  /** The output of a command, which may ask for the class of the console. */
  private static void runs(HarnessProxy gate) throws Exception {
    gate.commands.put(
        "list",
        (sender, line) -> {
          if (!(sender instanceof ConsoleCommandSender) || sender.isPlayer() || !sender.hasPermission("any")) return false;
          sender.sendMessage("one\ntwo");
          sender.sendMessage(line);
          return true;
        });
    gate.commands.put(
        "broken",
        (sender, line) -> {
          throw new IllegalStateException("it broke");
        });
    ConsoleOutput output = run("list all").reply();
    assertTrue(output.getSuccess());
    assertEquals(List.of("one", "two", "list all"), output.getLinesList());
    ConsoleOutput unknown = run("nothing").reply();
    assertFalse(unknown.getSuccess());
    assertEquals(1, unknown.getLinesCount(), "v2.0.3 prints nothing for it");
    CommandResult<ConsoleOutput> broken = run("broken");
    assertTrue(broken.error().orElseThrow().getMessage().contains("it broke"));
  }

  private static CommandResult<ConsoleOutput> run(String line) throws Exception {
    return ask(CommandType.RUN_CONSOLE_COMMAND, RunConsoleCommand.newBuilder().setLine(line).build());
  }

  private static void kicks(HarnessPlayer kim) throws Exception {
    PlayerRef stale = network.ref(kim).toBuilder().setGeneration(7).build();
    KickPlayersCommand kick =
        KickPlayersCommand.newBuilder().addPlayers(stale).setMessage("not you").build();
    assertEquals(1, ask(CommandType.KICK_PLAYERS, kick).reply().size());
    assertTrue(kim.isConnected());
    kick = KickPlayersCommand.newBuilder().addPlayers(network.ref(kim)).setMessage("bye").build();
    assertEquals(List.of(), ask(CommandType.KICK_PLAYERS, kick).reply());
    assertTrue(kim.screen.contains("disconnect bye"));
    network.awaitGone(kim);
  }
}
