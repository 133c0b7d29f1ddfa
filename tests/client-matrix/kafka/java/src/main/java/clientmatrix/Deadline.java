package clientmatrix;

import java.util.function.BooleanSupplier;

/** Waiting for a condition while something is done that brings it nearer. */
final class Deadline {
  private static final long SECONDS = 40;

  private Deadline() {}

  static void until(String what, BooleanSupplier condition, Runnable step) {
    long end = System.nanoTime() + SECONDS * 1_000_000_000L;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("waited " + SECONDS + " s in vain for: " + what);
      }
      step.run();
    }
  }
}
