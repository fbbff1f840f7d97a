package kelpie.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.CompletableFuture;
import kelpie.v1.ConnectRequest;
import kelpie.v1.ConnectResponse;
import kelpie.v1.SessionServiceGrpc;

/** One stream over a connection of its own. */
final class GrpcWire implements Wire {
  private final Transport transport;
  private final String endpoint;
  private ManagedChannel channel;
  private ClientCall<ConnectRequest, ConnectResponse> call;
  private Link link;
  private boolean cancelled;
  private boolean halfClosed;
  /** Whether the coordinator has sent anything on the stream. */
  private boolean answered;

  GrpcWire(Transport transport, String endpoint) {
    this.transport = transport;
    this.endpoint = endpoint;
  }

  @Override
  public void open(Link given) {
    link = given;
    try {
      channel = Channels.open(endpoint, transport.protection, transport.loop);
    } catch (RuntimeException error) {
      // After the caller knows the stream.
      transport.loop.execute(() -> end(Errors.fromThrown(error)));
      return;
    }
    transport
        .tokens
        .forStream(channel, transport.loop)
        .thenCompose(this::connect)
        .exceptionally(
            thrown -> {
              explain(thrown);
              return null;
            });
  }

  private CompletableFuture<Void> connect(String token) {
    Metadata headers = Transport.metadataOf(token);
    return transport
        .checkNetwork(channel, headers)
        .thenAccept(
            checked -> {
              if (cancelled) {
                end(null);
                return;
              }
              call = channel.newCall(SessionServiceGrpc.getConnectMethod(), CallOptions.DEFAULT);
              call.start(new Receiver(), headers);
              call.request(1);
              link.flush();
            });
  }

  /** The loop is the executor of the channel, so gRPC calls it there. */
  private final class Receiver extends ClientCall.Listener<ConnectResponse> {
    @Override
    public void onReady() {
      link.flush();
    }

    @Override
    public void onMessage(ConnectResponse message) {
      answered = true;
      link.received(message);
      call.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (status.isOk()) end(null);
      else explain(status.asRuntimeException(trailers));
    }
  }

  /** Where the connection did not open, TLS may be the reason. */
  private void explain(Throwable thrown) {
    KelpieException error = transport.tokens.refused(Errors.fromThrown(thrown));
    if (error.reason() != Reason.UNAVAILABLE || answered || cancelled) {
      end(error);
      return;
    }
    boolean encrypted = transport.protection.encrypts(endpoint);
    boolean hasCertificate = transport.protection.hasCertificate();
    KelpieException known = encrypted ? Handshakes.errorOf(endpoint, error.getCause(), hasCertificate) : null;
    if (known != null || Handshakes.neverConnected(error.getCause())) {
      end(known == null ? error : known);
      return;
    }
    // The probe waits, so it has a thread of its own.
    CompletableFuture.supplyAsync(
            () -> Handshakes.probe(endpoint, encrypted, hasCertificate),
            task -> Threads.daemons("kelpie-probe").newThread(task).start())
        .whenCompleteAsync(
            (why, failed) -> end(why == null ? Handshakes.otherwise(endpoint, error) : why), transport.loop);
  }

  private void end(KelpieException error) {
    if (channel != null) channel.shutdownNow();
    link.finished(error);
  }

  @Override
  public boolean isReady() {
    return call != null && call.isReady() && !cancelled && !halfClosed;
  }

  @Override
  public void send(ConnectRequest message) {
    call.sendMessage(message);
  }

  @Override
  public void halfClose() {
    if (call == null || cancelled || halfClosed) return;
    halfClosed = true;
    call.halfClose();
  }

  @Override
  public void cancel() {
    if (cancelled) return;
    cancelled = true;
    if (call != null) call.cancel("the client ended the stream", null);
    else if (channel != null) channel.shutdownNow();
  }
}
