package kelpie.waterdogpe;

import static kelpie.waterdogpe.harness.Network.awaitScreen;
import static kelpie.waterdogpe.harness.Network.awaitServer;
import static kelpie.waterdogpe.harness.Network.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import kelpie.v1.NetworkSettings;
import kelpie.v1.SetSettingsRequest;
import kelpie.waterdogpe.harness.HarnessPlayer;
import kelpie.waterdogpe.harness.HarnessProxy;
import kelpie.waterdogpe.harness.Network;
import kelpie.waterdogpe.harness.Version;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A network in maintenance, and a network whose coordinator is gone. */
@Timeout(90)
class AwayTest {
  /** Maintenance, then the loss of the coordinator, then the end of the proxies: one network, in this order. */
  @ParameterizedTest
  @EnumSource
  void thePlayersAreToldAndNobodyWaitsForEver(Version version) throws Exception {
    try (Network network = new Network()) {
      network.server("lobby-1");
      HarnessProxy open = network.proxy(version, "gate-1");
      HarnessProxy closed = network.proxy(version, "gate-2", "open-when-away", "false");
      awaitServer(open, "lobby-1");

      maintenance(network, true);
      HarnessPlayer late = open.login("Late", "2535400000000011");
      assertEquals("disconnect Back at 20:00", awaitScreen(late, "disconnect"));
      maintenance(network, false);
      HarnessPlayer early = open.login("Late", "2535400000000011");
      network.awaitOn(early, "lobby-1");

      network.killCoordinator();
      HarnessPlayer refused = closed.login("Ann", "2535400000000012");
      awaitScreen(refused, "disconnect The network cannot be reached");
      HarnessPlayer in = open.login("Bea", "2535400000000013");
      until(() -> in.getServerInfo() != null);
      assertEquals("lobby-1", in.getServerInfo().getServerName(), "the roster answers from memory");

      // Trap 4, without a coordinator: the proxy stops in bounded time.
      long begin = System.nanoTime();
      open.shutdown();
      assertTrue(System.nanoTime() - begin < TimeUnit.SECONDS.toNanos(8), "the proxy waited for too long");
    }
  }

  private static void maintenance(Network network, boolean on) throws Exception {
    NetworkSettings settings =
        NetworkSettings.newBuilder().setMaintenance(on).setMaintenanceMessage("Back at 20:00").build();
    network
        .desk
        .calls()
        .network()
        .setSettings(SetSettingsRequest.newBuilder().setSettings(settings).build())
        .get(15, TimeUnit.SECONDS);
    until(() -> network.roster().settings().getMaintenance() == on);
  }
}
