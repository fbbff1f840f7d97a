package kelpie.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BiConsumer;
import java.util.function.Supplier;

/**
 * A small file with the newest state of something that changes. The client writes the whole content under another name,
 * syncs it to the disk, and then renames it. So a reader gets the old state or the new one, and never half of one.
 */
final class StoredFile {
  /** Changes within this time are written together. */
  private static final long SETTLE_MS = 500;

  /** Reads the content of a file. */
  interface Decoder<T> {
    T decode(byte[] bytes) throws IOException;
  }

  private final Path path;
  private final Loop loop;
  private final BiConsumer<Path, Throwable> onFailure;
  /** Writes wait for the disk, and large files for their bytes, which the loop must not do. */
  private final ExecutorService writer = Executors.newSingleThreadExecutor(Threads.daemons("kelpie-file"));
  /** Makes the bytes to write next; null if nothing changed. */
  private Supplier<byte[]> next;
  private Runnable timer;

  StoredFile(Path path, Loop loop, BiConsumer<Path, Throwable> onFailure) {
    this.path = path.toAbsolutePath();
    this.loop = loop;
    this.onFailure = onFailure;
  }

  /** The content of the file; null if there is none. Throws FILE_INVALID if it cannot be read. */
  <T> T load(Decoder<T> decoder) {
    try {
      return decoder.decode(Files.readAllBytes(path));
    } catch (NoSuchFileException none) {
      return null;
    } catch (IOException | RuntimeException cause) {
      String message =
          path + " cannot be read (" + Errors.messageOf(cause) + "); remove it to start without it";
      throw new KelpieException(Reason.FILE_INVALID, message, Map.of(), true, null, cause);
    }
  }

  /** Reports that the file could not be read or written. */
  void fail(Throwable error) {
    onFailure.accept(path, error);
  }

  /** Writes the newest bytes soon. {@code make} runs on the thread of the file: it may take long. Loop only. */
  void save(Supplier<byte[]> make) {
    next = make;
    if (timer == null) timer = loop.after(SETTLE_MS, this::write);
  }

  private void write() {
    timer = null;
    if (next == null) return;
    Supplier<byte[]> make = next;
    next = null;
    writer.execute(
        () -> {
          try {
            replace(make.get());
          } catch (IOException | RuntimeException error) {
            fail(error);
          }
        });
  }

  /** Writes the newest state now. Completes when no file is open any more. Loop only. */
  CompletableFuture<Void> close() {
    if (timer != null) timer.run();
    write();
    CompletableFuture<Void> closed = CompletableFuture.runAsync(() -> {}, writer);
    writer.shutdown();
    return closed;
  }

  private void replace(byte[] bytes) throws IOException {
    Path fresh = path.resolveSibling(path.getFileName() + ".new");
    try (FileChannel channel =
        FileChannel.open(
            fresh, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
      ByteBuffer rest = ByteBuffer.wrap(bytes);
      while (rest.hasRemaining()) channel.write(rest);
      channel.force(true);
    }
    Files.move(fresh, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    syncFolder(path.getParent());
  }

  /** Windows opens no folder: there the system decides when a rename is on the disk. */
  static void syncFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException unsupported) {
      // The rename itself has succeeded.
    }
  }
}
