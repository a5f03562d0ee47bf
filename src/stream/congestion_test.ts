import assert from "node:assert/strict";
import { test } from "node:test";
import { CongestionDetector, type CongestionSigns } from "./congestion.ts";

const QUIET: CongestionSigns = { queueDelayUs: 0, framesDropped: 0, fractionLost: 0, receiverCongested: false };

test("CongestionDetector takes a long queue, a drop, heavy loss and the receiver's word for signs", () => {
  const signs: [Partial<CongestionSigns>, boolean][] = [
    [{}, false],
    [{ queueDelayUs: 100_000 }, false],
    [{ queueDelayUs: 100_001 }, true],
    [{ framesDropped: 1 }, true],
    [{ fractionLost: 0.1 }, false],
    [{ fractionLost: 0.11 }, true],
    [{ receiverCongested: true }, true],
  ];
  for (const [sign, expected] of signs) {
    assert.equal(new CongestionDetector(400_000).observe({ ...QUIET, ...sign }, 0), expected, JSON.stringify(sign));
  }
});

test("CongestionDetector says that it is over after a second without a sign", () => {
  const detector = new CongestionDetector(400_000);
  assert.equal(detector.observe({ ...QUIET, framesDropped: 3 }, 0), true);
  assert.equal(detector.observe({ ...QUIET, framesDropped: 3 }, 999_999), true);
  // Still a sign while congested, though it would not have been one before.
  assert.equal(detector.observe({ ...QUIET, framesDropped: 3, fractionLost: 0.05 }, 1_000_000), true);
  assert.equal(detector.observe({ ...QUIET, framesDropped: 3 }, 1_999_999), true);
  assert.equal(detector.observe({ ...QUIET, framesDropped: 3 }, 2_000_000), false);
  assert.equal(detector.observe({ ...QUIET, framesDropped: 3, fractionLost: 0.05 }, 2_000_001), false);
});
