package kelpie.client;

import static kelpie.client.Awaited.failure;
import static kelpie.client.Awaited.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import kelpie.v1.CreateCredentialRequest;
import kelpie.v1.CreateCredentialResponse;
import kelpie.v1.CredentialPreset;
import kelpie.v1.GetOwnCredentialRequest;
import kelpie.v1.JoinTerms;
import kelpie.v1.ListCredentialsRequest;
import kelpie.v1.NodeRole;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tokens, certificates and networks, against real coordinators. */
@Timeout(60)
class AccessTest {
  @TempDir Path folder;

  /** A coordinator with the credential of an operator. */
  private Kelpied guarded() throws Exception {
    Path data = Files.createDirectories(folder.resolve("data"));
    Kelpied.run("--data", data.toString(), "token", "create", "op", "--token-file", operatorFile().toString());
    return Kelpied.in(data, Kelpied.freePort());
  }

  private Path operatorFile() {
    return folder.resolve("op.token");
  }

  /** A client that may do everything. */
  private KelpieClient operator(Kelpied kelpied) throws Exception {
    KelpieClient operator = KelpieClient.connect(kelpied.node("op").tokenFile(operatorFile()).build());
    get(operator.ready());
    return operator;
  }

  private static CreateCredentialResponse create(KelpieClient operator, CreateCredentialRequest.Builder request)
      throws Exception {
    request.setPreset(CredentialPreset.CREDENTIAL_PRESET_SERVICE);
    return operator.calls().access().createCredential(request.build()).get();
  }

  @Test
  void aNodeShowsItsTokenInStreamsAndCalls() throws Exception {
    try (Kelpied kelpied = guarded();
        KelpieClient operator = operator(kelpied)) {
      KelpieClient none = KelpieClient.connect(kelpied.node("shop").build());
      assertEquals(Reason.CREDENTIAL_REQUIRED, failure(none.ready()).reason());

      String token = create(operator, CreateCredentialRequest.newBuilder().setName("shop")).getToken();
      try (KelpieClient shop = KelpieClient.connect(kelpied.node("shop").token(token).build())) {
        get(shop.ready());
        var own = shop.calls().access().getOwnCredential(GetOwnCredentialRequest.getDefaultInstance()).get();
        assertEquals("shop", own.getCredential().getName());
        KelpieException missing =
            assertThrows(
                KelpieException.class,
                () -> {
                  try {
                    shop.calls().access().listCredentials(ListCredentialsRequest.getDefaultInstance()).get();
                  } catch (java.util.concurrent.ExecutionException thrown) {
                    throw KelpieClient.errorOf(thrown);
                  }
                });
        assertEquals(Reason.RIGHT_MISSING, missing.reason());
      }
    }
  }

  /** A stream with a refused token of a file waits 15 s for the next one, so this asks the tokens themselves. */
  @Test
  void aTokenInItsFileIsReadAgainForEachStream() throws Exception {
    Path file = Files.writeString(folder.resolve("shop.token"), "klp_older\n");
    Tokens tokens = new Tokens(ConnectOptions.builder("shop", NodeRole.NODE_ROLE_SERVICE).tokenFile(file).build());
    assertEquals("klp_older", tokens.current());
    Files.writeString(file, "klp_newer\n");
    assertEquals("klp_newer", tokens.current());
    KelpieException refused =
        tokens.refused(Errors.permanent(Reason.CREDENTIAL_INVALID, "it is not good here", java.util.Map.of()));
    assertFalse(refused.permanent(), "the client goes on: the file may get another token");
    assertEquals(15, refused.retryAfter().orElseThrow().toSeconds());
    assertTrue(refused.getMessage().contains(file.toString()), refused.getMessage());
    Files.delete(file);
    assertEquals(Reason.FILE_INVALID, assertThrows(KelpieException.class, tokens::current).reason());
  }

