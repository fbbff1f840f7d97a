package dev.waterdog.waterdogpe.network.protocol.user;

import com.google.gson.JsonObject;
import dev.waterdog.waterdogpe.Stub;

/** A stub of the facts of a login. */
public class LoginData {
  public String getJoinHostname() {
    throw new Stub();
  }

  public JsonObject getClientData() {
    throw new Stub();
  }
}
