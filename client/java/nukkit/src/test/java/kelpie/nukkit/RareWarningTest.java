package kelpie.nukkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RareWarningTest {
  private final AtomicLong nowNs = new AtomicLong(Long.MAX_VALUE - 1);
  private final List<String> log = new ArrayList<>();
  private final RareWarning warning = new RareWarning(log::add, nowNs::get);

  @Test
  void theLogGetsOneAMinuteWithTheNumberOfTheOthers() {
    for (int line = 0; line < 10; line++) warning.warn("full");
    assertEquals(List.of("full"), log);
    nowNs.addAndGet(TimeUnit.SECONDS.toNanos(59));
    warning.warn("full");
    assertEquals(List.of("full"), log);
    nowNs.addAndGet(TimeUnit.SECONDS.toNanos(1));
    warning.warn("full");
    assertEquals(List.of("full", "full (and 10 more like it)"), log);
    nowNs.addAndGet(TimeUnit.MINUTES.toNanos(1));
    warning.warn("closed");
    assertEquals("closed", log.get(2));
  }
}
