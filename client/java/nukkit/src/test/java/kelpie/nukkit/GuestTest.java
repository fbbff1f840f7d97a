package kelpie.nukkit;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Whom an eviction closes: a player may log in again while the eviction of their older connection is on its way. */
class GuestTest {
  private final Guest guest = new Guest(null, "2535400000000001");

  @Test
  void aLoginThatWaitsForItsAnswerStays() {
    assertFalse(guest.isMeantBy(0));
    assertFalse(guest.isMeantBy(7));
  }

  @Test
  void aLoginThatNoCoordinatorDecidedStaysUntilTheyAreInTheWorld() {
    guest.granted(0);
    assertFalse(guest.isMeantBy(7));
    guest.join();
    assertTrue(guest.isMeantBy(0));
    assertTrue(guest.isMeantBy(7));
  }

  @Test
  void anEvictionOfAnOlderGenerationClosesNoNewerLogin() {
    guest.granted(8);
    assertFalse(guest.isMeantBy(7));
    assertFalse(guest.isMeantBy(0), "the older connection came in without a coordinator");
    guest.join();
    assertFalse(guest.isMeantBy(7));
    assertFalse(guest.isMeantBy(0));
  }

  /** The client has forgotten the grant, so it reported the player without one. */
  @Test
  void aPlayerWhoseGrantHasLapsedIsClosedWithoutAGeneration() {
    guest.granted(8);
    guest.grantedNs -= TimeUnit.SECONDS.toNanos(61);
    guest.join();
    assertTrue(guest.isMeantBy(0));
  }

  @Test
  void anEvictionOfTheirGenerationClosesThem() {
    guest.granted(8);
    assertTrue(guest.isMeantBy(8));
    guest.join();
    assertTrue(guest.isMeantBy(8));
    assertTrue(guest.isMeantBy(9));
  }
}
