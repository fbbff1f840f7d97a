import cn.nukkit.Nukkit;
import java.io.FilterInputStream;
import java.io.IOException;

/** Runs PowerNukkit, and ends the process when its standard input ends: the program that started it has ended then. */
public final class Leash {
  public static void main(String[] args) {
    System.setIn(
        new FilterInputStream(System.in) {
          @Override
          public int read(byte[] bytes, int offset, int length) throws IOException {
            int read = super.read(bytes, offset, length);
            if (read < 0) Runtime.getRuntime().halt(1);
            return read;
          }
        });
    Nukkit.main(args);
  }
}
