package dev.waterdog.waterdogpe.event;

import dev.waterdog.waterdogpe.Stub;
import java.util.function.Consumer;

/** A stub of the events of the proxy. */
public class EventManager {
  public <T extends Event> void subscribe(Class<T> event, Consumer<T> handler) {
    throw new Stub();
  }

  public <T extends Event> void subscribe(Class<T> event, Consumer<T> handler, EventPriority priority) {
    throw new Stub();
  }
}
