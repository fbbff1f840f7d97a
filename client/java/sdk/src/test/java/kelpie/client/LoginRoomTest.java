package kelpie.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class LoginRoomTest {
  /** The stream breaks while thousands of logins wait for room: each of them fails at once, one inside the other. */
  @Test
  void thousandsOfLoginsThatFailAtOnceLeaveTheWholeRoom() {
    LoginRoom room = new LoginRoom();
    AtomicBoolean away = new AtomicBoolean();
    List<CompletableFuture<Void>> asked = new ArrayList<>();
    List<CompletableFuture<Void>> logins = new ArrayList<>();
    for (int count = 0; count < 20_000; count++)
      logins.add(
          room.run(
              100,
              () -> {
                CompletableFuture<Void> answer = new CompletableFuture<>();
                if (away.get()) answer.completeExceptionally(Errors.unanswered());
                else asked.add(answer);
                return answer;
              }));
    away.set(true);
    List.copyOf(asked).forEach(answer -> answer.completeExceptionally(Errors.unanswered()));
    assertTrue(logins.stream().allMatch(CompletableFuture::isCompletedExceptionally));
    away.set(false);
    asked.clear();
    for (int count = 0; count < 600; count++)
      room.run(
          100,
          () -> {
            asked.add(new CompletableFuture<>());
            return asked.get(asked.size() - 1);
          });
    assertEquals(500, asked.size(), "places of the room were lost");
  }
}
