package kelpie.client;

import kelpie.v1.PlayerLeaveReason;

/**
 * A player whom the proxy must disconnect.
 *
 * @param id the id of the player
 * @param generation the presence, or the grant, that ended: a later one of the same player stays. 0: no coordinator had
 *     granted it
 * @param reason the reason
 * @param text the text to show the player
 */
public record Evicted(String id, long generation, PlayerLeaveReason reason, String text) {}
