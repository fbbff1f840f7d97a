package kelpie.client;

import io.grpc.ManagedChannel;
import io.grpc.okhttp.OkHttpChannelBuilder;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** Opens channels to coordinators. */
final class Channels {
  /** The default window of 64 KiB lets 1.25 MB/s through at 20 ms round trip. */
  private static final int WINDOW_BYTES = 1 << 20;

  private static final int MOST_MESSAGE_BYTES = 16 * 1024 * 1024;

  private Channels() {}

  /** {@code executor}: runs the callbacks; null for that of gRPC. Throws FILE_INVALID for a certificate. */
  static ManagedChannel open(String endpoint, Protection protection, Executor executor) {
    OkHttpChannelBuilder builder =
        OkHttpChannelBuilder.forAddress(
                Endpoints.hostOf(endpoint), Endpoints.portOf(endpoint), protection.credentialsFor(endpoint))
            // Keepalive notices a dead coordinator.
            .keepAliveTime(20, TimeUnit.SECONDS)
            .keepAliveTimeout(5, TimeUnit.SECONDS)
            .keepAliveWithoutCalls(true)
            .flowControlWindow(WINDOW_BYTES)
            .maxInboundMessageSize(MOST_MESSAGE_BYTES)
            // gRPC makes no retries of its own.
            .disableRetry()
            // An HTTP proxy of the environment is for the web. gRPC would use it even for this machine.
            .proxyDetector(address -> null);
    if (executor != null) builder.executor(executor);
    return builder.build();
  }
}
