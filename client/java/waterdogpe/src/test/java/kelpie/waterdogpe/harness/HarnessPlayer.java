package kelpie.waterdogpe.harness;

import com.google.gson.JsonObject;
import dev.waterdog.waterdogpe.ProxyServer;
import dev.waterdog.waterdogpe.event.defaults.InitialServerConnectedEvent;
import dev.waterdog.waterdogpe.event.defaults.PlayerDisconnectedEvent;
import dev.waterdog.waterdogpe.event.defaults.PlayerLoginEvent;
import dev.waterdog.waterdogpe.event.defaults.ServerTransferFailedEvent;
import dev.waterdog.waterdogpe.event.defaults.ServerTransferRequestEvent;
import dev.waterdog.waterdogpe.event.defaults.TransferCompleteEvent;
import dev.waterdog.waterdogpe.network.connection.handler.ReconnectReason;
import dev.waterdog.waterdogpe.network.protocol.ProtocolVersion;
import dev.waterdog.waterdogpe.network.protocol.handler.PluginPacketHandler;
import dev.waterdog.waterdogpe.network.protocol.handler.TransferCallback;
import dev.waterdog.waterdogpe.network.protocol.rewrite.types.RewriteData;
import dev.waterdog.waterdogpe.network.protocol.user.LoginData;
import dev.waterdog.waterdogpe.network.protocol.user.Platform;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;
import dev.waterdog.waterdogpe.utils.types.TextContainer;
import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.cloudburstmc.protocol.bedrock.PacketDirection;
import org.cloudburstmc.protocol.bedrock.packet.BedrockPacket;

/** One connection of a player, as the proxy of that version treats it. */
public final class HarnessPlayer extends ProxiedPlayer {
  private final HarnessProxy proxy;
  private final String name;
  private final String xuid;
  private final UUID uuid;
  private final JsonObject clientData;
  private final List<PluginPacketHandler> packetHandlers = new CopyOnWriteArrayList<>();

  /** What the player saw: "chat …", "title …", "redirect …", "disconnect …". */
  public final List<String> screen = new CopyOnWriteArrayList<>();
  /** Whether the client acknowledges a change of dimension: only then does a transfer complete. */
  public volatile boolean acknowledges = true;
  /** The player loads resource packs until {@link #packsLoaded}. */
  public volatile boolean loadsPacks;
  /** The proxy tells of the end only with {@link #tellEnd}: its events come in any order. */
  public volatile boolean endsLate;
  /** The host that the player connected to. */
  public volatile String host = "play.example.org";
  /** The protocol of the player's client. */
  public volatile int protocol = 766;

  private final List<ServerInfo> pending = new CopyOnWriteArrayList<>();
  private volatile boolean open = true;
  private volatile boolean loginCompleted;
  private volatile boolean disconnected;
  /** Set while the login event runs: the proxy disconnects the player afterwards. */
  private volatile TextContainer disconnectAfterLogin;
  private volatile ServerInfo server;
  private volatile ServerInfo connecting;
  private volatile TransferCallback.TransferPhase phase;

  public HarnessPlayer(HarnessProxy proxy, String name, String xuid, UUID uuid, JsonObject clientData) {
    this.proxy = proxy;
    this.name = name;
    this.xuid = xuid;
    this.uuid = uuid;
    this.clientData = clientData;
  }

  /** The login event, and what the proxy does after it. */
  void begin() {
    PlayerLoginEvent event = new PlayerLoginEvent(this);
    proxy
        .events
        .call(event)
        .whenComplete(
            (done, error) -> {
              loginCompleted = true;
              if (error != null) disconnect(new TextContainer("login failed: " + error.getMessage()));
              else if (event.isCancelled()) disconnect(new TextContainer(event.getCancelReason()));
              else if (!isConnected() || disconnectAfterLogin != null)
                disconnect(disconnectAfterLogin == null ? new TextContainer("Already disconnected") : disconnectAfterLogin);
              else if (!loadsPacks) proxy.loop.execute(this::initialConnect);
            });
  }

