package kelpie.client;

/**
 * Handles a command on the executor of the client.
 *
 * @param <Q> the request
 * @param <R> the reply
 */
@FunctionalInterface
public interface CommandHandler<Q, R> {
  /** Returns the reply. If it throws, the issuer gets COMMAND_FAILED with the message of the exception. */
  R handle(Q request, CommandContext context) throws Exception;
}
