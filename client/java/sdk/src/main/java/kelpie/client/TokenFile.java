package kelpie.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Map;
import java.util.Set;

/**
 * The file of a node's token. It has the token alone, for its user to read. A token that is not good yet stands in a file
 * beside it, so that the file itself never has a token that no coordinator has accepted.
 */
final class TokenFile {
  /** The most bytes of the file. A larger file is another file. */
  private static final int MOST_BYTES = 4096;

  private static final int TOKEN_BYTES = 32;

  /** Work that throws an IOException. */
  private interface Work<T> {
    T run() throws IOException;
  }

  private final Path path;
  private final Path pending;

  TokenFile(Path path) {
    this.path = path.toAbsolutePath();
    pending = this.path.resolveSibling(this.path.getFileName() + ".joining");
  }

  /** The token in the file; null if there is no file. Throws FILE_INVALID: a later attempt may succeed. */
  String read() {
    return attempt(
        () -> {
          if (!Files.exists(path)) return null;
          if (!Files.isRegularFile(path) || Files.size(path) > MOST_BYTES)
            throw new IOException("it is no file of a token");
          return tokenIn(path);
        });
  }

  private static String tokenIn(Path file) throws IOException {
    return Tokens.check("its content", Files.readString(file, StandardCharsets.US_ASCII).trim());
  }

  /**
   * The token that waits for its Join: that of an earlier attempt, of this process or another one, or else a new one. It
   * is on the disk before the coordinator sees its hash. Throws FILE_INVALID.
   */
  String pending() {
    return attempt(
        () -> {
          Files.createDirectories(path.getParent());
          String drawn = draw();
          Path own = pending.resolveSibling(pending.getFileName() + "." + drawn.substring(drawn.length() - 8));
          try {
            write(own, drawn + "\n");
            // Of several processes one creates the file, whole, and the others read it.
            Files.createLink(pending, own);
            syncFolder();
            return drawn;
          } catch (FileAlreadyExistsException there) {
            return tokenIn(pending);
          } finally {
            Files.deleteIfExists(own);
          }
        });
  }

  private static String draw() {
    byte[] random = new byte[TOKEN_BYTES];
    new SecureRandom().nextBytes(random);
    return "klp_" + Base64.getUrlEncoder().withoutPadding().encodeToString(random);
  }

  private static void write(Path file, String text) throws IOException {
    boolean posix = FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
    FileAttribute<?>[] ownerOnly =
        posix
            ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))}
            : new FileAttribute<?>[0];
    Set<StandardOpenOption> fresh = Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    try (FileChannel channel = FileChannel.open(file, fresh, ownerOnly)) {
      channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
      channel.force(true);
    }
  }

  /** The coordinator has accepted the pending token: it becomes the token. Throws FILE_INVALID. */
  void acceptPending() {
    attempt(
        () -> {
          try {
            Files.move(pending, path, StandardCopyOption.ATOMIC_MOVE);
          } catch (NoSuchFileException gone) {
            // Another process of the node was faster.
          }
          syncFolder();
          return null;
        });
  }

  /** No coordinator has accepted the pending token, and the node does not ask again. Throws FILE_INVALID. */
  void dropPending() {
    attempt(() -> Files.deleteIfExists(pending));
  }

  private void syncFolder() {
    StoredFile.syncFolder(path.getParent());
  }

  private <T> T attempt(Work<T> work) {
    try {
      return work.run();
    } catch (IOException | RuntimeException cause) {
      String message = "the token file " + path + " cannot be used: " + Errors.messageOf(cause);
      throw new KelpieException(Reason.FILE_INVALID, message, Map.of(), false, null, cause);
    }
  }

  @Override
  public String toString() {
    return path.toString();
  }
}
