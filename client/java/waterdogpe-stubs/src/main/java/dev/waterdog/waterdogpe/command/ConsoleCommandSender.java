package dev.waterdog.waterdogpe.command;

import dev.waterdog.waterdogpe.ProxyServer;
import dev.waterdog.waterdogpe.Stub;
import dev.waterdog.waterdogpe.utils.types.TextContainer;

/** A stub of the console. */
public class ConsoleCommandSender implements CommandSender {
  public ConsoleCommandSender(ProxyServer proxy) {}

  @Override
  public String getName() {
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

  @Override
  public ProxyServer getProxy() {
    throw new Stub();
  }
}
