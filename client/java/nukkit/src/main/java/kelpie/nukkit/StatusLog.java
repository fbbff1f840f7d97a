package kelpie.nukkit;

import cn.nukkit.plugin.PluginLogger;
import java.util.function.Consumer;
import kelpie.client.KelpieException;
import kelpie.client.Status;

/** Shows the operator what happens to the connection. Each outage has one line. */
final class StatusLog implements Consumer<Status> {
  private final PluginLogger log;
  private boolean away;

  StatusLog(PluginLogger log) {
    this.log = log;
  }

  @Override
  public void accept(Status status) {
    if (status instanceof Status.Connected connected) {
      away = false;
      log.info("connected to " + connected.endpoint() + " as " + connected.welcome().getNodeName());
    } else if (status instanceof Status.Disconnected disconnected) {
      if (!away) log.warning("no coordinator is connected" + disconnected.error().map(StatusLog::because).orElse(""));
      away = true;
    } else if (status instanceof Status.Lost lost) {
      log.warning("the history of the network has a gap: " + lost.gap().getReason());
    } else if (status instanceof Status.Refused refused) {
      log.warning("the coordinator refused a request" + because(refused.error()));
    } else if (status instanceof Status.HandlerFailed failed) {
      log.warning("the handler of " + failed.pattern() + " failed", failed.error());
    } else if (status instanceof Status.FileFailed failed) {
      log.warning("cannot use the file " + failed.path(), failed.error());
    } else if (status instanceof Status.CredentialExpiring expiring) {
      log.warning("the token of this server expires in " + expiring.expiresIn().toHours() + " hours");
    } else if (status instanceof Status.Closed closed) {
      closed.error().ifPresent(error -> log.error("this server is not in the network any more" + because(error)));
    }
  }

  private static String because(KelpieException error) {
    return ": " + error.reason() + ": " + error.getMessage();
  }
}
