package kelpie.nukkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** The lines of other servers, which anybody in the network may have written. */
class ChatTest {
  private static final String FORMAT = "[{server}] <{player}> {text}";

  @Test
  void aLineHasItsPlayerAndServer() {
    assertEquals("[lobby-1] <Steve> hello", Chat.lineOf(FORMAT, "Steve", "lobby-1", "hello"));
    assertEquals("[kelpie] <?> hello", Chat.lineOf(FORMAT, "?", "", "hello"));
  }

  @Test
  void aLineHasNoColoursAndOneRow() {
    assertEquals("[lobby-1] <Steve> red  two", Chat.lineOf(FORMAT, "\u00a7cSteve", "lobby-1", "\u00a7cred\r\ntwo"));
  }

  @Test
  void thePlaceholdersOfATextStay() {
    assertEquals("[lobby-1] <Steve> {player} {text}", Chat.lineOf(FORMAT, "Steve", "lobby-1", "{player} {text}"));
  }

  @Test
  void aLongLineIsCutBetweenTwoCharacters() {
    String face = "\ud83d\ude00";
    assertEquals(face.repeat(512), Chat.cut(face.repeat(600)));
    assertEquals(face.repeat(512), Chat.cut(face.repeat(512)));
  }
}
