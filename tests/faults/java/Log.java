package faults;

import java.io.BufferedWriter;
import java.io.FileWriter;
import java.io.IOException;
import java.io.Writer;

/** Lines in a file, from any thread. */
final class Log {
  private final Writer out;

  Log(String path) throws IOException {
    out = new BufferedWriter(new FileWriter(path));
  }

  synchronized void line(String text) {
    try {
      out.write(text + "\n");
    } catch (IOException failure) {
      throw new IllegalStateException(failure);
    }
  }

  synchronized void flush() throws IOException {
    out.flush();
  }
}
