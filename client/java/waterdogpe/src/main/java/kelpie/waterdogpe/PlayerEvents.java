package kelpie.waterdogpe;

import dev.waterdog.waterdogpe.event.Event;
import dev.waterdog.waterdogpe.event.EventManager;
import dev.waterdog.waterdogpe.event.EventPriority;
import dev.waterdog.waterdogpe.event.defaults.InitialServerConnectedEvent;
import dev.waterdog.waterdogpe.event.defaults.PlayerDisconnectedEvent;
import dev.waterdog.waterdogpe.event.defaults.PlayerLoginEvent;
import dev.waterdog.waterdogpe.event.defaults.ServerTransferFailedEvent;
import dev.waterdog.waterdogpe.event.defaults.ServerTransferRequestEvent;
import dev.waterdog.waterdogpe.event.defaults.TransferCompleteEvent;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import kelpie.client.Acquired;
import kelpie.client.KelpieClient;
import kelpie.client.Players;
import kelpie.v1.DuplicatePolicy;
import kelpie.v1.TransferTicket;

/** The events of the proxy about players. */
final class PlayerEvents {
  private static final String FAILED = "The network could not log you in: ";

  private final Players players;
  private final DuplicatePolicy policy;
  private final Sessions sessions;
  private final Transfers transfers;
  private final Consumer<Throwable> onFault;

  PlayerEvents(
      Players players,
      DuplicatePolicy policy,
      Sessions sessions,
      Transfers transfers,
      Consumer<Throwable> onFault) {
    this.players = players;
    this.policy = policy;
    this.sessions = sessions;
    this.transfers = transfers;
    this.onFault = onFault;
  }

  void subscribe(EventManager events) {
    // The last one of all handlers: a login that another plugin refuses asks for nobody.
    on(events, PlayerLoginEvent.class, EventPriority.HIGHEST, this::login);
    on(
        events,
        InitialServerConnectedEvent.class,
        EventPriority.NORMAL,
        event -> sessions.arrived(event.getPlayer(), Facts.serverOf(event.getPlayer())));
    on(
        events,
        TransferCompleteEvent.class,
        EventPriority.NORMAL,
        event -> transfers.arrived(event.getPlayer(), event.getTargetServer()));
    on(
        events,
        ServerTransferRequestEvent.class,
        EventPriority.HIGHEST,
        event -> transfers.requested(event.getPlayer(), event.getTargetServer(), event.isCancelled()));
    on(
        events,
        PlayerDisconnectedEvent.class,
        EventPriority.NORMAL,
        event -> {
          // The network hears of the end first: it decides how a transfer ended.
          sessions
              .disconnected(event.getPlayer())
              .whenComplete((told, error) -> transfers.disconnected(event.getPlayer()));
        });
    try {
      on(events, ServerTransferFailedEvent.class, EventPriority.NORMAL, this::failed);
    } catch (NoClassDefFoundError older) {
      // v2.0.3 does not have the event: there the handler of fallbacks sees it.
    }
  }

  /** On v2.0.3 a handler that throws hides the event from the handlers after it, and can break a connection. */
  private <T extends Event> void on(EventManager events, Class<T> type, EventPriority order, Consumer<T> handler) {
    events.subscribe(
        type,
        event -> {
          try {
            handler.accept(event);
          } catch (RuntimeException fault) {
            onFault.accept(fault);
          }
        },
        order);
  }

  private void failed(ServerTransferFailedEvent event) {
    transfers.failed(event.getPlayer(), event.getTargetServer(), event.getReason().getName() + ": " + event.getMessage());
  }

  /** The proxy waits for the future, and v2.0.3 does so for ever: it completes whatever happens. */
  private void login(PlayerLoginEvent event) {
    if (event.isCancelled()) return;
    CompletableFuture<Void> decided = new CompletableFuture<>();
    event.addCompletableFuture(decided);
    try {
      PlayerSession session = sessions.begin(event.getPlayer());
      players
          .acquire(Facts.of(event.getPlayer()), policy)
          .whenComplete(
              (acquired, error) -> {
                try {
                  if (error == null) decide(event, session, acquired);
                  else deny(event, session, FAILED + KelpieClient.errorOf(error).getMessage());
                } finally {
                  decided.complete(null);
                }
              });
    } catch (RuntimeException fault) {
      onFault.accept(fault);
      event.setCancelReason(FAILED + fault.getMessage());
      event.setCancelled();
      decided.complete(null);
    }
  }

  private void decide(PlayerLoginEvent event, PlayerSession session, Acquired acquired) {
    if (acquired instanceof Acquired.Denied denied) deny(event, session, denied.text());
    else if (acquired instanceof Acquired.Granted granted)
      sessions.granted(
          session, granted.generation(), granted.ticket().map(TransferTicket::getServer).orElse(""));
  }

  private void deny(PlayerLoginEvent event, PlayerSession session, String text) {
    sessions.denied(session);
    event.setCancelReason(text);
    event.setCancelled();
  }
}
