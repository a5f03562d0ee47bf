/**
 * Certificates and keys as users give them, checked at once, so that a mistake is named where it was made.
 *
 * @module
 */

/** PEM text (recognised by its `-----BEGIN`), its bytes, or the path or `file:` URL of a file that holds it. */
export type PemSource = string | URL | Uint8Array;

/**
 * The PEM text of certificates. `what` names it in messages.
 * @throws {TypeError} when it cannot be read, or holds no certificate, saying why.
 */
export function readCertificates(what: string, source: PemSource): string {
  const pem = readPem(what, source);
  checkCertificates(what, pem);
  return pem;
}

/**
 * The PEM text of a private key. `what` names it in messages.
 * @throws {TypeError} when it cannot be read, or holds no usable key, saying why.
 */
export function readKey(what: string, source: PemSource): string {
  const pem = readPem(what, source);
  checkKey(what, pem);
  return pem;
}

/** The bytes of Base64 text, white space left out; `undefined` when it is none. */
export function decodeBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text.replace(/\s+/g, "")), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function readPem(what: string, source: PemSource): string {
  if (source instanceof Uint8Array) return new TextDecoder().decode(source);
  if (typeof source !== "string" && !(source instanceof URL)) {
    throw new TypeError(
      `${what} is ${source === null ? "null" : typeof source}, expected PEM text, bytes, a path or a file URL`,
    );
  }
  if (typeof source === "string" && source.includes("-----BEGIN")) return source;
  if (source === "") throw new TypeError(`${what} is empty, expected PEM text or the path of a file that holds it`);
  const file = typeof source === "string" && source.startsWith("file:") ? new URL(source) : source;
  if (file instanceof URL && file.protocol !== "file:") {
    throw new TypeError(`${what} is at ${file.href}, expected a file URL`);
  }
  try {
    // Most programs read no file here, and importing the module takes milliseconds.
    return process.getBuiltinModule("node:fs").readFileSync(file, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`${what} cannot be read from ${quotePath(file)}: ${why}`, { cause });
  }
}

/** A path for a message; a text too long or with line breaks may be a key that lost its first line. */
function quotePath(file: string | URL): string {
  if (file instanceof URL) return file.href;
  return file.length > 512 || /[\r\n]/.test(file) ? "a text that is neither PEM nor a path" : JSON.stringify(file);
}

function checkCertificates(what: string, pem: string): void {
  const blocks = pemBlocks(pem);
  const certificates = blocks.filter(({ label }) => CERTIFICATE_LABELS.has(label));
  if (certificates.length === 0) throw new TypeError(`${what} contains no certificate${insteadOf(blocks)}`);
  for (const { body } of certificates) {
    if (!isDer(body)) throw new TypeError(`${what} contains a damaged certificate: its Base64 does not decode to one`);
  }
}

function checkKey(what: string, pem: string): void {
  const blocks = pemBlocks(pem);
  if (blocks.some(({ label, body }) => label === "ENCRYPTED PRIVATE KEY" || body.includes("ENCRYPTED"))) {
    throw new TypeError(
      `${what} is encrypted, expected it without a passphrase (openssl pkey -in key.pem -out plain.pem)`,
    );
  }
  const key = blocks.find(({ label }) => KEY_LABELS.has(label));
  if (key === undefined) throw new TypeError(`${what} contains no private key${insteadOf(blocks)}`);
  if (!isDer(key.body)) throw new TypeError(`${what} is damaged: its Base64 does not decode to a private key`);
}

/** What was found instead, for the end of a message. */
function insteadOf(blocks: readonly PemBlock[]): string {
  if (blocks.length === 0) return ": it holds no PEM block, which starts with -----BEGIN";
  const labels = [...new Set(blocks.map(({ label }) => label))].join(", ");
  return `, only ${labels}${blocks.some(({ label }) => KEY_LABELS.has(label)) ? "; are cert and key swapped?" : ""}`;
}

function pemBlocks(pem: string): readonly PemBlock[] {
  return [...pem.matchAll(PEM_BLOCK)].map((found) => ({
    label: found.groups!["label"]!,
    body: found.groups!["body"]!,
  }));
}

/** Whether a block decodes to one DER value: a SEQUENCE whose length is what is there (X.690 §8.1). */
function isDer(base64: string): boolean {
  const bytes = decodeBase64(base64);
  if (bytes === undefined || bytes[0] !== 0x30 || bytes.length < 2) return false;
  const first = bytes[1]!;
  if (first < 0x80) return bytes.length === 2 + first;
  const size = first & 0x7f;
  let length = 0;
  for (let at = 2; at < 2 + size; at++) length = length * 256 + (bytes[at] ?? 0);
  return bytes.length === 2 + size + length;
}

interface PemBlock {
  readonly label: string;
  readonly body: string;
}

/** Textual encodings of RFC 7468 and its predecessors. */
const PEM_BLOCK = /-----BEGIN (?<label>[A-Z0-9 ]+)-----(?<body>[^]*?)-----END \k<label>-----/g;
const CERTIFICATE_LABELS: ReadonlySet<string> = new Set(["CERTIFICATE", "X509 CERTIFICATE"]);
const KEY_LABELS: ReadonlySet<string> = new Set(["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]);
