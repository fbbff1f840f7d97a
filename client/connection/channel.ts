/** Channels to coordinators: encrypted or not, and with the reason if they do not open. */
import { isIP, type Socket } from 'node:net';
import {
  CallCredentials,
  ChannelCredentials,
  type ChannelOptions,
  connectivityState,
} from '@grpc/grpc-js';
import { type Channel, createChannel } from 'nice-grpc';
import { fromThrown, type KelpieError } from '../errors.js';
import { handshake, handshakeError, refusedAfterHandshake, tlsRequired } from './handshake.js';
import { contextOf, hostOf, type Protection, usesTls } from './tls.js';

/** The options of each channel: keepalive notices a dead coordinator, and gRPC makes no retries of its own. */
const channelOptions: ChannelOptions = {
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 5000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.enable_retries': 0,
  // The default window of 64 KiB lets 1.25 MB/s through at 20 ms round trip.
  'grpc-node.flow_control_window': 1 << 20,
  // With the global pool a new channel would wait for the back-off of an old one to the same address.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
  // An HTTP proxy of the environment is for the web. gRPC would use it even for this machine.
  'grpc.enable_http_proxy': 0,
};

/** A channel, and why it does not open. */
export interface OpenChannel {
  /** It makes no further connection after `close`. */
  readonly channel: Channel;
  /** The error for what a call on the channel has thrown. Where the channel did not open, it says why. */
  readonly explain: (thrown: unknown) => Promise<KelpieError>;
}

export function openChannel(endpoint: string, protection: Protection): OpenChannel {
  const tls = usesTls(endpoint, protection) ? new Tls(endpoint, protection) : undefined;
  const given = new ConnectionCredentials(tls);
  const channel = createChannel(endpoint, given, channelOptions);
  const explain = async (thrown: unknown): Promise<KelpieError> => {
    const error = fromThrown(thrown);
    const { TRANSIENT_FAILURE } = connectivityState;
    const isFailed = channel.getConnectivityState(false) === TRANSIENT_FAILURE;
    if (error.reason !== 'UNAVAILABLE' || !isFailed || !given.wasConnected) return error;
    return (await (tls ? tls.failure : tlsRequired(endpoint))) ?? error;
  };
  return { channel, explain };
}

/** The handshakes of one channel. */
class Tls {
  readonly #endpoint: string;
  readonly #protection: Protection;
  /** The reason why the last handshake failed. */
  failure: KelpieError | undefined;

  constructor(endpoint: string, protection: Protection) {
    this.#endpoint = endpoint;
    this.#protection = protection;
  }

  async connect(socket: Socket): Promise<Socket> {
    const host = hostOf(this.#endpoint);
    // After the handshake a coordinator may still refuse the certificate of the client, and says not always why.
    this.failure =
      this.#protection.cert === undefined ? undefined : refusedAfterHandshake(this.#endpoint);
    const fail = (error: unknown): KelpieError =>
      (this.failure = handshakeError(this.#endpoint, error));
    try {
      const secure = await handshake(socket, {
        host,
        // A name alone: the standard has no addresses here.
        ...(isIP(host) === 0 && { servername: host }),
        secureContext: contextOf(this.#protection),
        ALPNProtocols: ['h2'],
      });
      secure.on('error', fail);
      return secure;
    } catch (error) {
      socket.destroy();
      throw fail(error);
    }
  }
}

/**
 * The credentials of one channel, which read the certificates for each connection. They work around a fault of grpc-js:
 * if a channel is closed while it waits for its next attempt, it makes this attempt all the same, and nobody closes the
 * resulting connection. But at `close` grpc-js destroys the connector of the credentials, and before each attempt it
 * waits until the connector is ready. So a destroyed connector refuses here.
 */
class ConnectionCredentials extends ChannelCredentials {
  readonly #tls: Tls | undefined;
  /** The endpoint accepted the connection of the last attempt. */
  wasConnected = false;

  constructor(tls: Tls | undefined) {
    super();
    this.#tls = tls;
  }

  override _isSecure(): boolean {
    return this.#tls !== undefined;
  }

  override _equals(other: ChannelCredentials): boolean {
    return other === this;
  }

  override _createSecureConnector() {
    let closed = false;
    let pending: Socket | undefined;
    const credentials = CallCredentials.createEmpty();
    return {
      connect: async (socket: Socket) => {
        this.wasConnected = true;
        if (!this.#tls) return { socket, secure: false };
        pending = socket;
        const secure = await this.#tls.connect(socket);
        pending = undefined;
        return { socket: secure, secure: true };
      },
      getCallCredentials: () => credentials,
      // Each attempt begins with it.
      waitForReady: async () => {
        this.wasConnected = false;
        if (closed) throw new Error('the channel is closed');
      },
      destroy: () => {
        closed = true;
        pending?.destroy();
      },
    };
  }
}
