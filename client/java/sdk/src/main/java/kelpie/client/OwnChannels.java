package kelpie.client;

import io.grpc.CallCredentials;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** The channels of calls without a session: one for each coordinator that the client has called. Any thread. */
final class OwnChannels {
  /** The deadline of a call that has none. */
  private static final int CALL_SECONDS = 30;

  private final Transport transport;
  private final Supplier<String> endpoint;
  private final Map<String, ManagedChannel> byEndpoint = new HashMap<>();
  private KelpieException ended;

  /** {@code endpoint}: that of the present session, or of the next attempt. */
  OwnChannels(Transport transport, Supplier<String> endpoint) {
    this.transport = transport;
    this.endpoint = endpoint;
  }

  /** Throws CLOSED after the end of the client, and FILE_INVALID. */
  synchronized Channel channel() {
    if (ended != null) throw ended;
    ManagedChannel channel =
        byEndpoint.computeIfAbsent(endpoint.get(), one -> Channels.open(one, transport.protection, null));
    return ClientInterceptors.intercept(channel, new Courtesy(channel));
  }

  synchronized void close(KelpieException error) {
    ended = error;
    byEndpoint.values().forEach(ManagedChannel::shutdownNow);
  }

  /** Shows the token of the moment, and takes care that no call waits for ever, or for the back-off of gRPC. */
  private final class Courtesy implements ClientInterceptor {
    private final ManagedChannel channel;

    Courtesy(ManagedChannel channel) {
      this.channel = channel;
    }

    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(MethodDescriptor<Q, A> method, CallOptions given, Channel next) {
      if (channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE) channel.resetConnectBackoff();
      CallOptions options = given.withCallCredentials(new TokenOfTheMoment());
      boolean once = method.getType().clientSendsOneMessage() && method.getType().serverSendsOneMessage();
      if (once && options.getDeadline() == null) options = options.withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
      return next.newCall(method, options);
    }
  }

  private final class TokenOfTheMoment extends CallCredentials {
    @Override
    public void applyRequestMetadata(RequestInfo info, Executor executor, MetadataApplier applier) {
      try {
        applier.apply(Transport.metadataOf(transport.tokens.current()));
      } catch (KelpieException error) {
        applier.fail(Status.UNAUTHENTICATED.withDescription(error.getMessage()).withCause(error));
      }
    }
  }
}