  /** The player has loaded the resource packs. */
  public void packsLoaded() {
    proxy.loop.execute(this::initialConnect);
  }

  private void initialConnect() {
    if (disconnected) return;
    ServerInfo first = proxy.getForcedHostHandler().resolveForcedHost(host, this);
    if (first == null) first = proxy.getJoinHandler().determineServer(this);
    if (first == null) disconnect(new TextContainer("no initial server"));
    else connect(first);
  }

  @Override
  public void connect(ServerInfo serverInfo) {
    if (!isConnected()) throw new IllegalArgumentException("User not connected");
    if (!loginCompleted) throw new IllegalArgumentException("User not logged in");
    ServerTransferRequestEvent request = new ServerTransferRequestEvent(this, serverInfo);
    proxy.events.call(request);
    if (request.isCancelled()) return;
    ServerInfo target = request.getTargetServer();
    // The three denials that only the player hears of.
    if (server == target) sendMessage("already connected to " + target.getServerName());
    else if (pending.contains(target)) sendMessage("already connecting to " + target.getServerName());
    else if (proxy.version == Version.MASTER && switching()) sendMessage("another transfer is under way");
    else {
      pending.add(target);
      proxy.loop.execute(() -> dial(target));
    }
  }

  private boolean switching() {
    return phase != null && phase != TransferCallback.TransferPhase.RESET;
  }

  private void dial(ServerInfo target) {
    switch (proxy.behaviourOf(target)) {
      case ACCEPTS -> {
        connecting = target;
        pending.remove(target);
        proxy.loop.execute(() -> startGame(target));
      }
      case REFUSES -> {
        pending.remove(target);
        dialFailed(target, "Connection refused");
      }
      case HANGS -> {}
    }
  }

  /** The new server is the player's server from here on, before the transfer is complete. */
  private void startGame(ServerInfo target) {
    if (!isConnected() || connecting != target) return;
    connecting = null;
    boolean first = server == null;
    server = target;
    if (first) proxy.events.call(new InitialServerConnectedEvent(this));
    else {
      phase = TransferCallback.TransferPhase.PHASE_1;
      if (acknowledges) proxy.loop.execute(() -> acknowledge(target));
    }
  }

  /** The client has acknowledged the change of dimension. */
  public void acknowledge(ServerInfo target) {
    phase = TransferCallback.TransferPhase.RESET;
    proxy.events.call(new TransferCompleteEvent(this, target));
  }

  private void dialFailed(ServerInfo target, String message) {
    if (disconnected) return;
    if (proxy.version == Version.V2_0_3) {
      if (!fallBack(target, "exception", message)) disconnect(new TextContainer("could not connect: " + message));
      return;
    }
    proxy.events.call(new ServerTransferFailedEvent(this, target, reason("exception"), message));
    if (server == null) {
      if (!fallBack(target, "exception", message)) disconnect(new TextContainer("could not connect: " + message));
      return;
    }
    ServerInfo other =
        proxy.getReconnectHandler().getTransferFailureServer(this, target, reason("exception"), message);
    if (other == null || other == server) sendMessage("transfer failed: " + message);
    else connect(other);
  }

  /** The player's server is gone. */
  void lostServer(String reason) {
    ServerInfo old = server;
    proxy.loop.execute(
        () -> {
          if (!fallBack(old, reason, reason)) disconnect(new TextContainer("server is down: " + reason));
        });
  }

  private boolean fallBack(ServerInfo old, String reason, String message) {
    if (!isConnected()) return false;
    ServerInfo other = proxy.getReconnectHandler().getFallbackServer(this, old, reason(reason), message);
    if (other == null || other == server) return false;
    connect(other);
    return true;
  }

  private static ReconnectReason reason(String name) {
    return () -> name;
  }

  /** The client closes the connection. */
  public void quit() {
    open = false;
    disconnect(new TextContainer("quit"));
  }

  /** The connection dies, and the proxy forgets to say so. */
  public void dieUnseen() {
    open = false;
    proxy.players.remove(uuid);
  }

