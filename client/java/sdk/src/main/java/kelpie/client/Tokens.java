package kelpie.client;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.stub.MetadataUtils;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import kelpie.v1.AccessServiceGrpc;
import kelpie.v1.JoinRequest;
import kelpie.v1.JoinResponse;

/** The token that a client shows: a fixed one, or that of a file, which the client reads at each use. */
final class Tokens {
  /** The pause before a refused token of a file is shown again: somebody may replace the file. */
  private static final Duration REFUSED = Duration.ofSeconds(15);

  private static final Set<Reason> REFUSALS =
      Set.of(Reason.CREDENTIAL_INVALID, Reason.CREDENTIAL_EXPIRED, Reason.CREDENTIAL_REVOKED);

  /** Refusals of Join by which no Join has accepted the token that waits, nor an earlier one. */
  private static final Set<Reason> NOT_ACCEPTED =
      Set.of(Reason.JOIN_TOKEN_USED, Reason.RIGHT_MISSING, Reason.NODE_NAME_INVALID, Reason.CREDENTIAL_REQUIRED);

  /** A text that a header can carry. Only the coordinator judges the form of a token. */
  private static final Pattern CARRIED = Pattern.compile("[\\x21-\\x7e]{1,1024}");

  private final String node;
  private final String token;
  private final TokenFile file;
  private final String joinToken;
  /** The token that a stream showed last, and whether its coordinator refused it. */
  private String shown;

  private boolean refused;

  /** Throws VALUE_INVALID. A message never shows a token. */
  Tokens(ConnectOptions options) {
    node = options.name;
    boolean given = options.token != null || options.tokenFile != null;
    String path = options.tokenFile == null ? null : options.tokenFile.toString();
    if (!given) path = Environment.or(null, "KELPIE_TOKEN_FILE");
    token = given ? options.token : Environment.or(null, "KELPIE_TOKEN");
    if (token != null) check("token", token);
    if (token != null && path != null)
      throw Errors.invalid(
          (given ? "token and tokenFile" : "KELPIE_TOKEN and KELPIE_TOKEN_FILE") + " are both set; set one of them",
          "token");
    file = path == null ? null : new TokenFile(Path.of(path));
    String set = options.token == null ? Environment.or(null, "KELPIE_JOIN_TOKEN") : null;
    joinToken = options.joinToken == null ? set : options.joinToken;
    if (joinToken == null) return;
    check("joinToken", joinToken);
    if (file == null)
      throw Errors.invalid(
          "a join token needs tokenFile or KELPIE_TOKEN_FILE, for the token of this node", "tokenFile");
  }

  static String check(String field, String text) {
    if (CARRIED.matcher(text).matches()) return text;
    throw Errors.invalid(
        field + " is no token; a token is klp_ and 43 letters, digits, \"_\" and \"-\", without spaces", field);
  }

  /** The token to show now; null: none. Throws FILE_INVALID. */
  String current() {
    if (file == null) return token;
    String found = file.read();
    if (found != null) return found;
    throw new KelpieException(Reason.FILE_INVALID, "the token file " + file + " does not exist");
  }

  /**
   * The token for a stream on this channel. A node with a join token and without a token of its own joins first. Fails
   * with the refusal of Join, or FILE_INVALID. Loop only.
   */
  CompletableFuture<String> forStream(ManagedChannel channel, Loop loop) {
    try {
      String own = joinToken == null ? current() : file.read();
      CompletableFuture<String> token =
          own == null && joinToken != null ? joined(channel, loop) : CompletableFuture.completedFuture(own);
      return token.whenComplete((found, error) -> shown = found);
    } catch (KelpieException error) {
      return CompletableFuture.failedFuture(error);
    }
  }

  private CompletableFuture<String> joined(ManagedChannel channel, Loop loop) {
    return join(channel, loop)
        .handle(
            (done, thrown) -> {
              if (thrown == null) return CompletableFuture.completedFuture(done);
              KelpieException error = Errors.fromThrown(thrown);
              // Another join token has made a credential with it, and its answer was lost.
              boolean taken =
                  error.reason() == Reason.RIGHTS_INVALID && "token_hash".equals(error.metadata().get("field"));
              if (!taken) return CompletableFuture.<JoinResponse>failedFuture(error);
              file.dropPending();
              return join(channel, loop);
            })
        .thenCompose(again -> again)
        .handle(
            (done, thrown) -> {
              if (thrown != null) {
                KelpieException error = Errors.fromThrown(thrown);
                if (NOT_ACCEPTED.contains(error.reason())) file.dropPending();
                throw notJoined(error);
              }
              file.acceptPending();
              return current();
            });
  }

  private CompletableFuture<JoinResponse> join(ManagedChannel channel, Loop loop) {
    JoinRequest request =
        JoinRequest.newBuilder().setNodeName(node).setTokenHash(ByteString.copyFrom(hashOf(file.pending()))).build();
    AccessServiceGrpc.AccessServiceFutureStub access =
        AccessServiceGrpc.newFutureStub(channel)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(Transport.metadataOf(joinToken)))
            .withDeadlineAfter(Transport.CALL_SECONDS, TimeUnit.SECONDS);
    return Transport.completable(access.join(request), loop);
  }

  private static byte[] hashOf(String token) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.US_ASCII));
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** Whether the file has another token than the refused one, or the node can join again: true once a refusal. */
  boolean renewed() {
    if (!refused) return false;
    try {
      String found = file.read();
      if (found == null ? joinToken == null : found.equals(shown)) return false;
    } catch (KelpieException unusable) {
      return false;
    }
    refused = false;
    return true;
  }

  /** The error of a stream, with what to do about it. A file may get another token: its refusal is not permanent. */
  KelpieException refused(KelpieException error) {
    refused = file != null && REFUSALS.contains(error.reason());
    if (!refused) return error;
    String again = joinToken == null ? "" : ", or remove the file, and the node joins again";
    String message =
        error.getMessage() + "; the token is that of " + file + ": write a new one into it" + again;
    Duration asked = error.retryAfter().orElse(REFUSED);
    Duration retryAfter = asked.compareTo(REFUSED) < 0 ? REFUSED : asked;
    return new KelpieException(error.reason(), message, error.metadata(), false, retryAfter, error.getCause());
  }

  private static KelpieException notJoined(KelpieException error) {
    boolean used = error.reason() == Reason.JOIN_TOKEN_USED;
    String help = used || REFUSALS.contains(error.reason()) ? "; get a new one: kelpie token create --join" : "";
    String why =
        error.reason() == Reason.CREDENTIAL_REQUIRED
            ? "it is no join token of this coordinator; if it is the token of the node, set it as token or"
                + " KELPIE_TOKEN, and not as joinToken or KELPIE_JOIN_TOKEN"
            : error.getMessage();
    return new KelpieException(
        error.reason(),
        "the node cannot join with its join token: " + why + help,
        error.metadata(),
        error.permanent() || used,
        error.retryAfter().orElse(null),
        error.getCause());
  }
}
