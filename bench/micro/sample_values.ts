/**
 * Values as services send them, for the codec and guard benches.
 *
 * @module
 */

/** A point, 13 bytes of CBOR. */
export const POINT: unknown = { x: 10, y: 20, z: 30, w: 40 };

/** A sensor record, about 150 bytes of CBOR. */
export const RECORD: unknown = {
  id: 12345,
  name: "sensor-17",
  tags: ["indoor", "north", "calibrated"],
  position: { x: 1.5, y: -2.25, z: 100 },
  active: true,
  note: "the quick brown fox jumps over",
  time: 1_700_000_000_000,
};

/** A list of 100 such records. */
export const LIST: unknown = Array.from({ length: 100 }, () => RECORD);
