package kelpie.client;

/**
 * The server for a player.
 *
 * @param server the name of the server
 * @param rule the name of the rule that decided; empty if the network has no rules
 * @param lastResort whether the server is UNREACHABLE: no other one takes players, and this one may come back
 */
public record PickedServer(String server, String rule, boolean lastResort) {}