  /** The client sends a packet. */
  public void sendsPacket() {
    for (PluginPacketHandler handler : packetHandlers)
      handler.handlePacket(new BedrockPacket() {}, PacketDirection.SERVER_BOUND);
  }

  @Override
  public void disconnect(TextContainer message) {
    // During the login event the proxy only remembers it.
    if (!loginCompleted) {
      disconnectAfterLogin = message;
      return;
    }
    synchronized (this) {
      if (disconnected) return;
      disconnected = true;
    }
    screen.add("disconnect " + message.getMessage());
    if (!endsLate) tellEnd();
    open = false;
    // By UUID: it removes a newer connection of the player too.
    proxy.players.remove(uuid);
  }

  /** The event of the end of the connection. Completes when its handlers have run. */
  public CompletableFuture<PlayerDisconnectedEvent> tellEnd() {
    return proxy.events.call(new PlayerDisconnectedEvent(this));
  }

  @Override
  public void redirectServer(ServerInfo serverInfo) {
    InetSocketAddress to = serverInfo.getPublicAddress();
    // v2.0.3 throws here for an address that is not resolved.
    String shown = proxy.version == Version.V2_0_3 ? to.getAddress().getHostAddress() : to.getHostString();
    screen.add("redirect " + shown + ":" + to.getPort());
  }

  @Override
  public boolean isConnected() {
    return !disconnected && open;
  }

  @Override
  public ServerInfo getServerInfo() {
    return server;
  }

  @Override
  public Collection<ServerInfo> getPendingServers() {
    return pending;
  }

  @Override
  public ServerInfo getConnectingServer() {
    return connecting;
  }

  @Override
  public RewriteData getRewriteData() {
    return new RewriteData() {
      @Override
      public TransferCallback getTransferCallback() {
        if (phase == null) return null;
        return new TransferCallback() {
          @Override
          public TransferPhase getPhase() {
            return phase;
          }
        };
      }
    };
  }

  @Override
  public String getName() {
    return name;
  }

  @Override
  public UUID getUniqueId() {
    return uuid;
  }

  @Override
  public String getXuid() {
    return xuid;
  }

  @Override
  public InetSocketAddress getAddress() {
    return new InetSocketAddress("203.0.113.7", 54321);
  }

  @Override
  public long getPing() {
    return 42;
  }

  @Override
  public ProtocolVersion getProtocol() {
    return new ProtocolVersion() {
      @Override
      public int getProtocol() {
        return protocol;
      }
    };
  }

  @Override
  public Platform getDevicePlatform() {
    return new Platform() {
      @Override
      public String getName() {
        return "Android";
      }
    };
  }

  @Override
  public String getDeviceModel() {
    return "Pixel";
  }

  @Override
  public LoginData getLoginData() {
    return new LoginData() {
      @Override
      public String getJoinHostname() {
        return host;
      }

      @Override
      public JsonObject getClientData() {
        return clientData;
      }
    };
  }

  @Override
  public Collection<PluginPacketHandler> getPluginPacketHandlers() {
    return packetHandlers;
  }

  @Override
  public boolean isPlayer() {
    return true;
  }

  @Override
  public boolean hasPermission(String permission) {
    return false;
  }

  @Override
  public void sendMessage(String message) {
    screen.add("chat " + message);
  }

  @Override
  public void sendMessage(TextContainer message) {
    sendMessage(message.getMessage());
  }

  @Override
  public void sendPopup(String message, String subtitle) {
    screen.add("popup " + message);
  }

  @Override
  public void sendTip(String message) {
    screen.add("tip " + message);
  }

  @Override
  public void sendTitle(String title, String subtitle, int fadeIn, int stay, int fadeOut) {
    screen.add("title " + title + "/" + subtitle + " " + fadeIn + "," + stay + "," + fadeOut);
  }

  @Override
  public void sendToastMessage(String title, String content) {
    screen.add("toast " + title + "/" + content);
  }

  @Override
  public ProxyServer getProxy() {
    return proxy;
  }
}
