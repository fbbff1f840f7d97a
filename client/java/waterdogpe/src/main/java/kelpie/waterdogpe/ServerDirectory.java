package kelpie.waterdogpe;

import dev.waterdog.waterdogpe.ProxyServer;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfoType;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import kelpie.client.Roster;
import kelpie.v1.Address;
import kelpie.v1.Node;
import kelpie.v1.NodeRole;

/**
 * The servers of the network as servers of the proxy. It adds and removes only its own ones: a server of config.yml with
 * the name of a node stays as it is. A server that leaves is removed from the list; the proxy moves its players when
 * their connections break.
 */
final class ServerDirectory {
  /** A host without an address is looked up again after this time. */
  private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(30);

  /** A server that the plugin wants to have. {@code info} is null until its host is looked up. */
  private static final class Entry {
    final Address address;
    final Address publicAddress;
    ServerInfo info;
    /** When the host was looked up without a result, by System.nanoTime. */
    long failedNanos;
    boolean resolving;

    Entry(Node node) {
      address = node.getAddress();
      publicAddress = node.hasPublicAddress() ? node.getPublicAddress() : null;
    }

    boolean isOf(Node node) {
      return address.equals(node.getAddress())
          && (publicAddress == null ? !node.hasPublicAddress() : publicAddress.equals(node.getPublicAddress()));
    }
  }

  private final ProxyServer proxy;
  private final Roster roster;
  private final Executor lookups;
  private final Consumer<String> log;
  private final Map<String, Entry> entries = new HashMap<>();

  /** {@code lookups} runs look-ups of hosts, which may take seconds. */
  ServerDirectory(ProxyServer proxy, Roster roster, Executor lookups, Consumer<String> log) {
    this.proxy = proxy;
    this.roster = roster;
    this.lookups = lookups;
    this.log = log;
  }

  /** Brings the servers of the proxy in line with the roster. */
  synchronized void settle() {
    Map<String, Node> wanted =
        roster.nodes().stream()
            .filter(node -> node.getRole() == NodeRole.NODE_ROLE_DOWNSTREAM && node.hasAddress())
            .collect(Collectors.toMap(Node::getName, node -> node));
    for (Map.Entry<String, Entry> entry : List.copyOf(entries.entrySet())) {
      Node node = wanted.get(entry.getKey());
      if (node == null || !entry.getValue().isOf(node)) remove(entry.getKey(), entry.getValue());
    }
    for (Node node : wanted.values()) add(node);
  }

  private void add(Node node) {
    Entry entry = entries.computeIfAbsent(node.getName(), name -> new Entry(node));
    if (entry.resolving || entry.info != null) return;
    if (entry.failedNanos != 0 && System.nanoTime() - entry.failedNanos < AGAIN_NANOS) return;
    entry.resolving = true;
    lookups.execute(() -> resolve(node.getName(), entry));
  }

  /** Looks the host up: a constructor of the proxy does it too, so it is made here. */
  private void resolve(String name, Entry entry) {
    InetSocketAddress address = of(entry.address);
    InetSocketAddress publicAddress = entry.publicAddress == null ? address : of(entry.publicAddress);
    ServerInfo info =
        address.isUnresolved()
            ? null
            : proxy.getServerInfoMap().createServerInfo(name, address, publicAddress, ServerInfoType.BEDROCK);
    synchronized (this) {
      entry.resolving = false;
      // The server has left, or has another address by now.
      if (entries.get(name) != entry) return;
      if (info == null) failed(name, entry);
      else register(name, entry, info);
    }
  }

  private void failed(String name, Entry entry) {
    if (entry.failedNanos == 0) log.accept(name + ": the host " + entry.address.getHost() + " has no address");
    entry.failedNanos = System.nanoTime();
  }

  private void register(String name, Entry entry, ServerInfo info) {
    entry.info = info;
    if (proxy.registerServerInfo(info)) log.accept("server " + name + " is there, at " + info.getAddress());
    else log.accept("server " + name + " is a server of config.yml too: that one stays");
  }

  private void remove(String name, Entry entry) {
    entries.remove(name);
    // Never a server of config.yml, or of another plugin.
    if (entry.info == null || proxy.getServerInfo(name) != entry.info) return;
    proxy.removeServerInfo(name);
    log.accept("server " + name + " has left");
  }

  private static InetSocketAddress of(Address address) {
    return new InetSocketAddress(address.getHost(), address.getPort());
  }
}
