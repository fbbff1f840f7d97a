package kelpie.client;

import io.grpc.Channel;
import java.util.function.Supplier;
import kelpie.v1.AccessServiceGrpc;
import kelpie.v1.CommandServiceGrpc;
import kelpie.v1.CoordinatorServiceGrpc;
import kelpie.v1.EventServiceGrpc;
import kelpie.v1.NetworkServiceGrpc;
import kelpie.v1.NodeServiceGrpc;
import kelpie.v1.PlayerServiceGrpc;
import kelpie.v1.RoutingServiceGrpc;
import kelpie.v1.StateServiceGrpc;

/**
 * Every call of the contract, as generated stubs with the credentials of the client. The calls go to the coordinator of
 * the present session over a connection of their own, which the first call opens. They do not wait for a session. A call
 * without a deadline ends after 30 s. {@code KelpieClient.errorOf} makes a {@link KelpieException} of what a call throws.
 */
public final class Calls {
  private final Supplier<Channel> channel;

  Calls(Supplier<Channel> channel) {
    this.channel = channel;
  }

  /** Nodes. */
  public NodeServiceGrpc.NodeServiceFutureStub nodes() {
    return NodeServiceGrpc.newFutureStub(channel.get());
  }

  /** Players. */
  public PlayerServiceGrpc.PlayerServiceFutureStub players() {
    return PlayerServiceGrpc.newFutureStub(channel.get());
  }

  /** Shared values. */
  public StateServiceGrpc.StateServiceFutureStub state() {
    return StateServiceGrpc.newFutureStub(channel.get());
  }

  /** Routing rules. */
  public RoutingServiceGrpc.RoutingServiceFutureStub routing() {
    return RoutingServiceGrpc.newFutureStub(channel.get());
  }

  /** The settings of the network. */
  public NetworkServiceGrpc.NetworkServiceFutureStub network() {
    return NetworkServiceGrpc.newFutureStub(channel.get());
  }

  /** The coordinator. */
  public CoordinatorServiceGrpc.CoordinatorServiceFutureStub coordinator() {
    return CoordinatorServiceGrpc.newFutureStub(channel.get());
  }

  /** Credentials. */
  public AccessServiceGrpc.AccessServiceFutureStub access() {
    return AccessServiceGrpc.newFutureStub(channel.get());
  }

  /** The history of events, also as a stream. */
  public EventServiceGrpc.EventServiceStub events() {
    return EventServiceGrpc.newStub(channel.get());
  }

  /** Commands without a session, as a stream. */
  public CommandServiceGrpc.CommandServiceStub commands() {
    return CommandServiceGrpc.newStub(channel.get());
  }

  /** The channel, for a stub of another form. */
  public Channel channel() {
    return channel.get();
  }
}
