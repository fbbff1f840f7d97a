import cn.nukkit.Player;
import cn.nukkit.event.EventHandler;
import cn.nukkit.event.Listener;
import cn.nukkit.plugin.PluginBase;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import kelpie.client.CommandType;
import kelpie.client.Content;
import kelpie.nukkit.KelpieArrivalEvent;
import kelpie.nukkit.KelpieArrivedEvent;
import kelpie.nukkit.KelpieDepartureEvent;
import kelpie.nukkit.KelpiePlugin;

/** Another plugin of the server, as an author writes it: it uses the client and the events of the Kelpie plugin. */
public final class GreeterPlugin extends PluginBase implements Listener {
  private KelpiePlugin kelpie;

  @Override
  public void onEnable() {
    kelpie = KelpiePlugin.of(getServer()).orElseThrow();
    getServer().getPluginManager().registerEvents(this, this);
    kelpie
        .client()
        .handleAsync(
            CommandType.custom("who"),
            (request, context) -> CompletableFuture.supplyAsync(this::who, kelpie.mainThread()));
  }

  private Content who() {
    return Content.json(
        Map.of("players", getServer().getOnlinePlayers().values().stream().map(Player::getName).sorted().toList()));
  }

  @EventHandler
  public void onArrival(KelpieArrivalEvent event) {
    if (event.getContextText().equals("spectator")) event.refuse("the round has begun");
  }

  @EventHandler
  public void onArrived(KelpieArrivedEvent event) {
    String name = event.getPlayer().getName();
    String from = event.getFromServer();
    event.getPlayer().sendMessage("Welcome from " + from + ", " + name + "! " + event.getContextText());
  }

  /** Saving takes a moment. */
  @EventHandler
  public void onDeparture(KelpieDepartureEvent event) {
    event.getPlayer().sendMessage("Saved. Next stop: " + event.getToServer());
    event.waitFor(
        CompletableFuture.runAsync(() -> {}, CompletableFuture.delayedExecutor(50, TimeUnit.MILLISECONDS)));
  }
}
