/**
 * Which plugins a builder has installed.
 *
 * @module
 */

/** Installs each plugin once, in the order of the calls. */
export class PluginRegistry {
  readonly #names = new Set<string>();

  /**
   * Let `plugin` extend `builder`.
   * @throws {TypeError} when it has no name, its name is taken, or it does not return the builder it was given.
   */
  install<B extends object>(plugin: { readonly name: string; install(builder: B): unknown }, builder: B): void {
    if (plugin === null || typeof plugin !== "object" || typeof plugin.install !== "function") {
      throw new TypeError("A plugin is an object with a name and an install method");
    }
    const { name } = plugin;
    if (typeof name !== "string" || name === "") throw new TypeError("A plugin needs a name that is not empty");
    if (this.#names.has(name)) throw new TypeError(`Plugin "${name}" is already installed`);
    // Before install, so that a plugin which installs itself again is told so instead of recursing for ever.
    this.#names.add(name);
    if (plugin.install(builder) !== builder) {
      throw new TypeError(`Plugin "${name}" must return the builder that was given to its install method`);
    }
  }

  /** Names in the order of installation. */
  names(): readonly string[] {
    return [...this.#names];
  }
}
