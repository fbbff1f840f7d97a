package kelpie.waterdogpe.harness;

import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * The networks of tests that run side by side, most of which wait. Each test has one for itself, and a later test uses it
 * again: a coordinator takes half a second of a processor to start.
 */
public final class Networks implements AutoCloseable {
  /** Does something with a network. */
  public interface Step {
    void take(Network network) throws Exception;
  }

  private final Deque<Network> free = new ConcurrentLinkedDeque<>();
  private final Step prepare;

  /** {@code prepare} gets each new network. */
  public Networks(Step prepare) {
    this.prepare = prepare;
  }

  /** A network without proxies and servers. */
  public Network take() throws Exception {
    Network used = free.poll();
    if (used != null) return used;
    Network network = new Network();
    try {
      prepare.take(network);
      return network;
    } catch (Exception failed) {
      network.close();
      throw failed;
    }
  }

  /** The test has ended. */
  public void giveBack(Network network) throws Exception {
    try {
      network.clear();
    } catch (Exception | AssertionError failed) {
      network.close();
      throw failed;
    }
    free.add(network);
  }

  @Override
  public void close() throws Exception {
    for (Network network = free.poll(); network != null; network = free.poll()) network.close();
  }
}
