package kelpie.client;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * The facts of a request, for its handler.
 *
 * @param source the name of the node that asks; empty if the issuer has no session
 * @param timeLeft how long the issuer still waited when the request came
 * @param attributes facts beside the command, for traces
 * @param cancelled completes when nobody waits for the reply any more: the issuer withdrew, time is up, or the client
 *     closed
 */
public record CommandContext(
    String source, Duration timeLeft, Map<String, String> attributes, CompletableFuture<Void> cancelled) {}
