/** Replaces a method of a class by one that a test plants. It gets the real one. */
export function method<Class, Name extends keyof Class>(
  prototype: Class,
  name: Name,
  planted: (real: Class[Name]) => Class[Name],
): void {
  prototype[name] = planted(prototype[name]);
}
