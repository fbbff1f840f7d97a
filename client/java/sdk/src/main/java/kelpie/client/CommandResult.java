package kelpie.client;

import java.util.Optional;

/**
 * The reply of one node, or the error that came instead.
 *
 * @param node the node
 * @param reply the reply; null if there is an error, and where the command has no reply
 * @param error the error
 * @param <R> the reply
 */
public record CommandResult<R>(String node, R reply, Optional<KelpieException> error) {}
