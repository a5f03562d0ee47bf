/**
 * The npm packages as they would be published, on a registry of this machine.
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NpmRegistry, type PackageManifest } from "./npm_registry.ts";
import { repositoryPath, rootUrl } from "./repository.ts";

/** What `scripts/pack.mjs` exports, as far as tests use it. */
interface PackScript {
  stage(options: { out: string; binaries: string }): string[];
  pack(folders: string[], out: string): { name: string; filename: string; files: { path: string }[] }[];
  platformManifest(platform: string): PackageManifest;
}

/** Packages on a registry. */
export interface Published {
  readonly registry: NpmRegistry;
  /** Paths inside each package of ours, by its name. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  /** Platforms that have a package, this machine's and others. */
  readonly platforms: readonly string[];
}

/**
 * Pack everything into `folder`, which is to be empty, and publish it, with what it depends on and with packages of other platforms. These hold
 * no binary: whoever loaded one would be found out.
 */
export async function publishPackages(folder: string): Promise<Published> {
  const { stage, pack, platformManifest } = await script<PackScript>("pack");
  const { PLATFORMS } = await script<{ PLATFORMS: Record<string, unknown> }>("platforms");
  const out = join(folder, "packages");
  const ours = stage({ out, binaries: repositoryPath("native") });
  const names = new Set(ours.map((path) => manifestOf(path).name));
  const platforms = Object.keys(PLATFORMS);
  const foreign = platforms.map(platformManifest).filter(({ name }) => !names.has(name));
  // cbor-x, which modules from JSR import, may use the second one, and Deno wants to see it.
  const unused = [...foreign, { name: "cbor-extract", version: "2.2.3" }];
  const stubs = unused.map((manifest) => writePackage(join(folder, "unused", manifest.name), manifest));
  const others = ["@standard-schema/spec", "cbor-x"].map((name) => repositoryPath(`node_modules/${name}`));
  const folders = [...ours, ...stubs, ...others];
  const packed = pack(folders, folder);
  const registry = await NpmRegistry.open();
  for (const path of folders) {
    const manifest = manifestOf(path);
    const { filename } = packed.find(({ name }) => name === manifest.name)!;
    registry.publish(manifest, readFileSync(join(folder, filename)));
  }
  const files = packed.filter(({ name }) => names.has(name)).map(({ name, files }) =>
    [name, files.map(({ path }) => path)] as const
  );
  return { registry, files: new Map(files), platforms };
}

/** A script of this repository, which has no declarations. */
export async function script<Exports>(name: string): Promise<Exports> {
  return await import(new URL(`scripts/${name}.mjs`, rootUrl).href) as Exports;
}

function manifestOf(folder: string): PackageManifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

function writePackage(folder: string, manifest: PackageManifest): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "index.js"), `throw new Error("Nothing is to load this package");\n`);
  return folder;
}
