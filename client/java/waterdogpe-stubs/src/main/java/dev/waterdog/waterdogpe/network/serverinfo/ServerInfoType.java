package dev.waterdog.waterdogpe.network.serverinfo;

/** A stub of a kind of server. */
public class ServerInfoType {
  public static final ServerInfoType BEDROCK = new ServerInfoType();
}
