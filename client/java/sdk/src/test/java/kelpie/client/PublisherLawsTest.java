package kelpie.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import kelpie.v1.ErrorDetail;
import kelpie.v1.ErrorReason;
import kelpie.v1.EventDraft;
import kelpie.v1.Limits;
import kelpie.v1.Publish;
import kelpie.v1.PublishAck;
import kelpie.v1.Welcome;
import org.junit.jupiter.api.Test;

/**
 * Laws of publishing, over many random lives of a publisher: a coordinator that stores by number, cuts streams between
 * any two steps, loses acknowledgements, rejects some events, and now and then forgets a tail of its journal.
 */
class PublisherLawsTest {
  private static final int LIVES = 300;
  private static final int STEPS = 200;
  private static final Limits LIMITS =
      Limits.newBuilder()
          .setPayloadBytes(1000)
          .setPublishEvents(7)
          .setPublishBytes(2000)
          .setMessageBytes(1 << 20)
          .setJsonDepth(30)
          .build();

  /** The journal of a coordinator, as far as one instance has published. */
  private static final class Journal {
    /** The stored events, by their publish sequence; the first has number 1. */
    final List<String> settled = new ArrayList<>();

    final Set<String> rejected = new HashSet<>();

    /** Stores what it does not have. Returns the rejections since the last acknowledgement. */
    PublishAck take(Publish publish, Random random) {
      PublishAck.Builder ack = PublishAck.newBuilder();
      long number = publish.getFirstPublishSequence();
      assertTrue(number <= settled.size() + 1, "a hole before " + number);
      for (EventDraft event : publish.getEventsList()) {
        String text = event.getPayload().getContent().getText();
        if (number > settled.size()) {
          boolean refused = random.nextInt(20) == 0;
          settled.add(refused ? "" : text);
          if (refused) {
            rejected.add(text);
            ErrorDetail error = ErrorDetail.newBuilder().setReason(ErrorReason.ERROR_REASON_TEXT_TOO_LONG).build();
            ack.addRejectionsBuilder().setPublishSequence(number).setError(error);
          }
        } else
          assertTrue(
              settled.get((int) number - 1).equals(text) || rejected.contains(text),
              "number " + number + " was used for two events");
        number += 1;
      }
      return ack.setPublishSequence(settled.size()).build();
    }

    Welcome welcome() {
      return Welcome.newBuilder().setPublishSequence(settled.size()).setLimits(LIMITS).build();
    }
  }

  @Test
  void eachEventIsStoredOnceInOrderAndEachFutureSettles() {
    for (int seed = 0; seed < LIVES; seed++) live(seed);
  }

  private static void live(int seed) {
    Random random = new Random(seed);
    Programs programs = new Programs("law", Runnable::run);
    programs.shutdown();
    Publisher publisher = new Publisher(programs, () -> {});
    Journal journal = new Journal();
    List<CompletableFuture<Void>> futures = new ArrayList<>();
    boolean open = false;
    for (int step = 0; step < STEPS; step++) {
      switch (random.nextInt(4)) {
        case 0, 1 -> futures.add(publisher.publish(Drafts.of("a.b", Content.text("e" + futures.size()), PublishOptions.NONE)));
        case 2 -> {
          if (open) exchange(publisher, journal, random);
        }
        default -> {
          publisher.restart(journal.welcome());
          open = true;
        }
      }
    }
    publisher.restart(journal.welcome());
    while (exchange(publisher, journal, new Random(1))) continue;
    assertInOrder(journal, seed);
    for (int number = 0; number < futures.size(); number++) {
      assertTrue(futures.get(number).isDone(), "seed " + seed + ": event " + number + " never settled");
      boolean stored = journal.settled.contains("e" + number);
      boolean refused = journal.rejected.contains("e" + number);
      assertTrue(stored != refused, "seed " + seed + ": event " + number + " was stored and refused, or neither");
      // A rejection may be lost with its stream; nothing that was stored may fail.
      if (futures.get(number).isCompletedExceptionally()) assertTrue(refused, "seed " + seed + ": " + number);
    }
  }

  /** One frame, and its acknowledgement unless that is lost. False if there is nothing to send. */
  private static boolean exchange(Publisher publisher, Journal journal, Random random) {
    Publish publish = publisher.take(1 << 20);
    if (publish == null) return false;
    assertTrue(publish.getEventsCount() <= LIMITS.getPublishEvents());
    PublishAck ack = journal.take(publish, random);
    if (random.nextInt(5) > 0) publisher.acknowledge(ack);
    else publisher.restart(journal.welcome());
    return true;
  }

  private static void assertInOrder(Journal journal, int seed) {
    List<Integer> numbers =
        journal.settled.stream().filter(text -> !text.isEmpty()).map(text -> Integer.parseInt(text.substring(1))).toList();
    assertEquals(numbers.stream().sorted().distinct().toList(), numbers, "seed " + seed);
  }

  @Test
  void aJournalThatLostItsTailGetsTheUnsettledEventsUnderFreeNumbers() {
    Programs programs = new Programs("law", Runnable::run);
    programs.shutdown();
    Publisher publisher = new Publisher(programs, () -> {});
    publisher.restart(Welcome.newBuilder().setLimits(LIMITS).build());
    for (int number = 0; number < 5; number++)
      publisher.publish(Drafts.of("a.b", Content.text("e" + number), PublishOptions.NONE));
    assertEquals(1, publisher.take(1 << 20).getFirstPublishSequence());
    publisher.acknowledge(PublishAck.newBuilder().setPublishSequence(3).build());
    publisher.restart(Welcome.newBuilder().setPublishSequence(1).setLimits(LIMITS).build());
    Publish again = publisher.take(1 << 20);
    assertEquals(2, again.getFirstPublishSequence());
    assertEquals(List.of("e3", "e4"), again.getEventsList().stream().map(one -> one.getPayload().getContent().getText()).toList());
  }

  @Test
  void anEventBeyondTheLimitsOfANewCoordinatorIsRefused() {
    Programs programs = new Programs("law", Runnable::run);
    programs.shutdown();
    Publisher publisher = new Publisher(programs, () -> {});
    CompletableFuture<Void> large =
        publisher.publish(Drafts.of("a.b", Content.text("x".repeat(2000)), PublishOptions.NONE));
    CompletableFuture<Void> small = publisher.publish(Drafts.of("a.b", Content.text("x"), PublishOptions.NONE));
    publisher.restart(Welcome.newBuilder().setLimits(LIMITS).build());
    assertTrue(large.isCompletedExceptionally());
    assertEquals(1, publisher.take(1 << 20).getEventsCount());
    publisher.acknowledge(PublishAck.newBuilder().setPublishSequence(1).build());
    assertTrue(small.isDone() && !small.isCompletedExceptionally());
  }
}
