package dev.waterdog.waterdogpe.command;

import dev.waterdog.waterdogpe.ProxyServer;
import dev.waterdog.waterdogpe.utils.types.TextContainer;

/** A stub of the sender of a command. */
public interface CommandSender {
  String getName();

  boolean isPlayer();

  boolean hasPermission(String permission);

  void sendMessage(String message);

  void sendMessage(TextContainer message);

  ProxyServer getProxy();
}
