package bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import kelpie.client.ConnectOptions;
import kelpie.client.Content;
import kelpie.client.KelpieClient;
import kelpie.v1.NodeRole;

/**
 * The clients of the benchmark with the Java client. It measures as workload.ts does; foreign.ts has the lines that it
 * reads and writes.
 */
public final class Main {
  /** The limit of samples of one measurement. */
  private static final int SAMPLES = 20_000;

  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private record Task(
      boolean latency, String endpoint, String topic, int subscribers, int window, int payloadBytes, long warmUpMs, long measureMs) {
    static Task of(String line) {
      String[] words = line.split(" ");
      return new Task(
          words[0].equals("latency"),
          words[1],
          words[2],
          Integer.parseInt(words[3]),
          Integer.parseInt(words[4]),
          Integer.parseInt(words[5]),
          Long.parseLong(words[6]),
          Long.parseLong(words[7]));
    }
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      measure(Task.of(line));
      System.out.println("done");
    }
    System.exit(0);
  }

  private static void measure(Task task) throws InterruptedException {
    Flow flow = new Flow(task.subscribers());
    List<KelpieClient> clients = new ArrayList<>();
    for (int i = 0; i < task.subscribers(); i++) {
      clients.add(
          KelpieClient.connect(
              options(task, "bench-reader-" + i),
              client -> client.subscribe(task.topic(), event -> flow.arrived())));
    }
    KelpieClient publisher = KelpieClient.connect(options(task, "bench-publisher"));
    for (KelpieClient client : clients) client.ready().join();
    publisher.ready().join();

    Content payload = Content.bytes(new byte[task.payloadBytes()]);
    Runnable publish =
        () -> {
          flow.published++;
          publisher.publish(task.topic(), payload).whenComplete((stored, refusal) -> failed(refusal));
        };
    if (task.latency()) latency(flow, publish, task);
    else throughput(flow, publish, task);
    publisher.close(PATIENCE);
    for (KelpieClient client : clients) client.close(PATIENCE);
  }

  private static ConnectOptions options(Task task, String name) {
    return ConnectOptions.builder(name, NodeRole.NODE_ROLE_SERVICE).endpoints(task.endpoint()).build();
  }

  /** The measurement handles no refusals: one ends the process, and so the measurement. */
  private static void failed(Throwable refusal) {
    if (refusal == null) return;
    refusal.printStackTrace();
    System.exit(1);
  }

  private static void throughput(Flow flow, Runnable publish, Task task) throws InterruptedException {
    long beganNanos = System.nanoTime();
    Thread clock =
        new Thread(
            () -> {
              pause(task.warmUpMs());
              report("begin", flow, beganNanos);
              pause(task.measureMs());
              report("end", flow, beganNanos);
            });
    clock.start();
    while (clock.isAlive()) {
      while (flow.underWay() < task.window()) publish.run();
      flow.until(task.window() / 2);
    }
    flow.until(0);
  }

  private static void report(String at, Flow flow, long beganNanos) {
    double seconds = (System.nanoTime() - beganNanos) / 1e9;
    double cpuSeconds = SYSTEM.getProcessCpuTime() / 1e9;
    System.out.println(at + " " + seconds + " " + flow.delivered() + " " + cpuSeconds);
  }

  private static void pause(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }

  private static void latency(Flow flow, Runnable publish, Task task) throws InterruptedException {
    sample(flow, publish, task.warmUpMs());
    List<Long> nanos = sample(flow, publish, task.measureMs());
    Collections.sort(nanos);
    System.out.println("latency " + at(nanos, 0.5) + " " + at(nanos, 0.99));
  }

  private static double at(List<Long> nanos, double share) {
    return nanos.get((int) (nanos.size() * share)) / 1e6;
  }

  private static List<Long> sample(Flow flow, Runnable publish, long spanMs) throws InterruptedException {
    List<Long> nanos = new ArrayList<>();
    long endNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(spanMs);
    while (System.nanoTime() - endNanos < 0 && nanos.size() < SAMPLES) {
      long sentNanos = System.nanoTime();
      publish.run();
      flow.until(0);
      nanos.add(System.nanoTime() - sentNanos);
    }
    return nanos;
  }

  /** Counts the events that were published and the events that have arrived. One thread publishes and waits. */
  private static final class Flow {
    private final int subscribers;
    volatile long published;
    private long delivered;
    private long enough = -1;

    Flow(int subscribers) {
      this.subscribers = subscribers;
    }

    synchronized void arrived() {
      delivered++;
      if (underWay() <= enough) notifyAll();
    }

    synchronized long delivered() {
      return delivered;
    }

    synchronized long underWay() {
      return published - delivered / subscribers;
    }

    /** Waits until at most so many events are under way. */
    synchronized void until(long most) throws InterruptedException {
      enough = most;
      long endNanos = System.nanoTime() + PATIENCE.toNanos();
      while (underWay() > most) {
        long leftMs = TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime());
        if (leftMs <= 0) throw new IllegalStateException(underWay() + " events did not arrive");
        wait(leftMs);
      }
      enough = -1;
    }
  }
}
