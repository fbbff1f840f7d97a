package kelpie.client;

/** The functions and settings of a proxy that has players. */
public final class PlayersOptions {}