  @Test
  void aNodeJoinsOnceAndKeepsItsOwnToken() throws Exception {
    try (Kelpied kelpied = guarded();
        KelpieClient operator = operator(kelpied)) {
      CreateCredentialRequest.Builder request =
          CreateCredentialRequest.newBuilder()
              .setName("lobbies")
              .setTtl(com.google.protobuf.Duration.newBuilder().setSeconds(3600))
              .setJoin(JoinTerms.newBuilder().setUses(1));
      request.getRightsBuilder().addNodeNames("lobby-*");
      String join = create(operator, request).getToken();
      Path own = folder.resolve("keys").resolve("lobby-1.token");
      ConnectOptions options = kelpied.node("lobby-1").tokenFile(own).joinToken(join).build();
      try (KelpieClient first = KelpieClient.connect(options)) {
        get(first.ready());
      }
      assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(own)));
      assertFalse(Files.exists(own.resolveSibling("lobby-1.token.joining")));
      try (KelpieClient second = KelpieClient.connect(options)) {
        get(second.ready());
      }
      ConnectOptions another =
          kelpied.node("lobby-2").tokenFile(folder.resolve("lobby-2.token")).joinToken(join).build();
      assertEquals(Reason.JOIN_TOKEN_USED, failure(KelpieClient.connect(another).ready()).reason());
      assertFalse(Files.exists(folder.resolve("lobby-2.token.joining")));
    }
  }

  @Test
  void aClientOfAnotherNetworkOpensNoSession() throws Exception {
    try (Kelpied kelpied = Kelpied.dev()) {
      KelpieClient client = KelpieClient.connect(kelpied.node("shop").network("test").build());
      KelpieException error = failure(client.ready());
      assertEquals(Reason.NETWORK_MISMATCH, error.reason());
      assertEquals("main", error.metadata().get("network"));
      try (KelpieClient right = KelpieClient.connect(kelpied.node("shop").network("main").build())) {
        get(right.ready());
      }
    }
  }

  @Test
  void aClientTrustsTheCaOfItsCoordinator() throws Exception {
    Path tls = certificates("ours", "127.0.0.1");
    Path others = certificates("others", "127.0.0.1");
    try (Kelpied kelpied =
        Kelpied.dev("--tls-cert", tls + "/server.pem", "--tls-key", tls + "/server-key.pem")) {
      String ca = tls.resolve("ca.pem").toString();
      try (KelpieClient client = KelpieClient.connect(kelpied.node("shop").ca(ca).build())) {
        get(client.ready());
      }
      try (KelpieClient client = KelpieClient.connect(kelpied.node("pem").ca(Files.readString(Path.of(ca))).build())) {
        get(client.ready());
      }
      assertEquals(Reason.CERTIFICATE_UNTRUSTED, refusal(kelpied.node("a").ca(others + "/ca.pem")).reason());
      assertEquals(Reason.CERTIFICATE_UNTRUSTED, refusal(kelpied.node("b").tls(true)).reason());
      assertEquals(Reason.TLS_REQUIRED, refusal(kelpied.node("c")).reason());
    }
    try (Kelpied elsewhere =
        Kelpied.dev("--host", "127.0.0.2", "--tls-cert", tls + "/server.pem", "--tls-key", tls + "/server-key.pem")) {
      KelpieException wrong = refusal(elsewhere.node("d").ca(tls + "/ca.pem"));
      assertEquals(Reason.CERTIFICATE_WRONG_HOST, wrong.reason());
    }
    try (Kelpied plain = Kelpied.dev()) {
      assertEquals(Reason.TLS_UNSUPPORTED, refusal(plain.node("e").tls(true)).reason());
    }
  }

  @Test
  void aClientShowsItsCertificate() throws Exception {
    Path tls = certificates("ours", "127.0.0.1");
    Path others = certificates("others", "127.0.0.1");
    for (Path one : List.of(tls, others)) Kelpied.run("certs", "--out", one.toString(), "--client", "lobby-1");
    try (Kelpied kelpied =
        Kelpied.dev(
            "--tls-cert", tls + "/server.pem", "--tls-key", tls + "/server-key.pem", "--tls-client-ca", tls + "/ca.pem")) {
      String ca = tls.resolve("ca.pem").toString();
      ConnectOptions.Builder shown =
          kelpied.node("lobby-1").ca(ca).cert(tls + "/client-lobby-1.pem", tls + "/client-lobby-1-key.pem");
      try (KelpieClient client = KelpieClient.connect(shown.build())) {
        get(client.ready());
      }
      assertEquals(Reason.CLIENT_CERTIFICATE_REQUIRED, refusal(kelpied.node("a").ca(ca)).reason());
      assertEquals(
          Reason.CLIENT_CERTIFICATE_REFUSED,
          refusal(kelpied.node("b").ca(ca).cert(others + "/client-lobby-1.pem", others + "/client-lobby-1-key.pem")).reason());
    }
  }

  private Path certificates(String name, String... hosts) throws Exception {
    Path tls = folder.resolve(name);
    String[] command = new String[3 + hosts.length];
    command[0] = "certs";
    command[1] = "--out";
    command[2] = tls.toString();
    System.arraycopy(hosts, 0, command, 3, hosts.length);
    Kelpied.run(command);
    return tls;
  }

  /** The error of the first attempt. The client goes on, as the coordinator may be mended. */
  private static KelpieException refusal(ConnectOptions.Builder options) throws Exception {
    Awaited<Status> statuses = new Awaited<>();
    KelpieClient[] made = new KelpieClient[1];
    try {
      made[0] = KelpieClient.connect(options.build(), client -> client.onStatus(statuses));
      KelpieException error = statuses.next(Status.Disconnected.class).error().orElseThrow();
      return error;
    } finally {
      made[0].close();
    }
  }

  @Test
  void optionsThatCannotWorkAreRefusedAtOnce() throws Exception {
    ConnectOptions.Builder both = ConnectOptions.builder("a", NodeRole.NODE_ROLE_SERVICE).insecure(true).tls(true);
    assertEquals(Reason.VALUE_INVALID, thrown(both).reason());
    Path empty = Files.writeString(folder.resolve("empty.pem"), "nothing");
    ConnectOptions.Builder noCa = ConnectOptions.builder("a", NodeRole.NODE_ROLE_SERVICE).ca(empty.toString());
    assertEquals(Reason.FILE_INVALID, thrown(noCa).reason());
    ConnectOptions.Builder noKey = ConnectOptions.builder("a", NodeRole.NODE_ROLE_SERVICE).cert("x.pem", null);
    assertEquals(Reason.VALUE_INVALID, thrown(noKey).reason());
    KelpieException spaces = thrown(ConnectOptions.builder("a", NodeRole.NODE_ROLE_SERVICE).token("a secret"));
    assertEquals(Reason.VALUE_INVALID, spaces.reason());
    assertFalse(spaces.getMessage().contains("secret"), "a message never shows a token");
    Files.writeString(folder.resolve("cursor"), "half");
    ConnectOptions.Builder half =
        ConnectOptions.builder("a", NodeRole.NODE_ROLE_SERVICE).cursorFile(folder.resolve("cursor"));
    assertEquals(Reason.FILE_INVALID, thrown(half).reason());
    assertTrue(thrown(half).permanent());
  }

  private static KelpieException thrown(ConnectOptions.Builder options) {
    return assertThrows(KelpieException.class, () -> KelpieClient.connect(options.build()));
  }
}
