package kelpie.client;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;

/** Splits a list into chunks that each fit in a frame. */
final class Chunks {
  private Chunks() {}

  /**
   * The chunks in the order of the list. Each has at most {@code mostItems} items and at most {@code mostBytes} bytes; an
   * item that is larger is a chunk of its own.
   */
  static <T> List<List<T>> of(List<T> all, ToIntFunction<T> sizeOf, int mostItems, int mostBytes) {
    List<List<T>> chunks = new ArrayList<>();
    List<T> chunk = new ArrayList<>();
    long bytes = 0;
    for (T one : all) {
      int size = sizeOf.applyAsInt(one);
      if (chunk.size() == mostItems || (!chunk.isEmpty() && bytes + size > mostBytes)) {
        chunks.add(chunk);
        chunk = new ArrayList<>();
        bytes = 0;
      }
      chunk.add(one);
      bytes += size;
    }
    if (!chunk.isEmpty()) chunks.add(chunk);
    return chunks;
  }
}
