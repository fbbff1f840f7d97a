package kelpie.client;

/** Bounds the requests of the program from the call to the answer, before they reach the loop. Any thread. */
final class Admission {
  private int requests;
  private long bytes;

  /** Throws REQUEST_QUEUE_FULL. */
  synchronized void enter(int size) {
    if (requests >= Requests.MOST_REQUESTS || bytes >= Requests.MOST_BYTES) throw Requests.full(requests, bytes);
    requests += 1;
    bytes += size;
  }

  synchronized void leave(int size) {
    requests -= 1;
    bytes -= size;
  }
}
