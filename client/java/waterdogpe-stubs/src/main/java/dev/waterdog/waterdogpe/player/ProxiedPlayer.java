package dev.waterdog.waterdogpe.player;

import dev.waterdog.waterdogpe.ProxyServer;
import dev.waterdog.waterdogpe.Stub;
import dev.waterdog.waterdogpe.command.CommandSender;
import dev.waterdog.waterdogpe.network.protocol.ProtocolVersion;
import dev.waterdog.waterdogpe.network.protocol.handler.PluginPacketHandler;
import dev.waterdog.waterdogpe.network.protocol.rewrite.types.RewriteData;
import dev.waterdog.waterdogpe.network.protocol.user.LoginData;
import dev.waterdog.waterdogpe.network.protocol.user.Platform;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.utils.types.TextContainer;
import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.UUID;

/** A stub of a player. */
public class ProxiedPlayer implements CommandSender {
  /** Null before their first server. It is the new server from the beginning of a transfer, and not from its end. */
  public ServerInfo getServerInfo() {
    throw new Stub();
  }

  public Collection<ServerInfo> getPendingServers() {
    throw new Stub();
  }

  /** Null if the proxy connects the player to no server. */
  public ServerInfo getConnectingServer() {
    throw new Stub();
  }

  public RewriteData getRewriteData() {
    throw new Stub();
  }

  public void connect(ServerInfo serverInfo) {
    throw new Stub();
  }

  /** v2.0.3 needs a public address that is resolved. */
  public void redirectServer(ServerInfo serverInfo) {
    throw new Stub();
  }

  /** v2.0.3 also takes a String, later versions a CharSequence: code for one of them does not run on the other. */
  public void disconnect(TextContainer message) {
    throw new Stub();
  }

  public boolean isConnected() {
    throw new Stub();
  }

  @Override
  public String getName() {
    throw new Stub();
  }

  public UUID getUniqueId() {
    throw new Stub();
  }

  /** Empty in offline mode. */
  public String getXuid() {
    throw new Stub();
  }

  public InetSocketAddress getAddress() {
    throw new Stub();
  }

  public long getPing() {
    throw new Stub();
  }

  public ProtocolVersion getProtocol() {
    throw new Stub();
  }

  public Platform getDevicePlatform() {
    throw new Stub();
  }

  public String getDeviceModel() {
    throw new Stub();
  }

  public LoginData getLoginData() {
    throw new Stub();
  }

  public Collection<PluginPacketHandler> getPluginPacketHandlers() {
    throw new Stub();
  }

  @Override
  public boolean isPlayer() {
    throw new Stub();
  }

  @Override
  public boolean hasPermission(String permission) {
    throw new Stub();
  }

  @Override
  public void sendMessage(String message) {
    throw new Stub();
  }

  @Override
  public void sendMessage(TextContainer message) {
    throw new Stub();
  }

  public void sendPopup(String message, String subtitle) {
    throw new Stub();
  }

  public void sendTip(String message) {
    throw new Stub();
  }

  public void sendTitle(String title, String subtitle) {
    throw new Stub();
  }

  /** The times are ticks. */
  public void sendTitle(String title, String subtitle, int fadeIn, int stay, int fadeOut) {
    throw new Stub();
  }

  public void sendToastMessage(String title, String content) {
    throw new Stub();
  }

  @Override
  public ProxyServer getProxy() {
    throw new Stub();
  }
}
